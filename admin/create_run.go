package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Create makes a cluster of fresh nodes as planned and returns once all of them agree.
// Nodes must own no slots, hold no keys and know nobody, unless an earlier Create with
// the same plan was interrupted: then it goes on from there. Functions that one of them has
// are brought to all masters. The errors about nodes that
// are not fresh match ErrNotEmpty, those about nodes outside cluster mode ErrNotCluster.
func (c *Client) Create(ctx context.Context, p CreatePlan) error {
	r := &creation{c: c, plan: p, addrs: p.Nodes()}
	built, err := r.admit(ctx)
	if err != nil {
		return err
	}
	if built {
		c.step("", "the nodes form this cluster already: nothing to do")
		return nil
	}
	for _, s := range []struct {
		what string
		do   func(context.Context) error
	}{
		{bringingFunctions, r.bringFunctions},
		{"assigning slots and config epochs", r.assign},
		{"introducing the nodes to each other", r.meet},
		{assigningReplicas, r.replicate},
		{"waiting until all nodes agree", r.waitAgreed},
	} {
		if s.what == assigningReplicas && len(r.nodes) == len(p.Masters) ||
			s.what == bringingFunctions && r.functions.count == 0 {
			continue
		}
		c.step("", "%s", s.what)
		if err := s.do(ctx); err != nil {
			return &StepError{Verb: "create", Step: s.what, Err: err,
				Left: "some nodes may have slots or know each other already, no key was touched",
				Next: "the same command continues; CLUSTER RESET HARD at a node undoes its part"}
		}
	}
	return nil
}

// Inspect looks at the nodes of a plan and returns the error with which Create would
// refuse them, so that nobody is asked about a plan that cannot be carried out. built
// says that they are the planned cluster already.
func (c *Client) Inspect(ctx context.Context, p CreatePlan) (built bool, err error) {
	r := &creation{c: c, plan: p, addrs: p.Nodes()}
	return r.admit(ctx)
}

// The steps that are left out where they are not needed.
const (
	bringingFunctions = "bringing functions to all masters"
	assigningReplicas = "assigning replicas"
)

// creation is a Create under way.
type creation struct {
	c     *Client
	plan  CreatePlan
	addrs []string
	nodes []*Node // in the order of addrs

	functions functions // that one of the nodes has, and all are to have
}

// admit asks all nodes and refuses those that cannot be taken.
func (r *creation) admit(ctx context.Context) (built bool, err error) {
	r.nodes = make([]*Node, len(r.addrs))
	err = each(len(r.addrs), func(i int) error {
		r.nodes[i] = r.c.ask(ctx, r.addrs[i])
		return r.nodes[i].Err
	})
	if err != nil || r.built() == nil {
		return err == nil, err
	}
	if err := r.empty(); err != nil {
		return false, err
	}
	return false, r.findFunctions(ctx)
}

// findFunctions finds a node that has functions. Others may have the same or none.
func (r *creation) findFunctions(ctx context.Context) (err error) {
	for _, addr := range r.addrs {
		if r.functions, err = r.c.functionsOf(ctx, addr); err != nil {
			return err
		}
		if r.functions.count > 0 {
			break
		}
	}
	if r.functions.count == 0 {
		return nil
	}
	return each(len(r.addrs), func(i int) error {
		_, err := r.c.mayBring(ctx, r.functions, r.addrs[i])
		return err
	})
}

// bringFunctions gives them to all masters; replicas get them from these.
func (r *creation) bringFunctions(ctx context.Context) error {
	return each(len(r.plan.Masters), func(i int) error { return r.c.bringFunctions(ctx, r.functions, r.addrs[i]) })
}

func (r *creation) at(addr string) *Node { return r.nodes[slices.Index(r.addrs, addr)] }

// empty refuses nodes that are neither fresh nor as an interrupted run of this
// plan left them.
func (r *creation) empty() error {
	ids := make(map[slots.NodeID]bool)
	for _, n := range r.nodes {
		if ids[n.ID] {
			return fmt.Errorf("admin: two of the addresses lead to the same node, %s", n.Name())
		}
		ids[n.ID] = true
	}
	var errs []error
	for i, n := range r.nodes {
		var planned slots.Set
		if i < len(r.plan.Masters) {
			planned.AddRange(r.plan.Masters[i].Slots)
		}
		owned := n.Slots()
		owned.Subtract(&planned)
		stranger := slices.ContainsFunc(n.Members, func(m Member) bool { return !ids[m.ID] && !m.Has("handshake") })
		const remedy = "take another node; FLUSHALL and CLUSTER RESET HARD would make it new, and delete its keys"
		switch {
		case n.Keys > 0:
			errs = append(errs, &NodeError{Node: n.Address,
				Err: fmt.Errorf("%w: it holds %d keys; %s", ErrNotEmpty, n.Keys, remedy)})
		case stranger:
			errs = append(errs, &NodeError{Node: n.Address,
				Err: fmt.Errorf("%w: it knows other nodes already; %s", ErrNotEmpty, remedy)})
		case !owned.Empty():
			errs = append(errs, &NodeError{Node: n.Address,
				Err: fmt.Errorf("%w: it owns slots %s; %s", ErrNotEmpty, slotList(owned), remedy)})
		}
	}
	return errors.Join(errs...)
}

// assign gives masters their slots and every node an epoch of its own, so that no
// collision has to be settled later.
func (r *creation) assign(ctx context.Context) error {
	return each(len(r.nodes), func(i int) error {
		n := r.nodes[i]
		if n.Epoch == 0 && n.IsMaster() && len(n.Members) == 1 {
			// It is refused if an introduction of an interrupted run has got through since; gossip
			// then settles the epochs.
			if _, err := r.c.do(ctx, n.Address, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil &&
				!isRefusal(err) {
				return err
			}
		}
		if i >= len(r.plan.Masters) {
			return nil
		}
		err := r.addMissing(ctx, i, n)
		if refused(err, "already busy") {
			// The last command of an interrupted run may have been carried out since we looked.
			if n = r.c.ask(ctx, n.Address); n.Err == nil {
				err = r.addMissing(ctx, i, n)
			}
		}
		return err
	})
}

// addMissing gives master i what it lacks of its slots.
func (r *creation) addMissing(ctx context.Context, i int, n *Node) error {
	var missing slots.Set
	missing.AddRange(r.plan.Masters[i].Slots)
	owned := n.Slots()
	missing.Subtract(&owned)
	return r.c.addSlots(ctx, n, missing)
}

// addSlots makes a node the owner of unassigned slots; servers before Redis 7 do not know
// ranges.
func (c *Client) addSlots(ctx context.Context, n *Node, set slots.Set) error {
	if set.Empty() {
		return nil
	}
	_, err := c.do(ctx, n.Address, append([]string{"CLUSTER", "ADDSLOTSRANGE"}, rangeArgs(set)...)...)
	if !unsupported(err) {
		return err
	}
	args := []string{"CLUSTER", "ADDSLOTS"}
	for slot := range set.All() {
		args = append(args, slotText(slot))
	}
	_, err = c.do(ctx, n.Address, args...)
	return err
}

// meet introduces every node to the first: so there is one cluster that grows, never two
// of several nodes that would have to merge, which slotmesh nodes refuse once both own
// slots.
func (r *creation) meet(ctx context.Context) error {
	first := r.nodes[0]
	cmd, err := r.c.meetCommand(ctx, first)
	if err != nil {
		return err
	}
	err = each(len(r.nodes)-1, func(i int) error {
		n := r.nodes[i+1]
		if n.member(first.ID) != nil {
			return nil
		}
		_, err := r.c.do(ctx, n.Address, cmd...)
		return err
	})
	if err != nil {
		return err
	}
	g := gossiper{c: r.c, next: time.Now().Add(gossipEvery)}
	return r.c.await(ctx, r.addrs, func(nodes []*Node) error {
		r.nodes = nodes
		for _, n := range nodes {
			if n.Err != nil {
				return n.Err
			}
			for _, other := range nodes {
				if other.Err == nil && n.member(other.ID) == nil {
					g.spread(ctx, nodes)
					return fmt.Errorf("node %s does not know node %s", n.Name(), other.Name())
				}
			}
		}
		return nil
	})
}

// meetCommand is how to introduce somebody to n: Redis wants an IP address, and the bus
// port where that is not the usual one (docs/spec.md §2.7).
func (c *Client) meetCommand(ctx context.Context, n *Node) ([]string, error) {
	host, port, err := net.SplitHostPort(n.Address)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) == nil {
		ips, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return nil, &NodeError{Node: n.Address, Err: fmt.Errorf("its address is needed as a number: %w", err)}
		}
		host = ips[0]
	}
	cmd := []string{"CLUSTER", "MEET", host, port}
	const busOffset = 10_000
	if bus := int(n.Addr.BusPort); bus != 0 && bus != int(n.Addr.Port)+busOffset {
		cmd = append(cmd, strconv.Itoa(bus))
	}
	return cmd, nil
}

func (r *creation) replicate(ctx context.Context) error {
	return each(len(r.plan.Masters), func(i int) error {
		m := r.plan.Masters[i]
		master := r.at(m.Node)
		for _, addr := range m.Replicas {
			if n := r.at(addr); n.Master == master.ID {
				continue
			}
			if _, err := r.c.do(ctx, addr, "CLUSTER", "REPLICATE", master.ID.String()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *creation) waitAgreed(ctx context.Context) error {
	g := gossiper{c: r.c}
	return r.c.await(ctx, r.addrs, func(nodes []*Node) error {
		r.nodes = nodes
		err := r.built()
		if err != nil {
			g.spread(ctx, nodes)
		}
		return err
	})
}

// built tells what the nodes lack to be the planned cluster, nil if nothing.
func (r *creation) built() error {
	if err := agreed(r.nodes); err != nil {
		return err
	}
	for i, m := range r.plan.Masters {
		n := r.nodes[i]
		if len(n.Members) != len(r.nodes) {
			return fmt.Errorf("node %s knows %d nodes, not %d", n.Name(), len(n.Members), len(r.nodes))
		}
		if !slices.Equal(n.Ranges, []slots.Range{m.Slots}) {
			return fmt.Errorf("node %s owns slots %s, not %s", n.Name(), n.Slots(), m.Slots)
		}
		for _, addr := range m.Replicas {
			if got := r.at(addr).Master; got != n.ID {
				return fmt.Errorf("node %s does not replicate %s yet", addr, n.Name())
			}
		}
	}
	return nil
}
