package balance

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// What was told of a slot stays when it has moved on and its new master's answer is lost; an
// answer about other slots than the map has says nothing.
func TestSlotLoads(t *testing.T) {
	set := func(from, to slots.Slot) (s slots.Set) {
		s.AddRange(slots.Range{First: from, Last: to})
		return s
	}
	l := newSlotLoads(ByKeys)
	first, second, both := set(0, 1), set(2, 3), set(0, 3)
	l.tell(&first, []int64{10, 11})
	if l.of(first) == nil || l.of(both) != nil {
		t.Fatal("the loads of two slots of four are known")
	}
	l.tell(&second, []int64{12})
	l.tell(nil, []int64{12, 13})
	if l.of(both) != nil {
		t.Fatal("an answer about other slots was taken")
	}
	l.tell(&second, []int64{12, 13})
	less := set(0, 0)
	l.tell(&less, []int64{20}) // slot 1 has moved, and is told by nobody
	if got := l.of(both); got == nil || [4]int64(got[:4]) != [4]int64{20, 11, 12, 13} {
		t.Fatalf("%v", got)
	}
	if newSlotLoads(BySlots).of(both) != nil {
		t.Error("loads that nobody asks for are known")
	}
}

// TestLostAnswerOfLoads repeats runs in which a master's answer is lost while slots move to it:
// these were taken for empty, and too many followed them.
func TestLostAnswerOfLoads(t *testing.T) {
	for _, at := range []int{91, 133, 482} {
		s := newShape(t, uint64(8+at), shapes[8])
		s.crashAt = at
		s.run()
	}
}
