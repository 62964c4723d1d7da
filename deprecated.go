package slotmesh

import (
	"context"
	"time"

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

// Offer is the former name of RegisterFunc.
//
// Deprecated: use RegisterFunc.
func (n *Node) Offer(name string, fn Func) error { return n.RegisterFunc(name, fn) }

// Why is the former name of Explain.
//
// Deprecated: use Explain.
func (n *Node) Why(slot slots.Slot) string { return n.Explain(slot) }

// Reading is the former name of WithReadPreference.
//
// Deprecated: use WithReadPreference.
func (r *Router) Reading(from ReadPreference) *Router { return r.WithReadPreference(from) }

// Within is the former name of WithMaxStaleness.
//
// Deprecated: use WithMaxStaleness.
func (r *Router) Within(bound time.Duration) *Router { return r.WithMaxStaleness(bound) }

// View is the former name of Local().View.
//
// Deprecated: use Local().View.
func (n *Node) View(ctx context.Context, keys []string, fn func(Tx) error) error {
	return n.Local().View(ctx, keys, fn)
}
