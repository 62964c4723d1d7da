package admin

import (
	"context"
	"fmt"
	"strings"
)

// What a cluster of slotmesh can be told about the balance that it keeps by itself.
const (
	BalancePause  = "pause"  // begin no step more, until BalanceResume
	BalanceResume = "resume" // end a pause
	BalanceStatus = "status" // lines "field:value": is it paused, who coordinates, what it waits for
	BalancePlan   = "plan"   // a line for each step that would be done next
)

// Balance asks the node at addr for one of the above, for the whole cluster, and returns its
// answer: "OK", or lines. Servers other than slotmesh refuse it.
func (c *Client) Balance(ctx context.Context, addr, what string) (string, error) {
	reply, err := c.do(ctx, addr, "CLUSTER", "BALANCE", strings.ToUpper(what))
	if refused(err, "nknown subcommand") {
		return "", fmt.Errorf("admin: node %s does not balance its cluster by itself: it is not a slotmesh node, or an "+
			"earlier one; use rebalance", addr)
	}
	if err != nil {
		return "", err
	}
	return reply.Text(), nil
}
