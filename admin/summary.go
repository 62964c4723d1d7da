package admin

import (
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// Summary is what a cluster holds, master by master.
type Summary struct {
	Masters   []MasterSummary
	Witnesses []MasterSummary // they vote, and hold nothing
	Keys      int64
}

// MasterSummary is what one master holds.
type MasterSummary struct {
	ID       slots.NodeID `json:"id"`
	Address  string       `json:"address"`
	Keys     int64        `json:"keys"`
	Slots    int          `json:"slots"`
	Replicas int          `json:"replicas"`
}

// Summarize counts a view; it is pure.
func Summarize(v *View) Summary {
	var s Summary
	for _, n := range v.Masters() {
		owned := n.Slots()
		if n.IsWitness() {
			s.Witnesses = append(s.Witnesses, MasterSummary{ID: n.ID, Address: n.Address})
			continue
		}
		s.Masters = append(s.Masters, MasterSummary{ID: n.ID, Address: n.Address, Keys: n.Keys, Slots: owned.Len(),
			Replicas: len(v.Replicas(n.ID))})
		s.Keys += n.Keys
	}
	return s
}

// KeysPerSlot is the average.
func (s Summary) KeysPerSlot() float64 { return float64(s.Keys) / slots.Count }

// String prints the lines of redis-cli --cluster info.
func (s Summary) String() string {
	var b strings.Builder
	for _, m := range s.Masters {
		fmt.Fprintf(&b, "%s (%s...) -> %d keys | %d slots | %d slaves.\n", m.Address, m.ID.Short(), m.Keys, m.Slots,
			m.Replicas)
	}
	for _, w := range s.Witnesses {
		fmt.Fprintf(&b, "%s (%s...) -> witness: it votes, and holds no keys.\n", w.Address, w.ID.Short())
	}
	fmt.Fprintf(&b, "[OK] %d keys in %d masters.\n%.2f keys per slot on average.\n", s.Keys, len(s.Masters),
		s.KeysPerSlot())
	return b.String()
}
