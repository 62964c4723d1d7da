package slotmesh

import (
	"sync"
	"time"
)

// distances is how long nodes have taken to answer reads lately: what ReadNearest chooses by.
type distances struct {
	mu    sync.Mutex // guards known
	known map[place]*distance
}

type distance struct {
	took     time.Duration // a moving average
	measured time.Time     // when took was last measured, zero if never
	asked    time.Time     // when that was last begun
}

const (
	// unreached is how far a node is that gave no answer.
	unreached = time.Second
	// distanceGood is for how long a measurement counts: then the node gets one read again, however far it was.
	distanceGood = 10 * time.Second
	// maxDistances bounds what is remembered of nodes that have long gone.
	maxDistances = 4096
)

// nearest returns the node of list that answers soonest. One that has not been measured lately is taken once.
func (d *distances) nearest(now time.Time, list []place) place {
	d.mu.Lock()
	defer d.mu.Unlock()
	best, least := list[0], time.Duration(-1)
	for _, p := range list {
		k := d.known[p]
		if k == nil || now.Sub(k.asked) > distanceGood {
			d.getLocked(p).asked = now // others need not measure it too
			return p
		}
		if least < 0 || k.took < least {
			best, least = p, k.took
		}
	}
	return best
}

// note takes down that a node took so long to answer, or did not.
func (d *distances) note(p place, now time.Time, took time.Duration, answered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.getLocked(p)
	last := k.measured
	k.measured, k.asked = now, now
	switch {
	case !answered:
		k.took, k.measured = max(took, unreached), time.Time{}
	case now.Sub(last) > distanceGood/2: // the first, or one after long: what was before says nothing
		k.took = took
	default:
		k.took += (took - k.took) / 4
	}
}

func (d *distances) getLocked(p place) *distance {
	k := d.known[p]
	if k == nil {
		if d.known == nil || len(d.known) >= maxDistances {
			d.known = make(map[place]*distance)
		}
		k = &distance{took: unreached}
		d.known[p] = k
	}
	return k
}
