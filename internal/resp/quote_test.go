package resp

import (
	"bytes"
	"testing"
)

// TestAppendQuoted: the form of redis-server 7.0.15, as its MONITOR shows it.
func TestAppendQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 `""`,
		"plain words":                      `"plain words"`,
		"\x00\x01\"\\\n\r\t\a\b\xff\x7f~'": `"\x00\x01\"\\\n\r\t\a\b\xff\x7f~'"`,
		"ü":                                `"\xc3\xbc"`,
	} {
		if got := string(AppendQuoted(nil, []byte(in))); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// FuzzAppendQuoted: what was quoted is one word of a line, and reads back as it was.
func FuzzAppendQuoted(f *testing.F) {
	f.Add([]byte("a b\r\n\x00\"'\\x41"))
	f.Fuzz(func(t *testing.T, b []byte) {
		line := AppendQuoted(nil, b)
		words, ok := SplitWords(nil, line)
		if !ok || len(words) != 1 || !bytes.Equal(words[0], b) {
			t.Errorf("%q is quoted as %s, which reads %q", b, line, words)
		}
	})
}
