package admin

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// model carries out the actions of a fix on a world as servers would, with instant gossip.
type model struct {
	w     *world
	keys  holders
	total int
}

// The slots that get hurt: few, so that wounds meet.
const modelSlots = 4

func newModel(w *world) *model { return &model{w: w, keys: holders{}} }

// hurt breaks something.
func (m *model) hurt(rng *rand.Rand) {
	slot := slots.Slot(rng.IntN(modelSlots))
	a, b := rng.IntN(len(m.w.nodes)), rng.IntN(len(m.w.nodes))
	n := m.w.nodes[a]
	switch rng.IntN(5) {
	case 0:
		m.set(n, slot, false)
	case 1:
		m.set(n, slot, true)
	case 2: // servers let only owners migrate and only others import
		if a != b && !n.isOpenAtAll(slot) {
			m.w.open(a, slot, !n.Owns(slot), b)
		}
	default:
		if m.keys[slot] == nil {
			m.keys[slot] = make(map[slots.NodeID]int)
		}
		m.keys[slot][n.ID]++
		m.total++
	}
}

func (n *Node) isOpenAtAll(slot slots.Slot) bool {
	return slices.ContainsFunc(n.Open, func(o OpenSlot) bool { return o.Slot == slot })
}

// set makes a node own a slot or not; an open state that contradicts it is gone.
func (m *model) set(n *Node, slot slots.Slot, owns bool) {
	set := n.Slots()
	if owns {
		set.Add(slot)
	} else {
		set.Remove(slot)
	}
	n.Ranges = slices.Collect(set.Ranges())
	n.Open = slices.DeleteFunc(n.Open, func(o OpenSlot) bool { return o.Slot == slot && o.Importing == owns })
}

func (m *model) act(a Action) error {
	n, peer := (&View{Nodes: m.w.nodes}).Node(a.Node), (&View{Nodes: m.w.nodes}).Node(a.Peer)
	for slot := range a.Slots.All() {
		switch a.Op {
		case OpTake:
			m.set(n, slot, true)
		case OpYield:
			m.set(n, slot, false)
		case OpClose:
			n.Open = slices.DeleteFunc(n.Open, func(o OpenSlot) bool { return o.Slot == slot })
		case OpImport:
			if n.Owns(slot) {
				return fmt.Errorf("node %s owns slot %d and cannot import it", n.Address, slot)
			}
			n.Open = append(n.Open, OpenSlot{Slot: slot, Importing: true, Peer: a.Peer})
		case OpTell:
			if n.Owns(slot) && m.keys[slot][n.ID] > 0 {
				return fmt.Errorf("node %s still holds keys of slot %d", n.Address, slot)
			}
			m.set(n, slot, false)
		case OpKeys:
			if err := m.move(n, peer, slot); err != nil {
				return err
			}
		case OpFinish:
			m.set(n, slot, false)
			m.set(peer, slot, true)
			n.Open = slices.DeleteFunc(n.Open, func(o OpenSlot) bool { return o.Slot == slot })
			m.give(n, peer, slot)
		default:
			return fmt.Errorf("%s with slots", a.Op)
		}
	}
	if a.Op == OpBump {
		m.bump(n)
	}
	return nil
}

// move is MIGRATE: the source has the slot open, the target owns it and does not migrate
// it.
func (m *model) move(from, to *Node, slot slots.Slot) error {
	switch {
	case !from.isOpenAtAll(slot) && !from.Owns(slot):
		return fmt.Errorf("node %s does not serve slot %d, so MIGRATE would be redirected", from.Address, slot)
	case !to.Owns(slot):
		return fmt.Errorf("node %s does not own slot %d", to.Address, slot)
	case slices.ContainsFunc(to.Open, func(o OpenSlot) bool { return o.Slot == slot && !o.Importing }):
		return fmt.Errorf("node %s migrates slot %d and would answer ASK", to.Address, slot)
	}
	m.give(from, to, slot)
	return nil
}

func (m *model) give(from, to *Node, slot slots.Slot) {
	if k := m.keys[slot][from.ID]; k > 0 {
		delete(m.keys[slot], from.ID)
		m.keys[slot][to.ID] += k
	}
}

// bump renews a node's claims: other owners of its slots hear of them, lose those and
// delete their keys (docs/spec.md §4.6).
func (m *model) bump(n *Node) {
	for _, other := range m.w.nodes {
		n.Epoch = max(n.Epoch, other.Epoch+1)
	}
	for _, other := range m.w.nodes {
		for slot := range slots.Slot(modelSlots) {
			if other != n && n.Owns(slot) && other.Owns(slot) {
				m.set(other, slot, false)
				delete(m.keys[slot], other.ID)
			}
		}
	}
}

// sound tells what is still wrong.
func (m *model) sound() error {
	total := 0
	for slot := range slots.Slot(modelSlots) {
		var owner *Node
		for _, n := range m.w.nodes {
			if n.isOpenAtAll(slot) {
				return fmt.Errorf("slot %d is open at %s", slot, n.Address)
			}
			if n.Owns(slot) && owner != nil {
				return fmt.Errorf("slot %d is owned by %s and %s", slot, owner.Address, n.Address)
			}
			if n.Owns(slot) {
				owner = n
			}
		}
		if owner == nil {
			return fmt.Errorf("slot %d has no owner", slot)
		}
		for id, k := range m.keys[slot] {
			total += k
			if id != owner.ID && k > 0 {
				return fmt.Errorf("slot %d: %d keys are at %s, the owner is %s", slot, k, id, owner.ID)
			}
		}
	}
	if total != m.total {
		return fmt.Errorf("%d keys of %d are left", total, m.total)
	}
	return nil
}
