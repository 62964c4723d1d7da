package resp

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

var decodeSeeds = []string{"$3\r\nfoo\r\n", "$0\r\n\r\n", "_\r\n", "$-1\r\n", ":42\r\n", "+OK\r\n", "-ERR no\r\n",
	"*2\r\n:1\r\n$1\r\na\r\n",
	"%1\r\n+a\r\n,1.5\r\n", "#t\r\n", "$5\r\nfoo\r\n", "$3\r\nfoo\r\n$1\r\n", "+O\nK\r\n", "$2\r\n\r\n", "$3\nfoo\r\n",
	"\n\r\n", ":1\n\r\n"}

// What lies in memory is decoded as what comes from a stream.
func FuzzDecode(f *testing.F) {
	for _, s := range decodeSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Decode(b)
		r := NewReader(bytes.NewReader(b))
		want, wantErr := r.Read()
		switch {
		case wantErr == nil && r.Buffered() > 0:
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("%q: %v, want an error about what follows the reply", b, err)
			}
		case (err == nil) != (wantErr == nil):
			t.Fatalf("%q: %v, want %v", b, err, wantErr)
		case err == nil && !reflect.DeepEqual(normal(got), normal(want)):
			t.Fatalf("%q: %+v, want %+v", b, got, want)
		}
	})
}

// normal makes a NaN comparable, and an empty string equal to none.
func normal(r Reply) Reply {
	if r.Float != r.Float {
		r.Float = 0
	}
	if len(r.Str) == 0 {
		r.Str = nil
	}
	elems := r.Elems
	r.Elems = nil
	for _, e := range elems {
		r.Elems = append(r.Elems, normal(e))
	}
	return r
}

func TestDecodeCutShort(t *testing.T) {
	for _, s := range []string{"", "$", "$3\r\nfo", "*2\r\n:1\r\n"} {
		if _, err := Decode([]byte(s)); err != io.ErrUnexpectedEOF {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestDecodeCopies(t *testing.T) {
	for _, s := range []string{"$3\r\nfoo\r\n", "+foo\r\n", "*1\r\n+foo\r\n"} {
		b := []byte(s)
		r, err := Decode(b)
		clear(b)
		if len(r.Elems) > 0 {
			r = r.Elems[0]
		}
		if string(r.Str) != "foo" {
			t.Errorf("%q became %q, %v", s, r.Str, err)
		}
	}
}
