package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// AddNode says whom to add to a cluster, and as what.
type AddNode struct {
	Node    string // "host:port" of the new one
	Replica bool   // it becomes a replica; otherwise a master without slots
	// Master is whom it replicates, id or host:port. Default: the master that has the
	// fewest replicas.
	Master string
}

// AddNodePlan says what adding a node does.
type AddNodePlan struct {
	Node   string
	Entry  string       // the member that introduces it
	Master slots.NodeID // zero if it becomes a master
	master string
	id     slots.NodeID

	functions functions // of the cluster
}

// String prints the plan.
func (p *AddNodePlan) String() string {
	if p.Master.IsZero() {
		return fmt.Sprintf("%s joins the cluster of %s as a master without slots.\n", p.Node, p.Entry)
	}
	return fmt.Sprintf("%s joins the cluster of %s as a replica of %s.\n", p.Node, p.Entry, p.master)
}

// PlanAddNode looks at the new node and plans to add it. The error matches ErrNotEmpty if
// the node holds keys, has functions that the cluster does not have, owns slots or belongs
// to another cluster, ErrBroken if the
// cluster has problems. A node that an interrupted call has begun to add is not refused.
func (c *Client) PlanAddNode(ctx context.Context, v *View, a AddNode) (*AddNodePlan, error) {
	if _, err := splitAddr(a.Node); err != nil {
		return nil, err
	}
	var bad Report
	for _, f := range Check(v) {
		if f.Problem != Stranger { // it may be the new one, on its way
			bad = append(bad, f)
		}
	}
	if err := bad.err(v.Nodes[0].Address); err != nil {
		return nil, err
	}
	n := c.ask(ctx, a.Node)
	if n.Err != nil {
		return nil, n.Err
	}
	p := &AddNodePlan{Node: a.Node, Entry: v.introducer(n.ID), id: n.ID}
	if a.Replica || a.Master != "" {
		master := v.neediest(n)
		if a.Master != "" {
			var err error
			if master, err = v.findMaster(a.Master); err != nil {
				return nil, err
			}
		}
		if master == nil || master.ID == n.ID {
			return nil, fmt.Errorf("admin: there is no master that %s could replicate", a.Node)
		}
		p.Master, p.master = master.ID, master.Name()
	}
	if err := v.admits(n, p.Master); err != nil {
		return p, err
	}
	var err error
	if p.functions, err = c.functionsOf(ctx, v.functionsFrom(n.ID)); err == nil {
		_, err = c.mayBring(ctx, p.functions, n.Address)
	}
	return p, err
}

// functionsFrom returns the address of a living master other than id, of any other node if
// there is none.
func (v *View) functionsFrom(id slots.NodeID) string {
	for _, n := range v.Alive() {
		if n.ID != id && n.IsMaster() {
			return n.Address
		}
	}
	return v.introducer(id)
}

// introducer returns the address of a living member other than id.
func (v *View) introducer(id slots.NodeID) string {
	for _, n := range v.Alive() {
		if n.ID != id {
			return n.Address
		}
	}
	return v.Nodes[0].Address
}

// admits tells why a node cannot be added, nil if it can.
func (v *View) admits(n *Node, master slots.NodeID) error {
	stranger := slices.ContainsFunc(n.Members, func(m Member) bool {
		return m.ID != n.ID && v.Node(m.ID) == nil && !m.Has("handshake")
	})
	isOurs := len(n.Members) > 1 && !stranger
	switch {
	case stranger:
		return &NodeError{Node: n.Address, Err: fmt.Errorf("%w: it belongs to another cluster; remove it there first",
			ErrNotEmpty)}
	case isOurs && n.Serves():
		return &NodeError{Node: n.Address, Err: fmt.Errorf("%w: it is in this cluster already, and owns slots %s",
			ErrNotEmpty, slotList(n.Slots()))}
	case isOurs && (n.IsMaster() || n.Master == master):
		return nil // an interrupted call has introduced it, or it was added before
	case isOurs:
		return &NodeError{Node: n.Address, Err: fmt.Errorf("%w: it is in this cluster already, as a replica of %s",
			ErrNotEmpty, v.name(n.Master))}
	case n.Serves():
		return &NodeError{Node: n.Address, Err: fmt.Errorf("%w: it owns slots %s; make it new with CLUSTER RESET HARD",
			ErrNotEmpty, slotList(n.Slots()))}
	case n.Keys > 0:
		return &NodeError{Node: n.Address, Err: fmt.Errorf("%w: it holds %d keys; FLUSHALL removes them", ErrNotEmpty,
			n.Keys)}
	}
	return nil
}

// AddNode carries out a plan and returns once all nodes know the new one. A master gets the
// cluster's functions before; a replica has them from its master.
func (c *Client) AddNode(ctx context.Context, v *View, p *AddNodePlan) error {
	fail := func(step string, err error) error {
		return &StepError{Verb: "add-node", Step: step, Err: err,
			Left: "the new node may be a member already, as a master without slots",
			Next: "the same command continues; slotmesh del-node " + p.Entry + " " + p.id.String() + " takes it out again"}
	}
	if p.Master.IsZero() {
		if err := c.bringFunctions(ctx, p.functions, p.Node); err != nil {
			return fail("bringing functions", err)
		}
	}
	c.step(p.Node, "joining the cluster of %s", p.Entry)
	if err := c.join(ctx, v, p); err != nil {
		return fail("joining", err)
	}
	if p.Master.IsZero() {
		return nil
	}
	c.step(p.Node, "becoming a replica of %s", p.master)
	if err := c.follow(ctx, p.Node, p.Master); err != nil {
		return fail("becoming a replica", err)
	}
	return nil
}

// join introduces the node and waits until all know it.
func (c *Client) join(ctx context.Context, v *View, p *AddNodePlan) error {
	entry := c.ask(ctx, p.Entry)
	if entry.Err != nil {
		return entry.Err
	}
	if entry.member(p.id) == nil {
		cmd, err := c.meetCommand(ctx, entry)
		if err != nil {
			return err
		}
		if _, err := c.do(ctx, p.Node, cmd...); err != nil {
			return err
		}
	}
	list := []string{p.Node}
	for _, n := range v.Alive() {
		if n.ID != p.id {
			list = append(list, n.Address)
		}
	}
	g := gossiper{c: c}
	return c.await(ctx, list, func(nodes []*Node) error {
		err := agreed(nodes)
		if err != nil {
			g.spread(ctx, nodes)
		}
		return err
	})
}

// follow makes a node a replica and waits until it says so itself.
func (c *Client) follow(ctx context.Context, addr string, master slots.NodeID) error {
	if _, err := c.do(ctx, addr, "CLUSTER", "REPLICATE", master.String()); err != nil {
		return err
	}
	return c.await(ctx, []string{addr}, func(nodes []*Node) error {
		if n := nodes[0]; n.Err != nil {
			return n.Err
		} else if n.Master != master {
			return fmt.Errorf("%w: %s does not replicate %s", ErrNotAgreed, n.Name(), master)
		}
		return nil
	})
}

// Replicate makes a node a replica of a master, both by id or host:port. The node must be a
// replica already, of a master that answers, or a master without slots and keys.
func (c *Client) Replicate(ctx context.Context, v *View, node, master string) error {
	n, err := v.Find(node)
	if err != nil {
		return err
	}
	m, err := v.findMaster(master)
	if err != nil {
		return err
	}
	switch {
	case n == m:
		return errors.New("admin: a node cannot replicate itself")
	case n.Serves():
		return fmt.Errorf("%w: master %s owns %s; move them first: slotmesh drain %s %s", ErrNotEmpty, n.Name(),
			slotList(n.Slots()), v.Nodes[0].Address, n.ID)
	}
	if err := v.onlyCopy(n); err != nil && n.Master != m.ID {
		return err
	}
	c.step(n.Address, "becoming a replica of %s", m.Name())
	if err := c.follow(ctx, n.Address, m.ID); err != nil {
		return err
	}
	fresh, err := c.refresh(ctx, v)
	if err != nil {
		return err
	}
	return c.awaitAgreement(ctx, fresh)
}
