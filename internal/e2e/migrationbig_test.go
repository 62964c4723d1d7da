package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// probe reads and writes keys at a steady pace, and notes how long each request took
// since the moment it was due: a stall counts for every request that it held up.
type probe struct {
	name string
	keys []string
	took []time.Duration
}

const probePace = time.Millisecond

// run goes on for at least n requests, until stop is closed.
func (p *probe) run(ctx context.Context, r *slotmesh.Router, n int, stop <-chan struct{}) error {
	p.took = p.took[:0]
	tick := time.NewTicker(probePace) // a pace, not a wait: nothing is judged by it
	defer tick.Stop()
	for due := time.Now(); ; <-tick.C {
		select {
		case <-stop:
			if len(p.took) >= n {
				return nil
			}
		default:
		}
		for ; !time.Now().Before(due); due = due.Add(probePace) {
			var err error
			if i := len(p.took); i%2 == 0 {
				err = r.Set(ctx, p.keys[i/2%len(p.keys)], []byte("value"), 0)
			} else {
				_, err = r.Get(ctx, p.keys[i/2%len(p.keys)])
			}
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			p.took = append(p.took, time.Since(due))
		}
	}
}

// runProbes runs all while during runs, each for at least n requests.
func runProbes(t *testing.T, ctx context.Context, r *slotmesh.Router, probes []*probe, n int, during func()) {
	t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, p := range probes {
		wg.Go(func() {
			if err := p.run(ctx, r, n, stop); err != nil {
				t.Error(err)
			}
		})
	}
	during()
	close(stop)
	wg.Wait()
}

// p99 is the time within which 99 of 100 requests were answered.
func (p *probe) p99(t *testing.T, when string) time.Duration {
	if len(p.took) == 0 {
		return 0
	}
	slices.Sort(p.took)
	n := len(p.took)
	t.Logf("%s, %s: %d requests, half within %v, 99 %% within %v, the slowest %v",
		p.name, when, n, p.took[n/2], p.took[n*99/100], p.took[n-1])
	return p.took[n*99/100]
}

// keysOf returns n keys that share a slot of node, which is not that of other.
func keysOf(node *slotmesh.Node, other string, n int) (keys []string) {
	for i := 0; ; i++ {
		tag := fmt.Sprint("tag", i)
		if slot := slots.OfString(tag); node.Map().IsMine(slot) && slot != slots.OfString(other) {
			for i := range n {
				keys = append(keys, fmt.Sprintf("{%s}:%d", tag, i))
			}
			return keys
		}
	}
}

// TestBigValueMovesUnnoticed: while a large value moves, other keys of its slot and of both
// nodes are read and written as ever, and nobody takes anybody for dead.
func TestBigValueMovesUnnoticed(t *testing.T) {
	for _, c := range []struct{ replicas, size int }{{0, 256 << 20}, {1, 24 << 20}} {
		if raceDetector {
			c.size /= 8
		}
		t.Run(fmt.Sprintf("replicas=%d", c.replicas), func(t *testing.T) {
			moveBigValue(t, c.replicas, c.size)
		})
	}
}

func moveBigValue(t *testing.T, replicas, size int) {
	var suspected atomic.Int32
	c := clustertest.Start(t, clustertest.Config{TCP: true, Replicas: replicas, Prepare: func(_ int, n *slotmesh.Node) {
		e2e.Watch(n, func(e slotmesh.Event) {
			if h, ok := e.(gossip.HealthChanged); ok && h.Now != slots.Online {
				suspected.Add(1)
			}
		})
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	const big = "{big}"
	source, _ := e2e.OwnerOf(c, big)
	target := c.Node(0)
	if target == source {
		target = c.Node(1)
	}
	if err := source.Local().Set(ctx, big, make([]byte, size), 0); err != nil {
		t.Fatal(err)
	}
	probes := []*probe{{name: "the moving slot"}, {name: "the rest of the source"}, {name: "the rest of the target"},
		{name: "a bystander"}}
	for i := range 100 {
		probes[0].keys = append(probes[0].keys, fmt.Sprint(big, i))
	}
	probes[1].keys, probes[2].keys = keysOf(source, big, 100), keysOf(target, big, 100)
	for _, n := range c.Nodes()[:3] {
		if n != source && n != target {
			probes[3].keys = keysOf(n, big, 100)
		}
	}
	r := source.Router()
	before := make([]time.Duration, len(probes))
	runProbes(t, ctx, r, probes, 1000, func() {})
	for i, p := range probes {
		before[i] = p.p99(t, "before")
	}
	runProbes(t, ctx, r, probes, 0, func() {
		began := time.Now()
		id, err := source.MigrateSlots(ctx, slots.NewSet(slots.OfString(big)), target.ID())
		if err == nil {
			err = source.WaitMigration(ctx, id)
		}
		if err != nil {
			t.Errorf("the move: %v", err)
		}
		t.Logf("the move of %d MB took %v", size>>20, time.Since(began))
	})
	// The bound is a gross one: the machine may be busy with other things. When it is, the
	// bystander suffers, too.
	noise := probes[3].p99(t, "during the move")
	for i, p := range probes[:3] {
		if p99 := p.p99(t, "during the move"); p99 > 2*noise+10*before[i]+500*time.Millisecond {
			t.Errorf("%s: 99 %% within %v, before within %v; a bystander's within %v", p.name, p99, before[i], noise)
		}
	}
	if n := suspected.Load(); n > 0 {
		t.Errorf("%d times a node was suspected", n)
	}
	if value, err := target.Local().Get(ctx, big); err != nil || len(value) != size {
		t.Errorf("the value arrived with %d bytes, %v", len(value), err)
	}
}
