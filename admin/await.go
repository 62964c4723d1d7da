package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
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

// awaitAgreement waits until the living nodes of a view have the same opinion about who is in the
// cluster, who replicates whom and who owns which slot.
func (c *Client) awaitAgreement(ctx context.Context, v *View) error {
	g := gossiper{c: c, next: time.Now().Add(gossipEvery)}
	return c.await(ctx, v.addresses(), func(nodes []*Node) error {
		err := agreed(nodes)
		if err != nil {
			g.spread(ctx, nodes)
		}
		return err
	})
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

// checkRoles compares what each node says about who replicates whom.
func checkRoles(v *View) (r Report) {
	for _, n := range v.Alive() {
		for _, other := range v.Alive() {
			if m := n.member(other.ID); m != nil && m.Master != other.Master {
				r = append(r, Finding{Problem: Disagreement, Node: n.ID, Other: other.ID,
					Text: fmt.Sprintf("Nodes don't agree about configuration: %s does not know whom %s replicates", n.Name(), other.Name())})
			}
		}
	}
	return r
}

// gossiper hastens what gossip would do by itself within half a node timeout: a node that
// introduces itself to one who knows it already tells him, by the way, what it owns and
// whom it replicates.
type gossiper struct {
	c    *Client
	next time.Time
}

const gossipEvery = 250 * time.Millisecond

func (g *gossiper) spread(ctx context.Context, nodes []*Node) {
	if time.Now().Before(g.next) {
		return
	}
	g.next = time.Now().Add(gossipEvery)
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
		return err // it is only a hint: who needs the agreement goes on waiting for it
	})
}

// knows reports whether what n says about other is up to date.
func (n *Node) knows(other *Node) bool {
	m := n.member(other.ID)
	return m != nil && m.Master == other.Master && slices.Equal(m.Ranges, other.Ranges)
}
