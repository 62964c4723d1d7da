package main

import (
	"bytes"
	"testing"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `a knows 3 nodes and the owners of 16384 slots
b knows 3 nodes and the owners of 16384 slots
c knows 3 nodes and the owners of 16384 slots
a knows that c owns slots 0-8191
b knows that c owns slots 0-8191
c knows that c owns slots 0-8191
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
