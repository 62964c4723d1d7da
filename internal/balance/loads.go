package balance

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// account says what a master has of the loads, and how much is too much; negative, if it
// should have more.
type account struct {
	id     slots.NodeID
	list   []slots.Slot // heaviest first
	load   int64
	excess int64
}

// level plans moves that bring the masters' loads nearer to equal shares, with the heaviest
// slots that fit; loads may be nil, if each slot counts 1. No move makes a master that has
// too much one that has too little, or the other way round; so the last percents stay where
// a slot is heavier than they are.
//
// migrate.Rebalance, which people call by hand, reckons as redis-cli does. It is not used
// here because its plans do not end: where a share is less than 50 slots, it moves the ones
// that cannot be divided from node to node, time after time.
func level(masters []migrate.Master, loads *[slots.Count]int64, threshold float64) (moves []migrate.Move) {
	accounts := balances(masters, loads)
	if !slices.ContainsFunc(accounts, func(a *account) bool { return off(a.excess, a.load-a.excess, threshold) }) {
		return nil
	}
	for _, from := range accounts {
		if from.excess <= 0 {
			break
		}
		if loads != nil {
			slices.SortStableFunc(from.list, func(a, b slots.Slot) int {
				return cmp.Compare(loads[b], loads[a])
			})
		}
		for i := len(accounts) - 1; i >= 0 && from.excess > 0; i-- {
			if accounts[i].excess >= 0 {
				continue
			}
			if set := from.give(accounts[i], loads); !set.Empty() {
				moves = append(moves, migrate.Move{Slots: set, From: from.id, To: accounts[i].id})
			}
		}
	}
	return moves
}

// off reports whether an excess, or what is missing, is more than a threshold of a share.
func off(excess, share int64, threshold float64) bool {
	return math.Abs(float64(excess))*100 > threshold*float64(share)
}

// apart reports whether one of several loads is off its share.
func apart(loads []int64, threshold float64) bool {
	total := int64(0)
	for _, load := range loads {
		total += load
	}
	share := total / int64(len(loads))
	return slices.ContainsFunc(loads, func(load int64) bool { return off(load-share, share, threshold) })
}

// balances returns the masters' accounts, those that have most first. What cannot be
// divided counts to the shares of these.
func balances(masters []migrate.Master, loads *[slots.Count]int64) []*account {
	accounts := make([]*account, len(masters))
	total := int64(0)
	for i := range masters {
		a := &account{id: masters[i].ID, list: make([]slots.Slot, 0, masters[i].Slots.Len())}
		for slot := range masters[i].Slots.All() {
			a.list = append(a.list, slot)
			a.load += weight(loads, slot)
		}
		total += a.load
		accounts[i] = a
	}
	slices.SortStableFunc(accounts, func(a, b *account) int {
		return cmp.Or(cmp.Compare(b.load, a.load), bytes.Compare(a.id[:], b.id[:]))
	})
	n := int64(len(masters))
	for i, a := range accounts {
		a.excess = a.load - total/n
		if int64(i) < total%n {
			a.excess--
		}
	}
	return accounts
}

// weight is a slot's load and one more, so that slots without keys are divided, too.
func weight(loads *[slots.Count]int64, slot slots.Slot) int64 {
	if loads == nil {
		return 1
	}
	return loads[slot] + 1
}

// give takes the slots out of from that fit into what it has too much, and to too little.
func (from *account) give(to *account, loads *[slots.Count]int64) (set slots.Set) {
	var kept []slots.Slot
	for _, slot := range from.list {
		w := weight(loads, slot)
		if w > from.excess || w > -to.excess {
			kept = append(kept, slot)
			continue
		}
		set.Add(slot)
		from.excess -= w
		to.excess += w
	}
	from.list = kept
	return set
}
