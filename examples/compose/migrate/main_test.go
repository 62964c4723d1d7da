package main

import (
	"bytes"
	"testing"
	"testing/synctest"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fake time: the writes fall into the move however fast the machine is
		var out bytes.Buffer
		if err := run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		const want = `finished: slot 15997 moved, with writes to it meanwhile: true
source has 0 keys, target 1000
keys without what was written last: 0
`
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	})
}
