package commands

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestSlotOfPattern(t *testing.T) {
	for pattern, key := range map[string]string{
		"{a}*": "{a}1", "x{a}[12]": "x{a}1", "{a}{b*}": "{a}", "key": "key",
	} {
		if slot, ok := slotOfPattern([]byte(pattern)); !ok || slot != slots.OfString(key) {
			t.Errorf("%s: %d, %v; want the slot of %s", pattern, slot, ok, key)
		}
	}
	for _, pattern := range []string{"*", "*{a}", "{*}", "{a?}x", `\{a}*`, "{}*", "{a*", "a?"} {
		if slot, ok := slotOfPattern([]byte(pattern)); ok {
			t.Errorf("%s: %d", pattern, slot)
		}
	}
}
