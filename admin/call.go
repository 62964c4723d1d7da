package admin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// Answer is what a node said to a command.
type Answer struct {
	Node string // "host:port"
	Text string // the reply as redis-cli prints it
	Err  error  // an error reply, or why there is none
}

// Which says what nodes a call goes to.
type Which int

const (
	AllNodes Which = iota
	OnlyMasters
	OnlyReplicas
)

// Call sends a command to many nodes and returns their answers in the view's order; nodes
// that do not answer have their reason in Err.
func (c *Client) Call(ctx context.Context, v *View, which Which, args ...string) []Answer {
	var nodes []*Node
	for _, n := range v.Nodes {
		if which == AllNodes || n.IsMaster() == (which == OnlyMasters) {
			nodes = append(nodes, n)
		}
	}
	answers := make([]Answer, len(nodes))
	each(len(nodes), func(i int) error {
		answers[i].Node = nodes[i].Address
		if answers[i].Err = nodes[i].Err; answers[i].Err != nil {
			return nil
		}
		reply, err := c.do(ctx, nodes[i].Address, args...)
		answers[i].Err = err
		if err == nil {
			answers[i].Text = printReply(reply, "")
		}
		return nil
	})
	return answers
}

// printReply prints a reply in the manner of redis-cli's raw form; elements of
// aggregates are numbered.
func printReply(r resp.Reply, indent string) string {
	switch r.Kind {
	case resp.Null:
		return "(nil)"
	case resp.ErrorMsg:
		return "(error) " + r.Text()
	case resp.Array, resp.Map, resp.Set, resp.Push:
		if len(r.Elems) == 0 {
			return "(empty array)"
		}
		var b strings.Builder
		for i, e := range r.Elems {
			head := strconv.Itoa(i+1) + ") "
			if i > 0 {
				b.WriteString("\n" + indent)
			}
			b.WriteString(head + printReply(e, indent+strings.Repeat(" ", len(head))))
		}
		return b.String()
	}
	return strings.TrimRight(r.Text(), "\r\n")
}

// SetTimeout changes the node timeout of all nodes, in milliseconds, and has them write
// it to their configuration files. Nodes that refuse or do not answer are named in the
// error; the others have changed.
func (c *Client) SetTimeout(ctx context.Context, v *View, milliseconds int) error {
	const least = 100
	if milliseconds < least {
		return fmt.Errorf("admin: a node timeout of %d ms would suspect nodes that are merely busy; use %d or more",
			milliseconds, least)
	}
	return each(len(v.Nodes), func(i int) error {
		n := v.Nodes[i]
		if !n.Alive() {
			return n.Err
		}
		if _, err := c.do(ctx, n.Address, "CONFIG", "SET", "cluster-node-timeout", strconv.Itoa(milliseconds)); err != nil {
			return err
		}
		if _, err := c.do(ctx, n.Address, "CONFIG", "REWRITE"); refused(err, "without a config file") {
			c.notice(n.Address, "the new timeout holds until it restarts: it runs without a configuration file")
		} else if err != nil {
			return errors.Join(err, fmt.Errorf("node %s has the new timeout until it restarts", n.Address))
		}
		return nil
	})
}
