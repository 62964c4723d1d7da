package slotmesh

import (
	"context"
	"iter"

	"github.com/slotmesh/slotmesh/slots"
)

// The former names of the API. They stay for one release.

// Procedure is the former name of Func.
//
// Deprecated: use Func.
type Procedure = Func

// ErrNoProcedure is the former name of ErrNoFunc.
//
// Deprecated: use ErrNoFunc.
var ErrNoProcedure = ErrNoFunc

// ErrUnknownFate is the former name of ErrAmbiguous.
//
// Deprecated: use ErrAmbiguous.
var ErrUnknownFate = ErrAmbiguous

// Offer is RegisterFunc, but for a nil fn it removes the function of that name.
//
// Deprecated: use RegisterFunc.
func (n *Node) Offer(name string, fn Func) error {
	if fn == nil {
		n.host.funcs.Delete(name)
		return nil
	}
	return n.RegisterFunc(name, fn)
}

// Why is the former name of Explain.
//
// Deprecated: use Explain.
func (n *Node) Why(slot slots.Slot) string { return n.Explain(slot) }

// View is the former name of Local().View.
//
// Deprecated: use Local().View.
func (n *Node) View(ctx context.Context, keys []string, fn func(Tx) error) error {
	return n.Local().View(ctx, keys, fn)
}

// Changes yields the node's map, and then each newer one, until ctx ends or the node is
// closed. missed is how many maps were passed over because the loop's body took its time:
// the one that is yielded is always the latest. The node never waits for it.
//
// Deprecated: use Events, which yields them as MapChanged.
func (n *Node) Changes(ctx context.Context) iter.Seq2[*slots.Map, int] {
	return func(yield func(m *slots.Map, missed int) bool) {
		var last *slots.Map
		for e := range n.events.WatchState(ctx) {
			m, missed := e.(MapChanged).Map, 0
			if last != nil {
				missed = int(m.Version() - last.Version() - 1)
			}
			if last = m; !yield(m, missed) {
				return
			}
		}
	}
}
