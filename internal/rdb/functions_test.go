package rdb

import (
	"bytes"
	"strings"
	"testing"
)

const source = "#!lua name=l1\nredis.register_function(\"f1\", function(k,a) return 1 end)"

// What redis-server 7.0.15 dumps, compressed and not, is read and written.
func TestFunctions(t *testing.T) {
	compressed := "\xf5\xc3@O@\x87\x1f#!lua name=l1\x0aredis.register_fun\x0bction(\"f1\", \xe0\x00\x0e\x16k," +
		"a) return 1 end) -- a\xe00\x00\x01aa\x0a\x00\xb9\xf6\xc5\xf2\xe2h\x95t"
	long := source + " -- " + strings.Repeat("a", 60)
	for payload, want := range map[string]string{string(seal([]byte("\xf5@G"+source), 10)): source, compressed: long} {
		if sources, err := ParseFunctions([]byte(payload)); err != nil || len(sources) != 1 || string(sources[0]) != want {
			t.Errorf("%q, %v, want %q", sources, err, want)
		}
	}
	want := seal([]byte("\xf5@G"+source), 10)
	if got := AppendFunctions(nil, [][]byte{[]byte(source)}); !bytes.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := AppendFunctions(nil, nil); string(got) != "\n\x00]\x9b\\@\x0f\x7f\xa2\xda" {
		t.Errorf("no library is %q", got)
	}
}

func TestFunctionsRefused(t *testing.T) {
	for _, tt := range []struct {
		content string
		want    error
	}{
		{"", nil},
		{"\xf5\x01a\xf5\x01b", nil},
		{"\x00\x01x", ErrNoFunction},
		{"\xf6\x01x", ErrEarlyFunction},
		{"\xf5", ErrFunction},
		{"\xf5\x7f\xff", ErrFunction},
		{"\xf5\x3cabc", ErrFunction},
		{"\xf5\x81\x00\x00\x01\x00\x00\x00\x00\x00abc", ErrFunction},
		{"\xf5\x01a\xf5\x02b", ErrFunction},
	} {
		payload := seal([]byte(tt.content), 10)
		if _, err := ParseFunctions(payload); err != tt.want {
			t.Errorf("%q: %v, want %v", tt.content, err, tt.want)
		}
		for cut := range payload {
			if _, err := ParseFunctions(payload[:cut]); err != ErrPayload {
				t.Errorf("%q cut at %d: %v", tt.content, cut, err)
			}
		}
		if _, err := ParseFunctions(seal([]byte(tt.content), 13)); err != ErrPayload {
			t.Errorf("%q of a later version: %v", tt.content, err)
		}
	}
}

// FuzzFunctions reads any payload, writes what was in it and reads it again.
func FuzzFunctions(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("\xf5@G" + source))
	f.Add([]byte("\xf5\xc0\x05\xf5\x03abc\xf5\xc3\x06\x80\x1f\xff\xff\xff\x00a\xe0\xff\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		ParseFunctions(content) // the footer is hardly ever right
		payload := seal(content, 10)
		sources, err := ParseFunctions(payload)
		if err != nil {
			return
		}
		size := 0
		for _, s := range sources {
			size += len(s)
		}
		if size > len(payload)*lzfMaxRatio {
			t.Fatalf("%d bytes grew to %d", len(payload), size)
		}
		again, err := ParseFunctions(AppendFunctions(nil, sources))
		if err != nil || len(again) != len(sources) {
			t.Fatalf("%q does not survive the way back: %q, %v", sources, again, err)
		}
		for i := range again {
			if !bytes.Equal(again[i], sources[i]) {
				t.Fatalf("%q comes back as %q", sources[i], again[i])
			}
		}
	})
}
