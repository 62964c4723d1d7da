package glob

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"*", "abc", true}, {"", "", true}, {"", "a", false}, {"a*c", "abc", true}, {"a*c", "ac", true},
		{"a*c", "acb", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"[abc]", "b", true}, {"[^abc]", "b", false}, {"[^abc]", "d", true},
		{"[a-c]x", "bx", true},
		{"[c-a]x", "bx", true}, {`\*`, "*", true}, {`\*`, "a", false}, {`[\]]`, "]", true}, {"[abc", "c", true},
		{"*a*b*", "xxaxxbxx", true},
		{"*a*b*", "xxbxxaxx", false}, {`a\`, `a\`, true}, {"h**llo", "hello", true}, {"[]a]", "a]", false},
	} {
		if got := Match([]byte(c.pattern), []byte(c.text)); got != c.want {
			t.Errorf("glob %q on %q = %v", c.pattern, c.text, got)
		}
	}
	// No pattern takes exponential time.
	Match([]byte(strings.Repeat("a*", 100)+"b"), []byte(strings.Repeat("a", 10_000)))
}

func FuzzMatch(f *testing.F) {
	f.Add("a*[b-d]?", "axxc1")
	f.Add("[^", "\\")
	f.Fuzz(func(t *testing.T, pattern, text string) { Match([]byte(pattern), []byte(text)) })
}
