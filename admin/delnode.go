package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// DelNodePlan says what removing a node does.
type DelNodePlan struct {
	ID      slots.NodeID
	Address string
	Alive   bool
	// Orphans are its replicas, and whom each will follow instead.
	Orphans []Orphan
	Resumed bool // an interrupted call has begun
	journal string
}

// Orphan is a replica that has to change masters.
type Orphan struct {
	Node, Master        slots.NodeID
	address, masterName string
}

// String prints the plan.
func (p *DelNodePlan) String() string {
	var b strings.Builder
	for _, o := range p.Orphans {
		fmt.Fprintf(&b, "%s becomes a replica of %s.\n", o.address, o.masterName)
	}
	fmt.Fprintf(&b, "%s (%s) is forgotten by all nodes", p.Address, p.ID)
	if p.Alive {
		b.WriteString(", reset and shut down")
	}
	b.WriteString(".\n")
	return b.String()
}

// delNodeJournal is what is needed when nobody knows the node any more.
type delNodeJournal struct {
	Address string `json:"address"`
}

// PlanDelNode plans to remove a node, named by id or host:port. A master that owns slots
// is refused with an error that matches ErrNotEmpty and says how to move them, a replica
// whose master does not answer with one that matches ErrBroken.
func (c *Client) PlanDelNode(ctx context.Context, v *View, node string) (*DelNodePlan, error) {
	n, err := v.Find(node)
	if errors.Is(err, ErrUnknownNode) {
		return c.resumeDelNode(ctx, node, err)
	}
	if err != nil {
		return nil, err
	}
	if n == v.Nodes[0] {
		return nil, fmt.Errorf("admin: node %s is to be removed and cannot do that itself; ask another node of its "+
			"cluster: slotmesh del-node %s %s",
			n.Name(), v.introducer(n.ID), n.ID)
	}
	p := &DelNodePlan{ID: n.ID, Address: n.Address, Alive: n.Alive(), journal: entryName("del-node", n.ID.String())}
	if owned := n.Slots(); n.Serves() {
		return nil, fmt.Errorf("%w: master %s owns %s; move them first: slotmesh drain %s %s",
			ErrNotEmpty, n.Name(), plural(owned.Len(), "slot"), v.introducer(n.ID), n.ID)
	}
	if n.Alive() && n.IsMaster() && n.Keys > 0 {
		return nil, fmt.Errorf("%w: master %s owns no slot but holds %s; slotmesh fix %s moves them to their owners",
			ErrNotEmpty, n.Name(), plural(int(n.Keys), "key"), v.introducer(n.ID))
	}
	if err := v.onlyCopy(n); err != nil {
		return nil, err
	}
	for _, r := range v.Replicas(n.ID) {
		if m := v.neediest(r); m != nil && r.Alive() {
			p.Orphans = append(p.Orphans, Orphan{Node: r.ID, Master: m.ID, address: r.Address, masterName: m.Name()})
		}
	}
	return p, nil
}

// onlyCopy refuses to empty a replica whose master owns slots and does not answer: what
// it holds may be all there is of them.
func (v *View) onlyCopy(n *Node) error {
	m := v.Node(n.Master)
	if n.IsMaster() || !n.Alive() || m == nil || m.Alive() || !m.Serves() {
		return nil
	}
	return fmt.Errorf("%w: replica %s may hold the only copy of the keys of %s, which does not answer; bring that "+
		"back, or let the replica take over: "+
		"slotmesh failover %s --takeover", ErrBroken, n.Name(), m.Name(), n.Address)
}

// resumeDelNode finds a node that all have forgotten in the journal.
func (c *Client) resumeDelNode(ctx context.Context, node string, unknown error) (*DelNodePlan, error) {
	id, err := slots.ParseNodeID(node)
	if err != nil {
		return nil, unknown
	}
	p := &DelNodePlan{ID: id, Resumed: true, journal: entryName("del-node", id.String())}
	var kept delNodeJournal
	found, err := c.recall(p.journal, &kept)
	if err != nil || !found {
		return nil, errors.Join(err, unknown)
	}
	p.Address = kept.Address
	p.Alive = c.ask(ctx, kept.Address).ID == id
	return p, nil
}

// DelNode carries out a plan: its replicas get other masters, the node is reset, so that
// it forgets the cluster first, then all others forget it, at last it is shut down.
func (c *Client) DelNode(ctx context.Context, v *View, p *DelNodePlan) error {
	fail := func(step string, err error) error {
		return &StepError{Verb: "del-node", Step: step, Err: err,
			Left: fmt.Sprintf("some nodes may have forgotten %s already", p.Address),
			Next: "the same command continues"}
	}
	if err := c.remember(p.journal, delNodeJournal{p.Address}); err != nil {
		return fmt.Errorf("admin: nothing was changed: the journal cannot be written: %w", err)
	}
	for _, o := range p.Orphans {
		c.step(o.address, "becoming a replica of %s", o.masterName)
		if err := c.follow(ctx, o.address, o.Master); err != nil {
			return fail("giving its replica "+o.address+" another master", err)
		}
	}
	if p.Alive {
		c.step(p.Address, "resetting it, so that it forgets the cluster")
		if _, err := c.do(ctx, p.Address, "CLUSTER", "RESET", "SOFT"); err != nil {
			return fail("resetting it", err)
		}
	}
	c.step("", "all other nodes forget %s", p.Address)
	if err := c.forget(ctx, v, p); err != nil {
		return fail("having all others forget it", err)
	}
	if p.Alive {
		c.step(p.Address, "shutting it down")
		if err := c.shutdown(ctx, p.Address); err != nil {
			return fail("shutting it down", err)
		}
	}
	return c.cfg.Journal.Remove(p.journal)
}

// shutdown ends a node, which answers by hanging up.
func (c *Client) shutdown(ctx context.Context, addr string) error {
	_, err := c.do(ctx, addr, "SHUTDOWN", "NOSAVE")
	c.drop(addr)
	if isRefusal(err) {
		return err
	}
	return ctx.Err()
}
