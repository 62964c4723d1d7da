package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// busyWriter writes growing numbers to keys that nobody else writes, and knows what they
// hold.
type busyWriter struct {
	keys    []string
	written []int // 0: never
	n       int
}

func (w *busyWriter) write(ctx context.Context, r *slotmesh.Router) error {
	i := w.n % len(w.keys)
	w.n++
	if err := r.Set(ctx, w.keys[i], []byte(strconv.Itoa(w.n)), 0); err != nil {
		return fmt.Errorf("write %d, to %s: %w", w.n, w.keys[i], err)
	}
	w.written[i] = w.n
	return nil
}

// TestBusySlotMovesToItsEnd: a slot that is written to as fast as several writers can, be
// it few keys again and again or ever new ones, moves to its end and back, and no write
// is lost.
func TestBusySlotMovesToItsEnd(t *testing.T) {
	for name, keysEach := range map[string]int{"few keys": 4, "many keys": 100_000} {
		t.Run(name, func(t *testing.T) {
			c := clustertest.Start(t, clustertest.Config{})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			const tag = "{busy}"
			source, _ := e2e.OwnerOf(c, tag)
			target := c.Node(0)
			if target == source {
				target = c.Node(1)
			}
			r := source.Router()
			for i := range 5000 { // something to carry
				if err := r.Set(ctx, fmt.Sprint(tag, "old", i), []byte("old"), 0); err != nil {
					t.Fatal(err)
				}
			}
			stop := make(chan struct{})
			writers := make([]*busyWriter, 4)
			var running, hot sync.WaitGroup
			for i := range writers {
				w := &busyWriter{written: make([]int, keysEach)}
				for k := range keysEach {
					w.keys = append(w.keys, fmt.Sprintf("%s%d:%d", tag, i, k))
				}
				writers[i] = w
				hot.Add(1)
				running.Go(func() {
					warm := sync.OnceFunc(hot.Done)
					defer warm()
					for {
						select {
						case <-stop:
							return
						default:
						}
						if err := w.write(ctx, r); err != nil {
							t.Error(err)
							return
						}
						if w.n == 100 {
							warm()
						}
					}
				})
			}
			hot.Wait()
			began := time.Now()
			for _, way := range [][2]*slotmesh.Node{{source, target}, {target, source}} {
				id, err := way[0].MigrateSlots(ctx, slots.NewSet(slots.OfString(tag)), way[1].ID())
				if err == nil {
					err = way[0].WaitMigration(ctx, id)
				}
				if err != nil {
					t.Errorf("the move: %v", err)
				}
			}
			took := time.Since(began)
			close(stop)
			running.Wait()
			total := 0
			for _, w := range writers {
				total += w.n
				for i, want := range w.written {
					if want == 0 {
						continue
					}
					if v, err := r.Get(ctx, w.keys[i]); err != nil || string(v) != strconv.Itoa(want) {
						t.Fatalf("%s = %q, %v; want %d", w.keys[i], v, err, want)
					}
				}
			}
			for i := range 5000 {
				if _, err := r.Get(ctx, fmt.Sprint(tag, "old", i)); err != nil {
					t.Fatalf("old key %d: %v", i, err)
				}
			}
			t.Logf("two moves took %v under some %.0f writes a second", took, float64(total)/took.Seconds())
			e2e.NoneOpen(t, c)
		})
	}
}
