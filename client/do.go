package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// request is a Request and what decides which node gets it.
type request struct {
	Request
	slot  slots.Slot
	keyed bool // it is for slot; otherwise any node will do
	write bool // to carry it out twice is not the same as once
	// fromMaster is set for the attempt after a replica gave no answer.
	fromMaster bool
}

// maxHops is how many redirects in a row are followed without a pause.
const maxHops = 5

// do sends a request to the node that serves it until it is answered.
func (r *Router) do(ctx context.Context, req *request) (resp.Reply, error) {
	req.Sync = SyncOf(ctx)
	w := waits{slot: req.slot, keyed: req.keyed}
	var next Endpoint
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
			return reply, r.explainEnd(ctx, &w, err)
		case unknown:
			return reply, &ambiguous{r.explainEnd(ctx, &w, err)}
		case follow:
			next, redirected = r.follow(req, err), true
			w.trail.add(next)
			if hops++; hops%maxHops != 0 {
				continue
			}
			redirected = req.Asking // look again where the slot is
		}
		req.fromMaster = req.ReadOnly && !req.fromMaster
		if down := r.transport.Refresh(ctx); ok && down != nil {
			err = fmt.Errorf("%w: %w", down, err)
		}
		if err := r.backoff(ctx, &w, err); err != nil {
			return reply, err
		}
	}
}

// follow returns where a redirect leads.
func (r *Router) follow(req *request, err error) Endpoint {
	var moved *slots.MovedError
	if errors.As(err, &moved) {
		r.transport.Learn(moved)
		return Endpoint{ID: moved.Node, Addr: moved.Addr}
	}
	var ask *slots.AskError
	errors.As(err, &ask)
	req.Asking = true
	return Endpoint{ID: ask.Node, Addr: ask.Addr}
}
