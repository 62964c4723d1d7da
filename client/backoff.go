package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// retryBudget is how long a call without a deadline goes on trying, from the first failure
// on.
const retryBudget = 30 * time.Second

// The pauses between attempts begin with about firstPause, double each time, and are never
// longer than a change of the map takes to arrive.
const (
	firstPause = 2 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// waits is how a call has waited between its attempts.
type waits struct {
	pause   time.Duration   // the last one
	until   time.Time       // when a call without a deadline gives up
	changed <-chan struct{} // closed when the map has changed since the last pause

	slot  slots.Slot
	keyed bool // the call is for slot
	trail trail
}

// explain says what kept the call from being served, "" if that is not known.
func (w *waits) explain(r *Router) string {
	if w.keyed {
		if reason := r.transport.Explain(w.slot); reason != "" {
			return reason
		}
	}
	return w.trail.String()
}

// backoff waits before the next attempt: for a while, with jitter, or until the map
// changes. It returns an error if there is to be no next attempt; last is why the one
// before failed.
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
	case <-w.changed:
	case <-r.transport.Done():
	case <-ctx.Done():
	}
	w.changed = r.transport.Changed()
	select {
	case <-r.transport.Done():
		return ErrClosed
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

// explainEnd adds to the error of an attempt that ctx has ended why it was not answered.
func (r *Router) explainEnd(ctx context.Context, w *waits, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	return unavailable(err, w.explain(r))
}
