package interop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/slots"
)

// keyPerSlot returns a key of each slot.
func keyPerSlot() []string {
	keys := make([]string, slots.Count)
	for i, left := 0, len(keys); left > 0; i++ {
		key := "k" + strconv.Itoa(i)
		if slot := slots.OfString(key); keys[slot] == "" {
			keys[slot] = key
			left--
		}
	}
	return keys
}

// watchers read and write keys through one cluster client. Each has keys of its own, so
// it knows what it must read: the last number it wrote.
type watchers struct {
	client *redis.ClusterClient
	keys   []string
	wrote  []int // per key
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex // guards what follows
	took  []time.Duration
	wrong []string
}

// watch starts n of them, on a key of each slot.
func watch(t *testing.T, nodes []*process, n int) *watchers {
	t.Helper()
	return watchKeys(t, nodes, n, keyPerSlot())
}

func watchKeys(t *testing.T, nodes []*process, n int, keys []string) *watchers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watchers{
		client: redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes), PoolSize: n}),
		keys:   keys, wrote: make([]int, len(keys)), cancel: cancel,
	}
	t.Cleanup(func() {
		cancel()
		w.wg.Wait()
		w.client.Close()
	})
	w.fill(t)
	for i := range n {
		w.wg.Go(func() { w.run(ctx, i, n) })
	}
	return w
}

// fill writes each key once.
func (w *watchers) fill(t *testing.T) {
	t.Helper()
	pipe := w.client.Pipeline()
	for i, key := range w.keys {
		w.wrote[i] = 1
		pipe.Set(t.Context(), key, 1, 0)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *watchers) run(ctx context.Context, i, n int) {
	rng := rand.New(rand.NewPCG(uint64(i), 1))
	var took []time.Duration
	var wrong []string
	for ctx.Err() == nil {
		k := rng.IntN(len(w.keys)/n)*n + i
		began := time.Now()
		if err := w.touch(k, rng.IntN(2) == 0); err != nil {
			wrong = append(wrong, fmt.Sprintf("key %s after %v: %v", w.keys[k], time.Since(began), err))
		}
		took = append(took, time.Since(began))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, took...)
	w.wrong = append(w.wrong, wrong...)
}

// touch reads or writes a key.
func (w *watchers) touch(k int, write bool) error {
	ctx := context.Background() // a call that is cut off by the test's end would count as failed
	if write {
		if err := w.client.Set(ctx, w.keys[k], w.wrote[k]+1, 0).Err(); err != nil {
			return err
		}
		w.wrote[k]++
		return nil
	}
	return w.verify(ctx, k)
}

func (w *watchers) verify(ctx context.Context, k int) error {
	got, err := w.client.Get(ctx, w.keys[k]).Int()
	if err == nil && got != w.wrote[k] {
		err = fmt.Errorf("read %d, wrote %d", got, w.wrote[k])
	}
	return err
}

// end ends the watchers and looks at all keys once more.
func (w *watchers) end(t *testing.T) {
	t.Helper()
	w.cancel()
	w.wg.Wait()
	for k := range w.keys {
		if err := w.verify(t.Context(), k); err != nil {
			w.wrong = append(w.wrong, fmt.Sprintf("at the end, key %s: %v", w.keys[k], err))
		}
	}
}

// stop ends the watchers and fails the test if they saw anything wrong.
func (w *watchers) stop(t *testing.T) {
	t.Helper()
	w.end(t)
	slices.Sort(w.took)
	if n := len(w.took); n > 0 {
		t.Logf("%d requests; median %v, 99%% %v, 99.9%% %v, slowest %v", n, w.took[n/2], w.took[n*99/100],
			w.took[n*999/1000], w.took[n-1])
	}
	if len(w.wrong) > 0 {
		t.Errorf("%d requests went wrong:\n%s", len(w.wrong), strings.Join(w.wrong[:min(10, len(w.wrong))], "\n"))
	}
}

// Sixteen clients read and write while slots move away and back, in either way to move
// them.
func TestGoRedisWhileSlotsMove(t *testing.T) {
	for _, way := range []struct {
		name   string
		slots  int
		rounds int
		move   func(t *testing.T, from, to *process, n int)
	}{
		{"by jobs of the nodes", 4096, 5, moveByJob},
		{"by redis-cli", many(1024, 128), 1, moveByCLI},
	} {
		t.Run(way.name, func(t *testing.T) {
			nodes := masters(t, 3, 0)
			w := watch(t, nodes, 16)
			for range way.rounds {
				for _, leg := range [][2]*process{{nodes[0], nodes[1]}, {nodes[1], nodes[0]}} {
					begin := time.Now()
					way.move(t, leg[0], leg[1], way.slots)
					t.Logf("%d slots in %v", way.slots, time.Since(begin).Round(time.Millisecond))
				}
			}
			w.stop(t)
			if got := slotsOf(t, nodes[0]); got != 5461 {
				t.Errorf("the first node owns %d slots again, want 5461", got)
			}
		})
	}
}

func moveByCLI(t *testing.T, from, to *process, n int) {
	out := redisCLI(t, "--cluster", "reshard", from.addr(), "--cluster-from", from.ask("cluster", "myid"),
		"--cluster-to", to.ask("cluster", "myid"),
		"--cluster-slots", strconv.Itoa(n), "--cluster-yes")
	if strings.Contains(out, "ERR") || strings.Contains(out, "rror") {
		t.Fatalf("reshard printed:\n%s", tail(out, 20))
	}
}

// beginMove starts a job that moves the first n slots of a node.
func beginMove(t *testing.T, from, to *process, n int) {
	t.Helper()
	args := []string{"cluster", "migrateslots", "slotsrange"}
	for _, r := range rangesOf(t, from) {
		size := min(r.Len(), n)
		if n -= size; size > 0 {
			args = append(args, strconv.Itoa(int(r.First)), strconv.Itoa(int(r.First)+size-1))
		}
	}
	if out := from.cli(append(args, "node", to.ask("cluster", "myid"))...); out != "OK" {
		t.Fatalf("migrateslots printed %s", out)
	}
}

func moveByJob(t *testing.T, from, to *process, n int) {
	beginMove(t, from, to, n)
	from.eventually("the job is over", time.Minute, func() bool {
		out := from.cli("cluster", "getslotmigrations")
		if strings.Contains(out, "failed") {
			t.Fatalf("the job failed:\n%s", out)
		}
		return !strings.Contains(out, "running")
	})
}
