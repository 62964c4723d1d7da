package admin

import (
	"context"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// What a cluster of slotmesh can be told about the balance that it keeps by itself.
const (
	BalancePause  = "pause"  // begin no step more, until BalanceResume
	BalanceResume = "resume" // end a pause
	BalanceStatus = "status" // lines "field:value": is it paused, who coordinates, what it waits for
	BalancePlan   = "plan"   // a line for each step that would be done next

	// Of one node, whose id follows.
	BalanceExclude = "exclude" // give it neither slots nor a master, until BalanceInclude
	BalanceInclude = "include" // end that
)

// Balance asks the node at addr for one of the above, for the whole cluster, and returns its
// answer: "OK", or lines. about is the id of the node that BalanceExclude and BalanceInclude are
// about. Servers other than slotmesh refuse it.
func (c *Client) Balance(ctx context.Context, addr, what string, about ...string) (string, error) {
	reply, err := c.do(ctx, addr, append([]string{"CLUSTER", "BALANCE", strings.ToUpper(what)}, about...)...)
	if refused(err, "nknown subcommand") {
		return "", fmt.Errorf("admin: node %s does not balance its cluster by itself: it is not a slotmesh node, or an "+
			"earlier one; use rebalance", addr)
	}
	if err != nil {
		return "", err
	}
	return reply.Text(), nil
}

// excludeFromBalance makes a cluster that balances by itself give the node no slots any more,
// before they are moved away by hand.
func (c *Client) excludeFromBalance(ctx context.Context, v *View, id slots.NodeID) error {
	at := v.Nodes[0].Address
	status, err := c.Balance(ctx, at, BalanceStatus)
	if err != nil || !strings.Contains(status, "excluded:") {
		return ctx.Err() // another server, which gives no slots back
	}
	_, err = c.Balance(ctx, at, BalanceExclude, id.String())
	return err
}
