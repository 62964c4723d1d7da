package balance

import "github.com/slotmesh/slotmesh/slots"

// slotLoads are the loads of slots as their masters have last told them. What was told of a
// slot stays when it moves on: the answer of its new master may be lost, or be older than the
// move.
type slotLoads struct {
	load [slots.Count]int64
	told slots.Set
}

// newSlotLoads returns loads of which nothing was told yet, nil if none are asked for.
func newSlotLoads(by Load) *slotLoads {
	if by == BySlots {
		return nil
	}
	return new(slotLoads)
}

// tell takes over the loads of a node's slots. own is what the map knows as these; where the
// node knew more or less at that moment, nothing can be told from its answer.
func (l *slotLoads) tell(own *slots.Set, loads []int64) {
	if l == nil || own == nil || own.Len() != len(loads) {
		return
	}
	i := 0
	for slot := range own.All() {
		l.load[slot] = loads[i]
		i++
	}
	l.told.Union(own)
}

// of returns the loads if those of all slots of a set were told, else nil.
func (l *slotLoads) of(set slots.Set) *[slots.Count]int64 {
	if l == nil {
		return nil
	}
	if set.Subtract(&l.told); !set.Empty() {
		return nil
	}
	return &l.load
}
