package client

import (
	"sync"
	"time"
)

// latencies is how long nodes have taken to answer reads lately: what ReadNearest chooses
// by.
type latencies struct {
	mu    sync.Mutex // guards known
	known map[Endpoint]*latency
}

type latency struct {
	took     time.Duration // a moving average
	measured time.Time     // when took was last measured, zero if never
	asked    time.Time     // when that was last begun
}

const (
	// unreached is how far a node is that gave no answer.
	unreached = time.Second
	// latencyFresh is for how long a measurement counts: then the node gets one read again,
	// however far it was.
	latencyFresh = 10 * time.Second
	// maxLatencies bounds what is remembered of nodes that have long gone.
	maxLatencies = 4096
)

// nearest returns the node of list that answers soonest. One that has not been measured
// lately is taken once.
func (d *latencies) nearest(now time.Time, list []Endpoint) Endpoint {
	d.mu.Lock()
	defer d.mu.Unlock()
	best, least := list[0], time.Duration(-1)
	for _, p := range list {
		k := d.known[p]
		if k == nil || now.Sub(k.asked) > latencyFresh {
			d.getLocked(p).asked = now // others need not measure it too
			return p
		}
		if least < 0 || k.took < least {
			best, least = p, k.took
		}
	}
	return best
}

// record takes down that a node took so long to answer, or did not.
func (d *latencies) record(p Endpoint, now time.Time, took time.Duration, answered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.getLocked(p)
	last := k.measured
	k.measured, k.asked = now, now
	switch {
	case !answered:
		k.took, k.measured = max(took, unreached), time.Time{}
	case now.Sub(last) > latencyFresh/2: // the first, or one after long: what was before says nothing
		k.took = took
	default:
		k.took += (took - k.took) / 4
	}
}

func (d *latencies) getLocked(p Endpoint) *latency {
	k := d.known[p]
	if k == nil {
		if d.known == nil || len(d.known) >= maxLatencies {
			d.known = make(map[Endpoint]*latency)
		}
		k = &latency{took: unreached}
		d.known[p] = k
	}
	return k
}
