package admin

import (
	"context"
	"fmt"
)

// FailoverMode says what a manual failover waits for (docs/spec.md §6.7).
type FailoverMode string

const (
	Handshake FailoverMode = ""         // the master pauses, the replica catches up: nothing is lost
	Force     FailoverMode = "FORCE"    // the master is not asked; it may be down
	Takeover  FailoverMode = "TAKEOVER" // nobody is asked: for when no majority is left
)

// Failover makes a replica, named by id or host:port, the master of its shard and returns
// once all living nodes know.
func (c *Client) Failover(ctx context.Context, v *View, replica string, mode FailoverMode) error {
	n, err := v.Find(replica)
	if err != nil {
		return err
	}
	if !n.Alive() {
		return n.Err
	}
	if n.IsMaster() {
		return fmt.Errorf("admin: %s is a master; name one of its replicas", n.Name())
	}
	c.step(n.Address, "taking over from %s", v.name(n.Master))
	args := []string{"CLUSTER", "FAILOVER"}
	if mode != Handshake {
		args = append(args, string(mode))
	}
	if _, err := c.do(ctx, n.Address, args...); err != nil {
		return err
	}
	err = c.await(ctx, []string{n.Address}, func(nodes []*Node) error {
		if got := nodes[0]; got.Err != nil {
			return got.Err
		} else if !got.Serves() {
			return fmt.Errorf("%s is still a replica: the failover was not carried out", got.Name())
		}
		return nil
	})
	if err == nil {
		if v, err = c.refresh(ctx, v); err == nil {
			err = c.awaitAgreement(ctx, v)
		}
	}
	if err != nil {
		return &StepError{Verb: "failover", Step: "waiting for the new master", Err: err,
			Left: "the replica may still be elected", Next: "slotmesh check " + n.Address +
				" shows who is master; repeat if it is not, with --force if the master is down"}
	}
	return nil
}
