package migrate

import (
	"fmt"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestCrashInEveryPhase lets source or target crash, or be replaced by its replica, or
// the connection break, when a window is in a given phase with its question asked or not,
// and once its first batch is away: whatever happens, the job ends as if nothing had
// been.
func TestCrashInEveryPhase(t *testing.T) {
	faults := map[string]func(*world){
		"source crashes":     func(w *world) { w.toggle(w.nodes[simSource]) },
		"target crashes":     func(w *world) { w.toggle(w.nodes[simTarget]) },
		"source fails over":  func(w *world) { w.failover(simSource) },
		"target fails over":  func(w *world) { w.failover(simTarget) },
		"both crash":         func(w *world) { w.toggle(w.nodes[simSource]); w.toggle(w.nodes[simTarget]) },
		"link breaks":        func(w *world) { w.breakLink() },
		"link stalls for 8s": func(w *world) { w.cut[simSource][simTarget] = true; w.breakLink(); w.pass(8 * time.Second) },
	}
	for name, fault := range faults {
		for p := preparing; p <= closing; p++ {
			for _, asked := range []bool{false, true} {
				if !asked && (p == listing || p == finalising || p == closing) {
					continue // they ask at once
				}
				for seed := range uint64(4) {
					t.Run(fmt.Sprintf("%s/%v/asked=%v/%d", name, p, asked, seed), func(t *testing.T) {
						crashIn(t, seed, p, asked, fault)
					})
				}
			}
		}
	}
}

func crashIn(t *testing.T, seed uint64, p phase, asked bool, fault func(*world)) {
	w := newWorld(seed)
	w.fill()
	src := w.nodes[simSource]
	var set slots.Set
	set.AddRange(slots.Range{First: 0, Last: simSlots - 1})
	w.moving = set
	j := src.start(Job{ID: JobID{1}, Kind: KindMove, Slots: set, Target: w.nodes[simTarget].id})
	if p == listing { // which comes only after a restart
		w.until(func() bool { return j.in(moving, true) })
		w.toggle(src)
		w.toggle(src)
		j = src.jobs[0]
	}
	w.until(func() bool { return j.over || j.in(p, asked) })
	fault(w)
	w.drain()
	if w.trouble != "" {
		t.Fatal(w.trouble)
	}
}

// in reports whether a window is in phase p, and its question asked or, in moving, a batch
// under way.
func (j *simJob) in(p phase, asked bool) bool {
	for _, w := range j.s.windows {
		if w.phase == p && (w.asked || p == moving && w.busy > 0) == asked {
			return true
		}
	}
	return false
}

// until lets messages and changes come one at a time until a condition holds.
func (w *world) until(cond func() bool) {
	for range 2000 {
		if cond() {
			return
		}
		switch w.r.IntN(4) {
		case 0:
			w.nodes[w.r.IntN(simNodes)].finishChange(false)
		case 1:
			w.pass(50 * time.Millisecond)
		case 2:
			w.client()
		default:
			w.deliver()
		}
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(50 * time.Millisecond)
		for _, n := range w.nodes {
			if n.alive {
				n.tick()
			}
		}
	}
}
