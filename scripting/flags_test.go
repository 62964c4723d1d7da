package scripting

import (
	"slices"
	"testing"
)

func TestFlags(t *testing.T) {
	var all Flags
	for _, n := range names {
		flag, ok := ParseFlag(n.name)
		if !ok || flag != n.flag || all.Has(flag) {
			t.Errorf("%s: %v, %v", n.name, flag, ok)
		}
		all |= flag
	}
	want := []string{"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"}
	if got := all.Names(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if _, ok := ParseFlag("no-such"); ok || Flags(0).Names() != nil {
		t.Error("a flag that is none")
	}
}
