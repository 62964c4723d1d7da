package commands

import (
	"bytes"
	"testing"
)

// The keys of XREAD and XREADGROUP are found as redis-server 7.0.15 finds them, also in
// lines that the commands refuse.
func TestKeysAfterWord(t *testing.T) {
	for _, test := range []struct {
		from       int
		line, want string
	}{
		{1, "XREAD STREAMS a b 0 0", "a b"},
		{1, "XREAD COUNT 2 streams a 0", "a"},
		{1, "XREAD STREAMS a b 0", "a"},
		{1, "XREAD COUNT STREAMS STREAMS a b", "STREAMS"},
		{1, "XREAD COUNT 1 STREAMS", ""},
		{1, "XREAD STREAMS a", ""},
		{4, "XREADGROUP GROUP g c STREAMS a >", "a"},
		{4, "XREADGROUP GROUP STREAMS c COUNT 1 a >", ""},
	} {
		line := bytes.Fields([]byte(test.line))
		var keys [][]byte
		if spec, ok := (Keyword{"STREAMS", test.from}).keys(line); ok {
			keys = spec.of(line)
		}
		if got := string(bytes.Join(keys, []byte(" "))); got != test.want {
			t.Errorf("%s: the keys are %q, want %q", test.line, got, test.want)
		}
	}
}
