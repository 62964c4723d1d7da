package client

import (
	"sync"
	"time"
)

// latencies holds how long nodes have taken lately to answer reads. ReadNearest chooses by
// it.
type latencies struct {
	mu    sync.Mutex // guards known
	known map[Endpoint]*latency
}

type latency struct {
	took     time.Duration // a moving average
	measured time.Time     // when took was last measured, zero if never
	asked    time.Time     // when a measurement last began
}

const (
	// unreached is the least latency that is recorded of a node that gave no answer.
	unreached = time.Second
	// latencyFresh is how long a measurement counts. After that the node gets one read,
	// however slow it was.
	latencyFresh = 10 * time.Second
	// maxLatencies bounds what is remembered of nodes that have long gone.
	maxLatencies = 4096
)

// nearest returns the node of list that answers soonest, or one that has not been measured
// lately.
func (d *latencies) nearest(now time.Time, list []Endpoint) Endpoint {
	d.mu.Lock()
	defer d.mu.Unlock()
	best, least := list[0], time.Duration(-1)
	for _, p := range list {
		k := d.known[p]
		if k == nil || now.Sub(k.asked) > latencyFresh {
			d.getLocked(p).asked = now // this read measures it; others need not
			return p
		}
		if least < 0 || k.took < least {
			best, least = p, k.took
		}
	}
	return best
}

// record notes how long a node took to answer a read, or that it did not.
func (d *latencies) record(p Endpoint, now time.Time, took time.Duration, answered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.getLocked(p)
	last := k.measured
	k.measured, k.asked = now, now
	switch {
	case !answered:
		k.took, k.measured = max(took, unreached), time.Time{}
	case now.Sub(last) > latencyFresh/2: // what was measured long ago says nothing
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
