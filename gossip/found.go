package gossip

import (
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// FoundCluster makes a node that is alone, and has neither slots nor an epoch, a founder
// of a cluster whose founders agree on the id and on who owns what before they meet: the
// id, the config epoch and the slots become durable in one step. A founder that is to be a
// replica has neither epoch nor slots. The same command again does nothing, also when the
// node has met others since; a node that the other founders have met before claims what is
// left for it. Error: ErrFounded.
type FoundCluster struct {
	Cluster ClusterID
	Epoch   uint64
	Slots   slots.Set
}

// ErrFounded is matched by the error of FoundCluster at a node that is no fresh one.
var ErrFounded = errors.New("the node is no fresh one")

func (cmd FoundCluster) do(c *Core) error {
	self := &c.self.rec
	switch {
	case cmd.Cluster.IsZero():
		return errors.New("a cluster needs an id")
	case cmd.Epoch > maxCounter:
		return fmt.Errorf("%w: %d is greater than %d", ErrInvalidEpoch, cmd.Epoch, uint64(maxCounter))
	case c.cluster == cmd.Cluster && (self.claims() || self.ConfigEpoch != 0 || c.isReplica() || cmd.Slots.Empty()):
		return nil // what it founded has had its own history since
	case self.Witness && !cmd.Slots.Empty():
		return ErrWitness
	case c.cluster == cmd.Cluster:
		// Another founder has met this node before it heard of what it is to be.
		both := c.assigned
		if both.Intersect(&cmd.Slots); !both.Empty() {
			return fmt.Errorf("%w: its slots %s have other owners by now", ErrFounded, both.Short())
		}
	case !c.cluster.IsZero():
		return fmt.Errorf("%w: it belongs to another cluster", ErrFounded)
	case len(c.list) > 1:
		return fmt.Errorf("%w: it knows %d other nodes", ErrFounded, len(c.list)-1)
	case self.claims() || self.ConfigEpoch != 0 || c.isReplica():
		return fmt.Errorf("%w: it has slots, an epoch or a master", ErrFounded)
	}
	c.adopt(cmd.Cluster)
	if cmd.Epoch != 0 {
		c.setConfigEpoch(cmd.Epoch, "set by the founders of the cluster")
	}
	c.claim(&cmd.Slots, nil)
	return nil
}
