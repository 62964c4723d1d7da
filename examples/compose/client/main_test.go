package main

import (
	"bytes"
	"testing"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	const want = `apple: "a apple" <nil>
banana: "a banana" <nil>
cherry: "a cherry" <nil>
damson: "a damson" <nil>
elderberry: "" slotmesh: key not found
3 keys are here, 1 there
INCR: this transport knows no commands but GET and SET
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
