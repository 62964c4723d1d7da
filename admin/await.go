package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

const (
	// agreeLimit is how long nodes may take to come to the same view. Gossip needs seconds; a
	// handshake is given up after the node timeout, 15 s by default.
	agreeLimit = time.Minute
	firstPoll  = 5 * time.Millisecond
	lastPoll   = 200 * time.Millisecond
)

// await asks the nodes at these addresses again and again until ok returns nil. When the
// time is over the error matches ErrNotAgreed and says what ok was missing.
func (c *Client) await(ctx context.Context, addrs []string, ok func([]*Node) error) error {
	deadline := time.Now().Add(agreeLimit)
	for wait := firstPoll; ; wait = min(wait*3/2, lastPoll) {
		nodes := make([]*Node, len(addrs))
		each(len(addrs), func(i int) error {
			nodes[i] = c.ask(ctx, addrs[i])
			return nil
		})
		missing := ok(nodes)
		if missing == nil {
			return nil
		}
		var refusal *NodeError
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), missing)
		}
		if time.Now().After(deadline) && !errors.As(missing, &refusal) {
			return fmt.Errorf("%w after %v: %w", ErrNotAgreed, agreeLimit, missing)
		}
		if time.Now().After(deadline) {
			return missing
		}
		if err := pause(ctx, wait); err != nil {
			return errors.Join(err, missing)
		}
	}
}

// awaitAgreement waits until the living nodes of a view agree which nodes are in the
// cluster, which master each replica follows and which node owns each slot.
func (c *Client) awaitAgreement(ctx context.Context, v *View) error {
	g := gossiper{c: c, next: time.Now().Add(gossipEvery), claim: time.Now().Add(claimAfter)}
	return c.await(ctx, v.addresses(), func(nodes []*Node) error {
		err := agreed(nodes)
		if err != nil {
			g.spread(ctx, nodes)
		}
		return err
	})
}

// agreementLimit is how long WaitAgreed waits.
const agreementLimit = 10 * time.Second

// WaitAgreed gives nodes that do not agree ten seconds to do so, and returns what they
// say then. Plan moves on that: a tool that was interrupted a moment ago may have left a
// slot whose new owner is not known to all nodes yet.
func (c *Client) WaitAgreed(ctx context.Context, v *View) (*View, error) {
	if !Check(v).Has(Disagreement, Stranger, SeveralOwners) {
		return v, nil
	}
	c.step("", "waiting until all nodes agree")
	limited, cancel := context.WithTimeout(ctx, agreementLimit)
	defer cancel()
	c.awaitAgreement(limited, v) // if they do not, the planner says what is wrong
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return c.refresh(ctx, v)
}

// addresses returns where the living nodes are.
func (v *View) addresses() (list []string) {
	for _, n := range v.Alive() {
		list = append(list, n.Address)
	}
	return list
}

// agreed tells the first difference of opinion among nodes.
func agreed(nodes []*Node) error {
	for _, n := range nodes {
		if n.Err != nil {
			return n.Err
		}
	}
	v := &View{Nodes: nodes}
	for _, look := range []func(*View) Report{checkMembers, checkAgreement, checkRoles} {
		for _, f := range look(v) {
			return errors.New(f.Text)
		}
	}
	return nil
}

// checkRoles compares what each node says about the master of each replica.
func checkRoles(v *View) (r Report) {
	for _, n := range v.Alive() {
		for _, other := range v.Alive() {
			if m := n.member(other.ID); m != nil && m.Master != other.Master {
				r = append(r, Finding{Problem: Disagreement, Node: n.ID, Other: other.ID,
					Text: fmt.Sprintf("Nodes don't agree about configuration: %s does not know whom %s replicates", n.Name(),
						other.Name())})
			}
		}
	}
	return r
}

// gossiper hastens what gossip would do by itself within half a node timeout: a node that
// introduces itself to one that knows it already also tells what it owns and which master
// it replicates.
type gossiper struct {
	c     *Client
	next  time.Time
	claim time.Time // when those not believed are to raise their voice; zero once they have
}

const (
	gossipEvery = 250 * time.Millisecond
	claimAfter  = 3 * time.Second
)

func (g *gossiper) spread(ctx context.Context, nodes []*Node) {
	if time.Now().Before(g.next) {
		return
	}
	g.next = time.Now().Add(gossipEvery)
	if !g.claim.IsZero() && time.Now().After(g.claim) {
		g.claim = time.Time{}
		g.insist(ctx, nodes)
	}
	each(len(nodes), func(i int) error {
		speaker := nodes[i]
		var commands [][]string
		for _, listener := range nodes {
			if listener == speaker || speaker.Err != nil || listener.Err != nil || listener.knows(speaker) {
				continue
			}
			cmd, err := g.c.meetCommand(ctx, listener)
			if err == nil {
				commands = append(commands, cmd)
			}
		}
		_, err := g.c.pipe(ctx, speaker.Address, commands)
		return err // it is only a hint: the caller goes on waiting for the agreement
	})
}

// insist has owners whom somebody does not believe take the greatest config epoch, so
// that their claims win (docs/spec.md §4.4). A Redis node that was not there when slots
// moved may hold the former owner for the present one, whose epoch is greater, and no
// gossip ever changes that. Where two own the same slots this would be dangerous: the
// loser deletes its keys.
//
// What all others hold for a node's, and nobody for another's, the node takes again:
// Redis 7.0 may lose a slot that it has just been given when the former owner, having
// lost its last one, becomes a replica.
func (g *gossiper) insist(ctx context.Context, nodes []*Node) {
	v := &View{Nodes: nodes}
	if len(checkOwners(v)) > 0 {
		return
	}
	done := make(map[slots.NodeID]bool)
	for _, f := range checkAgreement(v) {
		if owner := v.Node(f.Other); owner.Serves() && !done[f.Other] {
			done[f.Other] = true
			if lost := v.credited(owner); !lost.Empty() {
				g.c.step(owner.Address, "taking %s again, which all others hold for its own", slotsText(lost))
				g.c.claimSlots(ctx, owner, lost)
			}
			g.c.step(owner.Address, "renewing its claims, which not all nodes believe")
			g.c.do(ctx, owner.Address, "CLUSTER", "BUMPEPOCH") // a hint, as above
		}
	}
}

// credited returns the slots that others say are n's, nobody says are another's, and n
// itself does not own.
func (v *View) credited(n *Node) (set slots.Set) {
	for _, says := range v.Alive() {
		if m := says.member(n.ID); m != nil && says.ID != n.ID {
			s := m.Slots()
			set.Union(&s)
		}
	}
	for _, says := range v.Alive() {
		for i := range says.Members {
			if m := &says.Members[i]; m.ID != n.ID || says.ID == n.ID {
				s := m.Slots()
				set.Subtract(&s)
			}
		}
	}
	return set
}

// knows reports whether what n says about other is up to date.
func (n *Node) knows(other *Node) bool {
	m := n.member(other.ID)
	return m != nil && m.Master == other.Master && slices.Equal(m.Ranges, other.Ranges)
}
