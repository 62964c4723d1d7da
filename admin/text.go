package admin

import (
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

func slotText(slot slots.Slot) string { return strconv.Itoa(int(slot)) }

// slotList prints a set for a message, cut where it would get long: "0-5460 7 and 312
// more".
func slotList(set slots.Set) string {
	const most = 8
	var parts []string
	shown := 0
	for r := range set.Ranges() {
		if len(parts) == most {
			return strings.Join(parts, " ") + " and " + strconv.Itoa(set.Len()-shown) + " more"
		}
		parts = append(parts, r.String())
		shown += r.Len()
	}
	return strings.Join(parts, " ")
}

// plural prints "1 slot", "2 slots".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// rangeArgs returns the ranges of a set as pairs of arguments, first and last.
func rangeArgs(set slots.Set) []string {
	var args []string
	for r := range set.Ranges() {
		args = append(args, slotText(r.First), slotText(r.Last))
	}
	return args
}

// slotsText prints "slot 4" or "slots 4-7 9".
func slotsText(set slots.Set) string {
	if set.Len() == 1 {
		return "slot " + slotList(set)
	}
	return "slots " + slotList(set)
}
