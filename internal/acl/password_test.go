package acl

import (
	"strings"
	"testing"
)

func TestGeneratePassword(t *testing.T) {
	for bits, digits := range map[int64]int{1: 1, 4: 1, 5: 2, 8: 2, 9: 3, 256: 64, 4096: 1024} {
		p, err := GeneratePassword(bits)
		if err != nil || len(p) != digits || strings.Trim(p, "0123456789abcdef") != "" {
			t.Errorf("%d: %q, %v", bits, p, err)
		}
	}
	a, _ := GeneratePassword(256)
	if b, _ := GeneratePassword(256); a == b {
		t.Error("the same password twice")
	}
	for _, bits := range []int64{0, -1, 4097, -1 << 63, 1<<63 - 1} {
		want := "ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"
		if _, err := GeneratePassword(bits); err == nil || err.Error() != want {
			t.Errorf("%d: %v", bits, err)
		}
	}
}

// All hashes are compared, each to its end: only the bytes of the last one decide here.
func TestMatches(t *testing.T) {
	a, b := hashOf("a"), hashOf("b")
	almost := a
	almost[len(almost)-1] ^= 1
	for _, c := range []struct {
		list []hash
		want bool
	}{{nil, false}, {[]hash{b}, false}, {[]hash{almost}, false}, {[]hash{a, b}, true}, {[]hash{b, a}, true}} {
		if got := matches(c.list, a); got != c.want {
			t.Errorf("%v: %t", c.list, got)
		}
	}
}
