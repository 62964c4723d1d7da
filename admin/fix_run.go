package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// fixRounds is how often Fix looks again: repairing one thing may uncover another.
const fixRounds = 5

// Fix repairs a cluster: it carries out PlanFix, looks again, and so on until nothing is
// left that it can repair. It returns what is left then.
func (c *Client) Fix(ctx context.Context, v *View, o FixOptions) (Report, error) {
	for range fixRounds {
		d, err := c.Diagnose(ctx, v)
		if err != nil {
			return nil, err
		}
		v = d.View
		p, err := PlanFix(d, o)
		if err != nil {
			return d.Report, err
		}
		if p.Empty() {
			return d.Report, nil
		}
		if err := c.runFix(ctx, v, p, o); err != nil {
			return d.Report, err
		}
		if err := c.heal(ctx, v); err != nil {
			return d.Report, err
		}
	}
	return nil, fmt.Errorf("%w: after %d rounds of repairs new problems still turn up; is something else changing "+
		"the cluster?", ErrBroken, fixRounds)
}

// heal gives gossip some time to carry the repairs everywhere, and to settle which of
// several nodes that bumped their epochs at once has to do so again. If it does not, the
// next round will see what is left.
func (c *Client) heal(ctx context.Context, v *View) error {
	const healLimit = 5 * time.Second
	limited, cancel := context.WithTimeout(ctx, healLimit)
	defer cancel()
	v, err := c.refresh(limited, v)
	if err == nil && c.awaitAgreement(limited, v) == nil {
		c.await(limited, v.addresses(), func(nodes []*Node) error {
			for _, f := range checkEpochs(&View{Nodes: nodes}) {
				if f.Problem == EpochClash {
					return errors.New(f.Text)
				}
			}
			return nil
		})
	}
	return ctx.Err()
}

func (c *Client) runFix(ctx context.Context, v *View, p *FixPlan, o FixOptions) error {
	for i, s := range p.Steps {
		c.step("", "%s", s.Reason)
		for _, a := range s.Actions {
			c.step(p.names[a.Node], "%s", p.describe(a))
			if err := c.act(ctx, v, a, o); err != nil {
				return &StepError{Verb: "fix", Step: fmt.Sprintf("step %d of %d, %s", i+1, len(p.Steps), p.describe(a)), Err: err,
					Left: "the steps before it are done, keys that were not moved are where they were",
					Next: "the same command looks again and continues"}
			}
		}
	}
	return nil
}

// act carries out one action.
func (c *Client) act(ctx context.Context, v *View, a Action, o FixOptions) error {
	n, peer := v.Node(a.Node), v.Node(a.Peer)
	switch a.Op {
	case OpTake:
		return c.claimSlots(ctx, n, a.Slots)
	case OpYield:
		return c.forEachSlot(ctx, n, a.Slots, "already unassigned",
			func(slot string) []string { return []string{"CLUSTER", "DELSLOTS", slot} })
	case OpImport:
		return c.forEachSlot(ctx, n, a.Slots, "", func(slot string) []string {
			return []string{"CLUSTER", "SETSLOT", slot, "IMPORTING", a.Peer.String()}
		})
	case OpClose:
		return c.forEachSlot(ctx, n, a.Slots, "", func(slot string) []string {
			return []string{"CLUSTER", "SETSLOT", slot,
				"STABLE"}
		})
	case OpTell:
		err := c.forEachSlot(ctx, n, a.Slots, "", func(slot string) []string {
			return []string{"CLUSTER", "SETSLOT", slot, "NODE", a.Peer.String()}
		})
		if err != nil && !refused(err, "still hold keys") {
			return err
		}
		// Redis takes our word for it, slotmesh only the owner's.
		return c.awaitAgreementAbout(ctx, n, peer, a.Slots)
	case OpKeys:
		err := c.carry(ctx, v, a, o)
		if err != nil {
			// Left open, the slots would look as if the owner were handing them over to n.
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout)
			defer cancel()
			err = errors.Join(err, c.act(undo, v, Action{Op: OpClose, Node: a.Node, Slots: a.Slots}, o))
		}
		return err
	case OpFinish:
		return c.carry(ctx, v, a, o)
	case OpBump:
		_, err := c.do(ctx, n.Address, "CLUSTER", "BUMPEPOCH")
		return err
	case OpMeet:
		cmd, err := c.meetCommand(ctx, peer)
		if err == nil {
			_, err = c.do(ctx, n.Address, cmd...)
		}
		return err
	case OpFollow:
		_, err := c.do(ctx, n.Address, "CLUSTER", "REPLICATE", a.Peer.String())
		return err
	}
	return fmt.Errorf("admin: unknown action %q", a.Op)
}

// claimSlots makes n the owner of slots, whatever it believes about them. Slots of a
// master that is gone are taken one by one: only so do both Redis and slotmesh let go of
// that belief.
func (c *Client) claimSlots(ctx context.Context, n *Node, set slots.Set) error {
	err := c.addSlots(ctx, n, set)
	if !refused(err, "already busy") {
		return err
	}
	return c.forEachSlot(ctx, n, set, "", func(slot string) []string {
		return []string{"CLUSTER", "SETSLOT", slot, "NODE", n.ID.String()}
	})
}

// awaitAgreementAbout waits until n knows that owner owns the slots.
func (c *Client) awaitAgreementAbout(ctx context.Context, n, owner *Node, set slots.Set) error {
	return c.await(ctx, []string{n.Address}, func(nodes []*Node) error {
		if nodes[0].Err != nil {
			return nodes[0].Err
		}
		if m := nodes[0].member(owner.ID); m == nil || !subset(set, m.Slots()) {
			return fmt.Errorf("node %s does not know that %s owns %s", n.Name(), owner.Name(), slotList(set))
		}
		return nil
	})
}

// carry moves keys, for OpFinish with everything that belongs to a move.
func (c *Client) carry(ctx context.Context, v *View, a Action, o FixOptions) error {
	t := &tracker{c: c, begin: time.Now()}
	t.p.TotalSlots = a.Slots.Len()
	defer t.report(true)
	h := &handMove{c: c, view: v, from: v.Node(a.Node), to: v.Node(a.Peer), track: t,
		o: MoveOptions{Replace: o.Replace, Timeout: o.Timeout}.withDefaults()}
	if a.Op == OpFinish {
		return h.run(ctx, a.Slots)
	}
	var list []slots.Slot
	for slot := range a.Slots.All() {
		list = append(list, slot)
	}
	return h.drain(ctx, list)
}

// forEachSlot sends a command for each slot in one round trip; a refusal that contains
// fine is none.
func (c *Client) forEachSlot(ctx context.Context, n *Node, set slots.Set, fine string,
	command func(slot string) []string) error {
	var commands [][]string
	for slot := range set.All() {
		commands = append(commands, command(slotText(slot)))
	}
	replies, err := c.pipe(ctx, n.Address, commands)
	if err != nil {
		return err
	}
	for i := range replies {
		if err := replies[i].Err(); err != nil && (fine == "" || !refused(err, fine)) {
			return &NodeError{n.Address, brief(commands[i]), err}
		}
	}
	return nil
}
