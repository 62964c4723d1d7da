package commands

import "context"

// Balancing is what CLUSTER BALANCE asks: see package balance. Redis and Valkey have no such
// command.
type Balancing interface {
	// BalancePause makes the cluster begin no step more, BalanceResume ends that.
	BalancePause(ctx context.Context) error
	BalanceResume(ctx context.Context) error
	// DescribeBalance returns lines "field:value" in the manner of CLUSTER INFO.
	DescribeBalance() (string, error)
	// DescribeBalancePlan returns a line for each step that would be done next.
	DescribeBalancePlan(ctx context.Context) (string, error)
}

var balanceCommand = Command{Name: "balance", Arity: 3, Args: "<PAUSE|RESUME|STATUS|PLAN>",
	Flags: flagsClusterAdmin | Hidden, Since: "0.1.0", Tips: "nondeterministic_output",
	Summary: "Pauses and describes what moves slots by itself.", Run: inCluster(cmdBalance)}

func cmdBalance(c *Call) (err error) {
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
