package client

import (
	"context"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// respView is which node owns which slots. It is a value: copied and swapped, never
// changed.
type respView struct {
	owner    [slots.Count]uint16 // index into masters, plus 1; 0 for no owner
	masters  []Endpoint
	replicas map[Endpoint][]Endpoint
}

// Owner implements Topology.
func (t *respTransport) Owner(slot slots.Slot) (Endpoint, bool) {
	v := t.view.Load()
	if at := v.owner[slot]; at > 0 {
		return v.masters[at-1], true
	}
	return Endpoint{}, false
}

// Replicas implements Topology.
func (t *respTransport) Replicas(slot slots.Slot) []Endpoint {
	owner, _ := t.Owner(slot)
	return slices.Clone(t.view.Load().replicas[owner])
}

// Masters implements Topology.
func (t *respTransport) Masters() []Endpoint { return t.view.Load().masters }

// Changed implements Topology: nothing announces changes to a client.
func (t *respTransport) Changed() <-chan struct{} { return nil }

// Explain implements Topology: what a client knows is in the errors of the nodes.
func (t *respTransport) Explain(slots.Slot) string { return "" }

// loadPause is the least time between two loads of the map.
const loadPause = 100 * time.Millisecond

// Refresh implements Topology. It loads the map, unless that has just been tried; whether
// the cluster serves is for the nodes to say.
func (t *respTransport) Refresh(ctx context.Context) error {
	t.mu.Lock()
	recent := time.Since(t.loaded) < loadPause
	t.mu.Unlock()
	if !recent {
		t.load(ctx) // an error leaves the map as it was
	}
	return nil
}

// Learn implements Topology.
func (t *respTransport) Learn(e *slots.MovedError) {
	to := Endpoint{Addr: e.Addr}
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.view.Load()
	if at := v.owner[e.Slot]; at > 0 && v.masters[at-1] == to {
		return // others have been sent there too
	}
	next := *v
	at := slices.Index(v.masters, to)
	if at < 0 {
		at = len(v.masters)
		next.masters = append(v.masters[:at:at], to)
	}
	next.owner[e.Slot] = uint16(at + 1)
	t.view.Store(&next)
	t.reloadLocked(to)
}

// reloadLocked loads the map from a node that is known to have a newer one, and does not
// wait for it: where one slot has gone, others have gone too, and each redirect costs a
// round trip.
func (t *respTransport) reloadLocked(from Endpoint) {
	if t.closed || t.loading != nil || time.Since(t.loaded) < loadPause {
		return
	}
	t.loaded = time.Now()
	t.wg.Go(func() { t.load(t.life, from) })
}
