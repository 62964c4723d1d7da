package slotmesh

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

// SlotHooks tells the host which slots this node serves: for what it keeps beside them,
// such as an index, a subscription or a warm cache. Any of the functions may be nil. They
// are called one after another, in the order in which things happened, on a goroutine of
// their own: one that takes its time holds up those after it, and nothing else. What
// happens meanwhile several times in a row comes in one call.
type SlotHooks struct {
	// Prepare is called with slots that this node begins to own, or to import from another
	// node. Until it returns, requests for them are answered with slots.ErrTryAgain, which
	// routers and clients wait out; so it should return soon. ctx ends when the node closes.
	// The keys of importing slots come while it runs, and after.
	Prepare func(ctx context.Context, acquired slots.Set)
	// Losing is called when slots begin to move to another node. They are still served here.
	Losing func(leaving slots.Set)
	// Lost is called when slots are no longer this node's.
	Lost func(lost slots.Set)
}

// OnSlots sets the hooks; call it before Start.
func (n *Node) OnSlots(hooks SlotHooks) error {
	return n.life.beforeStart("OnSlots", func() error {
		n.hooks = hooks
		return nil
	})
}
