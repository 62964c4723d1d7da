package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// Explanation tells which node owns a slot, and why.
type Explanation struct {
	Slot   slots.Slot
	Owner  *Node // by its own word; nil if nobody
	Claims []Claim
	Open   []SlotState
	Keys   map[slots.NodeID]int // how many keys each living master holds, where any
	view   *View
}

// Claim is what nodes believe about the owner of a slot.
type Claim struct {
	Owner slots.NodeID // zero: nobody
	Epoch uint64       // the owner's config epoch, as they know it
	By    []*Node      // the nodes that believe it
}

// SlotState is an open slot at a node.
type SlotState struct {
	Node *Node
	OpenSlot
}

// Explanation asks all nodes about one slot.
func (c *Client) Explain(ctx context.Context, v *View, slot slots.Slot) (*Explanation, error) {
	w := &Explanation{Slot: slot, Owner: v.Owner(slot), view: v}
	var masters []*Node
	for _, n := range v.Alive() {
		if n.IsMaster() {
			masters = append(masters, n)
		}
		w.hear(n)
		for _, o := range n.Open {
			if o.Slot == slot {
				w.Open = append(w.Open, SlotState{n, o})
			}
		}
	}
	slices.SortStableFunc(w.Claims, func(a, b Claim) int { return len(b.By) - len(a.By) })
	counts, err := c.countKeys(ctx, masters, slots.NewSet(slot))
	w.Keys = counts[slot]
	return w, err
}

// hear adds what a node believes.
func (w *Explanation) hear(n *Node) {
	claim := Claim{By: []*Node{n}}
	for i := range n.Members {
		if m := &n.Members[i]; m.Owns(w.Slot) {
			claim.Owner, claim.Epoch = m.ID, m.Epoch
		}
	}
	for i := range w.Claims {
		if w.Claims[i].Owner == claim.Owner && w.Claims[i].Epoch == claim.Epoch {
			w.Claims[i].By = append(w.Claims[i].By, n)
			return
		}
	}
	w.Claims = append(w.Claims, claim)
}

// String explains it in sentences.
func (w *Explanation) String() string {
	var b strings.Builder
	if w.Owner == nil {
		fmt.Fprintf(&b, "Slot %d: no node says that it is its own.\n", w.Slot)
	} else {
		fmt.Fprintf(&b, "Slot %d is owned by %s, config epoch %d.\n", w.Slot, w.Owner.Name(), w.Owner.Epoch)
		for _, r := range w.view.Replicas(w.Owner.ID) {
			fmt.Fprintf(&b, "  replica %s\n", r.Name())
		}
	}
	for _, c := range w.Claims {
		var by []string
		for _, n := range c.By {
			by = append(by, n.Address)
		}
		belief := "nobody owns it"
		if !c.Owner.IsZero() {
			belief = fmt.Sprintf("%s owns it, by epoch %d", w.view.name(c.Owner), c.Epoch)
		}
		fmt.Fprintf(&b, "%s of %s: %s: %s\n", plural(len(by), "node"), fmt.Sprint(len(w.view.Alive())), belief,
			strings.Join(by, " "))
	}
	for _, o := range w.Open {
		way := "migrating to"
		if o.Importing {
			way = "importing from"
		}
		fmt.Fprintf(&b, "Open at %s: %s %s\n", o.Node.Name(), way, w.view.name(o.Peer))
	}
	if len(w.Open) == 0 {
		b.WriteString("It is not open: no move is under way.\n")
	}
	if len(w.Keys) == 0 {
		b.WriteString("It holds no keys.\n")
	}
	for _, n := range w.view.Masters() {
		if k := w.Keys[n.ID]; k > 0 {
			fmt.Fprintf(&b, "%s at %s\n", plural(k, "key"), n.Name())
		}
	}
	return b.String()
}
