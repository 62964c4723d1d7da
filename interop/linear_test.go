package interop

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// access is one operation of a history: a write of Value, or a read.
type access struct {
	key   string
	write bool
	value string
}

// register is the model of one key.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[string][]porcupine.Operation)
		for _, op := range history {
			key := op.Input.(access).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		if in := input.(access); in.write {
			return true, in.value
		}
		return output == state, state
	},
	DescribeOperation: func(input, output any) string {
		in := input.(access)
		if in.write {
			return fmt.Sprintf("set %s %s", in.key, in.value)
		}
		return fmt.Sprintf("get %s = %q", in.key, output)
	},
}

// recorder writes a history down. Its clock counts events, since in fake time much
// happens in one moment.
type recorder struct {
	clock atomic.Int64
	mu    sync.Mutex // guards ops
	ops   []porcupine.Operation
}

// run carries out one operation. A write that failed may still happen, at any time later; a
// read that failed tells nothing.
func (r *recorder) run(client int, in access, do func() (string, error)) error {
	call := r.clock.Add(1)
	out, err := do()
	end := r.clock.Add(1)
	if err != nil {
		if !in.write {
			return err
		}
		end = math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: end})
	return err
}

// TestLinearizable lets clients read and write a few keys with Sync 1 while masters are
// killed, come back without their data, hand over by hand, move slots and are cut off for
// a while; then every key's history must be that of one register.
//
// A read does not wait for replicas, so it may show a write whose own reply has not left
// yet; if the master dies in that moment, the write may be lost although it was read. The
// network here has no delay, so no moment falls between; package replicator tells the
// limit.
func TestLinearizable(t *testing.T) {
	for seed := range failoverRounds(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { linearizable(t, uint64(seed)) })
		})
	}
}

func linearizable(t *testing.T, seed uint64) {
	const clients, keys = 6, 8
	c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second,
		Node: func(_ int, cfg *slotmesh.Config) { cfg.Replication.Sync = 1 }})
	history := &recorder{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	var done, failed atomic.Int64
	for id := range clients {
		client, err := slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork()})
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, uint64(id)))
		wg.Go(func() {
			defer client.Close()
			for n := 0; ctx.Err() == nil; n++ {
				in := access{key: fmt.Sprint("key:", r.IntN(keys)), write: r.IntN(2) == 0}
				if in.write {
					in.value = fmt.Sprintf("%d.%d", id, n)
				}
				op, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				err := history.run(id, in, func() (string, error) {
					if in.write {
						return "", client.Set(op, in.key, []byte(in.value), 0)
					}
					v, err := client.Get(op, in.key)
					if errors.Is(err, slotmesh.ErrNotFound) {
						err = nil
					}
					return string(v), err
				})
				cancel()
				if done.Add(1); err != nil {
					failed.Add(1)
				}
				time.Sleep(time.Duration(1+r.IntN(60)) * time.Millisecond)
			}
		})
	}
	disturb(t, c, rand.New(rand.NewPCG(seed, 99)))
	stop()
	wg.Wait()
	result, info := porcupine.CheckOperationsVerbose(register, history.ops, time.Minute)
	t.Logf("%d operations, %d of them failed: %s", done.Load(), failed.Load(), result)
	if result != porcupine.Ok {
		t.Error("the history is not linearizable")
		if err := porcupine.VisualizePath(register, info, filepath.Join(t.ArtifactDir(), "history.html")); err != nil {
			t.Log(err)
		}
	}
}

// disturb makes trouble for a while and returns when the cluster is whole again.
func disturb(t *testing.T, c *clustertest.Cluster, r *rand.Rand) {
	pickMaster := func() int {
		for {
			if i := r.IntN(6); c.Node(i).Map().Self().HasSlots() {
				return i
			}
		}
	}
	for range 12 {
		time.Sleep(time.Duration(500+r.IntN(2000)) * time.Millisecond)
		switch i := pickMaster(); r.IntN(4) {
		case 0: // dies for longer than T, or for a moment; what it had in memory is gone
			c.Kill(i)
			time.Sleep(time.Duration(r.IntN(2)) * 6 * time.Second)
			c.Restart(i)
		case 1:
			self := c.Node(i).ID()
			for j := range 6 {
				if c.Node(j).Map().Self().Master == self {
					c.Node(j).Failover(t.Context(), gossip.FailoverDefault) // may be refused
					break
				}
			}
		case 2:
			moveSome(t, c, i, pickMaster())
		case 3: // cut off, for less than T
			c.Pause(i)
			time.Sleep(time.Second)
			c.Resume(i)
		}
		c.WaitStable()
		for i := range 6 {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			if err := c.Node(i).WaitSynced(ctx); err != nil {
				t.Errorf("node %d: %v", i, err)
			}
			cancel()
		}
	}
}

// moveSome moves the slots of half of the keys that a master owns.
func moveSome(t *testing.T, c *clustertest.Cluster, from, to int) {
	if from == to {
		return
	}
	var set slots.Set
	for i := range 8 {
		if slot := slots.OfString(fmt.Sprint("key:", i)); i%2 == 0 && c.Node(from).Map().IsMine(slot) {
			set.Add(slot)
		}
	}
	if set.Empty() {
		return
	}
	if _, err := c.Node(from).MigrateSlots(t.Context(), set, c.Node(to).ID()); err != nil {
		t.Logf("a move was refused: %v", err)
	}
}
