package slots

import (
	"strings"
	"testing"
)

func TestValidHost(t *testing.T) {
	for s, want := range map[string][2]bool{ // as a host, as a hostname
		"10.0.0.1": {true, true}, "node-1.example.org": {true, true}, "localhost": {true, true},
		"::1": {true, false}, "fe80::1%eth0": {true, false}, "my_service": {true, false},
		"": {}, "a b": {}, "a,b": {}, "x\ny": {}, "x\r": {}, "a\x00": {}, "ä": {}, "[::1]": {}, "a@b": {}, "a/b": {},
		strings.Repeat("a", 255): {true, true}, strings.Repeat("a", 256): {},
	} {
		if got := [2]bool{ValidHost(s), ValidHostname(s)}; got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestValidZone(t *testing.T) {
	for s, want := range map[string]bool{
		"eu-central-1a": true, "rack/7": true, "a.b_c": true, strings.Repeat("z", 255): true,
		"": false, "a b": false, "a,b": false, "a\nb": false, "ä": false, strings.Repeat("z", 256): false,
	} {
		if got := ValidZone(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}
