package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// transport is how a Router gets at the nodes: from one of them, or as a client.
type transport interface {
	local() *Node // whose keys are reached by direct calls, nil if none
	// owner returns who serves slot, as far as is known.
	owner(slot slots.Slot) (endpoint, bool)
	// replicas returns who else could serve reads of slot.
	replicas(slot slots.Slot) []endpoint
	// masters returns the nodes that own slots; anybody if there are none.
	masters() []endpoint
	// ask sends a request to one node and waits for the reply; an error reply is an error.
	ask(ctx context.Context, to endpoint, r *peer.Request) (resp.Reply, error)
	// moved learns from a redirect, and returns where it leads.
	moved(*slots.MovedError) endpoint
	asked(*slots.AskError) endpoint
	// down reports whether the cluster is known not to serve.
	down() bool
	// why says what keeps slot from being served, "" if that is not known.
	explain(slot slots.Slot) string
	// distances are how long nodes take to answer.
	latencies() *latencies
	// news returns a channel that is closed when the cluster's map changes; nil if nobody
	// tells.
	news() <-chan struct{}
	// refresh gets a newer map, if this end has to ask for it.
	refresh(ctx context.Context)
	// inspect says which arguments are keys, and whether the command may write.
	inspect(ctx context.Context, line [][]byte) (keys []int, write bool, err error)
	// done is closed when nothing works any more; ended then says why.
	done() <-chan struct{}
	ended() error
}

// endpoint is a node and where it is reached.
type endpoint struct {
	id   slots.NodeID // zero if only the address is known
	addr slots.Addr
}

// request is a request and what decides about its way.
type request struct {
	peer.Request
	slot  slots.Slot
	keyed bool // it is for slot; otherwise any node will do
	write bool // to carry it out twice is not the same as once
	// fromMaster is set for the attempt after a replica gave no answer.
	fromMaster bool
}

// patience is how long a call without a deadline goes on trying, from the first failure on.
const retryBudget = 30 * time.Second

// Between attempts it waits for about as long, twice as long each time, and never longer
// than a change of the map takes to come.
const (
	firstPause = 2 * time.Millisecond
	lastPause  = 250 * time.Millisecond
	maxHops    = 5 // redirects in a row without a pause
)

// verdict is what the outcome of an attempt means for the next one.
type verdict uint8

const (
	final   verdict = iota // the caller gets it
	follow                 // another node was named
	again                  // nothing has been done: try again a little later
	unknown                // it may have been done
)

// classify is a truth table: may a request be sent again after err?
func classify(err error, write bool) verdict {
	if err == nil {
		return final
	}
	return classifyError(err, write)
}

func classifyError(err error, write bool) verdict {
	var failure *peer.Failure
	var moved *slots.MovedError
	var ask *slots.AskError
	switch {
	case errors.As(err, &moved), errors.As(err, &ask):
		return follow
	case errors.Is(err, slots.ErrTryAgain), errors.Is(err, slots.ErrClusterDown), errors.Is(err, peer.ErrNotSent),
		isPassing(err):
		return again
	case errors.As(err, &failure) && failure.Refused:
		return again
	case errors.Is(err, peer.ErrLost) && write:
		return unknown
	case errors.Is(err, peer.ErrLost):
		return again
	}
	return final
}

// isPassing reports whether a node says that it cannot do it now: it is loading its data,
// has lost its master, or has just become a replica.
func isPassing(err error) bool {
	var reply ReplyError
	if !errors.As(err, &reply) {
		return false
	}
	switch reply.Code() {
	case "LOADING", "MASTERDOWN", "READONLY":
		return true
	}
	return false
}

// do sends a request to where it belongs until it is answered.
func (r *Router) do(ctx context.Context, req *request) (resp.Reply, error) {
	req.Sync = syncOf(ctx)
	w := waits{slot: req.slot, keyed: req.keyed}
	var next endpoint
	redirected := false
	for hops := 0; ; {
		err := error(slots.ErrSlotNotServed)
		to, ok := next, redirected
		if !redirected {
			to, ok = r.choose(req)
		}
		var reply resp.Reply
		if ok {
			reply, err = r.ask(ctx, to, req)
		}
		req.Asking, redirected = false, false
		switch classify(err, req.write) {
		case final:
			return reply, r.whyEnded(ctx, &w, err)
		case unknown:
			return reply, &ambiguous{r.whyEnded(ctx, &w, err)}
		case follow:
			next, redirected = r.follow(req, err)
			w.trail.add(next)
			if hops++; hops%maxHops != 0 {
				continue
			}
			redirected = req.Asking // look again where the slot is
		}
		req.fromMaster = req.ReadOnly && !req.fromMaster
		if ok && r.transport.down() {
			err = fmt.Errorf("%w: %w", slots.ErrClusterDown, err)
		}
		r.transport.refresh(ctx)
		if err := r.backoff(ctx, &w, err); err != nil {
			return reply, err
		}
	}
}

// follow returns where a redirect leads.
func (r *Router) follow(req *request, err error) (endpoint, bool) {
	var moved *slots.MovedError
	if errors.As(err, &moved) {
		return r.transport.moved(moved), true
	}
	var ask *slots.AskError
	errors.As(err, &ask)
	req.Asking = true
	return r.transport.asked(ask), true
}

// waits is how a call has waited between its attempts.
type waits struct {
	pause time.Duration   // of the last one
	until time.Time       // when a call without a deadline gives up
	news  <-chan struct{} // closed when the map has changed since the last one

	slot  slots.Slot
	keyed bool // the call is for slot
	trail trail
}

// explain says what kept the call from being served, "" if that is not known.
func (w *waits) explain(r *Router) string {
	if w.keyed {
		if reason := r.transport.explain(w.slot); reason != "" {
			return reason
		}
	}
	return w.trail.String()
}

// backoff waits before the next attempt: for a while, with jitter, or until the map
// changes.
func (r *Router) backoff(ctx context.Context, w *waits, last error) error {
	if w.pause = min(2*w.pause, lastPause); w.pause == 0 {
		w.pause = firstPause
		if _, ok := ctx.Deadline(); !ok {
			w.until = time.Now().Add(retryBudget)
		}
	}
	timer := time.NewTimer(w.pause/2 + rand.N(w.pause/2))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.news:
	case <-r.transport.done():
	case <-ctx.Done():
	}
	w.news = r.transport.news()
	select {
	case <-r.transport.done():
		return r.transport.ended()
	default:
	}
	if err := ctx.Err(); err != nil {
		return unavailable(fmt.Errorf("slotmesh: gave up: %w; at last: %w", err, last), w.explain(r))
	}
	if !w.until.IsZero() && time.Now().After(w.until) {
		return unavailable(fmt.Errorf("slotmesh: gave up after %v: %w", retryBudget, last), w.explain(r))
	}
	return nil
}

// whyEnded adds to the error of an attempt that ctx has ended why it was not answered.
func (r *Router) whyEnded(ctx context.Context, w *waits, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	return unavailable(err, w.explain(r))
}

// ambiguous is the error of a write that left and was not answered.
type ambiguous struct{ cause error }

func (e *ambiguous) Error() string {
	return "slotmesh: the write may or may not have been carried out: " + e.cause.Error()
}

func (e *ambiguous) Is(target error) bool { return target == ErrAmbiguous }
func (e *ambiguous) Unwrap() error        { return e.cause }

// requestOf returns a command as a request of this node to itself.
func requestOf(ctx context.Context, line [][]byte) *peer.Request {
	return &peer.Request{Args: line, Sync: syncOf(ctx)}
}
