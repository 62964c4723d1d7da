package main

import (
	"bytes"
	"testing"
	"testing/synctest"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fake time: the pause before a link is made anew passes at once
		var out bytes.Buffer
		if err := run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		const want = `synced: before is "1"
acknowledged by 1: after is "2"
missed is "3", after 1 full sync and 1 partial
promoted: term 2, 4 keys
`
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	})
}
