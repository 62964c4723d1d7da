package admin

import (
	"context"
	"fmt"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// removal is a node that all others are to forget.
type removal struct {
	c     *Client
	id    slots.NodeID
	addrs []string // where the others say it is, and where it was asked
}

// forget has all living nodes of a view but the removed one forget that, and waits until
// none of them knows it or is about to meet it.
func (c *Client) forget(ctx context.Context, v *View, p *DelNodePlan) error {
	r := &removal{c: c, id: p.ID, addrs: []string{p.Address}}
	var others []string
	for _, n := range v.Alive() {
		if n.ID == p.ID {
			continue
		}
		others = append(others, n.Address)
		if m := n.member(p.ID); m != nil && m.Usable() {
			r.addrs = append(r.addrs, m.Addr.Client())
		}
	}
	if err := each(len(others), func(i int) error { return r.forgetAt(ctx, others[i]) }); err != nil {
		return err
	}
	asked := others
	if p.Alive {
		asked = append(asked, p.Address)
	}
	return c.await(ctx, asked, func(nodes []*Node) error {
		answers := p.Alive && nodes[len(others)].Err == nil
		if answers {
			r.resetAgain(ctx, nodes[len(others)])
		}
		return r.forgotten(ctx, nodes[:len(others)], answers)
	})
}

func (r *removal) forgetAt(ctx context.Context, addr string) error {
	_, err := r.c.do(ctx, addr, "CLUSTER", "FORGET", r.id.String())
	if refused(err, "Unknown node") {
		return nil
	}
	return err
}

// forgotten tells which of the nodes still knows the removed one or may know it in a
// moment: FORGET does not end a handshake, which is under a random id until the other
// side answers and tells its own. Nodes that came to know it so are told again to forget
// it. Where it does not answer, a handshake ends without result.
func (r *removal) forgotten(ctx context.Context, nodes []*Node, answers bool) (missing error) {
	for _, n := range nodes {
		switch {
		case n.Err != nil:
			missing = n.Err
		case n.member(r.id) != nil:
			missing = fmt.Errorf("node %s still knows %s", n.Name(), r.id)
			if err := r.forgetAt(ctx, n.Address); err != nil {
				missing = err
			}
		case answers && slices.ContainsFunc(n.Members, r.isMet):
			missing = fmt.Errorf("node %s is about to meet %s again", n.Name(), r.addrs[0])
		}
	}
	return missing
}

// isMet reports whether the line is a handshake with the removed node.
func (r *removal) isMet(m Member) bool {
	return m.Has("handshake") && slices.Contains(r.addrs, m.Addr.Client())
}

// resetAgain has the removed node forget those that met it after it was reset. It is only a
// precaution against a start of it with what it remembers: the others do not know it.
func (r *removal) resetAgain(ctx context.Context, n *Node) {
	if n.ID == r.id && len(n.Members) > 1 {
		r.c.do(ctx, n.Address, "CLUSTER", "RESET", "SOFT")
	}
}
