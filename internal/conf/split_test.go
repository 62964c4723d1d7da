package conf

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		``:                                nil,
		`port 7001`:                       {"port", "7001"},
		"  bind\t127.0.0.1   ::1  ":       {"bind", "127.0.0.1", "::1"},
		`save ""`:                         {"save", ""},
		`requirepass "a b\n\t\x41\"\\\q"`: {"requirepass", "a b\n\tA\"\\q"},
		`requirepass 'a "b" \'c\' \n'`:    {"requirepass", `a "b" 'c' \n`},
		`x "\xzz\x4"`:                     {"x", "xzzx4"},
		`x foo"bar baz"`:                  {"x", "foobar baz"},
		`x a\b#c`:                         {"x", `a\b#c`},
	} {
		if got, err := split(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("split(%q) = %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`"`, `x "a`, `x 'a`, `x "a"b`, `x 'a'b`, `x "a\"`, `x "\`} {
		if got, err := split(line); err == nil {
			t.Errorf("split(%q) = %q, want an error", line, got)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "#", "\"'\\", "\x00\n\xff", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		got, err := split("x " + quote(word))
		if err != nil || len(got) != 2 || got[1] != word {
			t.Fatalf("%q is quoted as %s and read back as %q, %v", word, quote(word), got, err)
		}
	})
}
