package balance

import "github.com/slotmesh/slotmesh/slots"

// Planned says that this node is the coordinator and what it is about to do: the whole
// plan, of which it orders a little at a time. It comes again when the plan has got other
// steps.
type Planned struct {
	Term  uint64
	Steps []Step
}

// Ordered says that this node, as the coordinator, has ordered a step. Err is why the node
// that should do it has not, nil if it has begun.
type Ordered struct {
	Term uint64
	Step Step
	Err  error
}

// PauseChanged says that balancing has been paused in the cluster, or goes on.
type PauseChanged struct {
	On bool
	By slots.NodeID // the node that was told so
}
