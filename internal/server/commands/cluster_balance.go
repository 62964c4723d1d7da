package commands

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

// Balancing is what CLUSTER BALANCE asks: see package balance. Redis and Valkey have no such
// command.
type Balancing interface {
	// BalancePause makes the cluster begin no step more, BalanceResume ends that.
	BalancePause(ctx context.Context) error
	BalanceResume(ctx context.Context) error
	// BalanceExclude makes it give a node neither slots nor a master, BalanceInclude ends that.
	BalanceExclude(ctx context.Context, id slots.NodeID) error
	BalanceInclude(ctx context.Context, id slots.NodeID) error
	// DescribeBalance returns lines "field:value" in the manner of CLUSTER INFO.
	DescribeBalance() (string, error)
	// DescribeBalancePlan returns a line for each step that would be done next.
	DescribeBalancePlan(ctx context.Context) (string, error)
}

var balanceCommand = Command{Name: "balance", Arity: -3,
	Args:  "<PAUSE|RESUME|STATUS|PLAN|EXCLUDE node-id|INCLUDE node-id>",
	Flags: flagsClusterAdmin | Hidden, Since: "0.1.0", Tips: "nondeterministic_output",
	Summary: "Pauses and describes what moves slots by itself.", Run: inCluster(cmdBalance)}

func cmdBalance(c *Call) (err error) {
	if len(c.Args) == 4 {
		return c.balanceNode()
	}
	if len(c.Args) > 4 {
		return ErrSyntax
	}
	var text string
	switch cluster := c.Node.Cluster; {
	case c.Word(2, "PAUSE"):
		return c.change(cluster.BalancePause)
	case c.Word(2, "RESUME"):
		return c.change(cluster.BalanceResume)
	case c.Word(2, "STATUS"):
		text, err = cluster.DescribeBalance()
	case c.Word(2, "PLAN"):
		text, err = cluster.DescribeBalancePlan(c.Node.Life)
	default:
		return ErrSyntax
	}
	if err == nil {
		c.Out.BulkString(text)
	}
	return err
}

// balanceNode carries out what is about one node.
func (c *Call) balanceNode() error {
	do := c.Node.Cluster.BalanceInclude
	switch {
	case c.Word(2, "EXCLUDE"):
		do = c.Node.Cluster.BalanceExclude
	case !c.Word(2, "INCLUDE"):
		return ErrSyntax
	}
	id, err := c.nodeArg(3)
	if err != nil {
		return err
	}
	return c.change(func(ctx context.Context) error { return do(ctx, id) })
}
