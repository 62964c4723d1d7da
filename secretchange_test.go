package slotmesh_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// secrets are what a node has at one time.
type secrets struct{ secret, old string }

// The steps from no secret to one, and to another one. All nodes take a step before one of
// them takes the next.
var secretSteps = []secrets{
	{"", secretA}, {secretA, "none"}, {secretA, ""},
	{secretA, secretB}, {secretB, secretA}, {secretB, ""},
}

// load writes through all nodes, each write to be held by a replica, until stop.
type load struct {
	stop    func()
	writers sync.WaitGroup
	wrote   []int
}

func startLoad(t *testing.T, c *clustertest.Cluster) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{stop: stop, wrote: make([]int, len(c.Addrs()))}
	for i, node := range c.Nodes() {
		l.writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				key := fmt.Sprintf("key:%d:%d", i, n%500)
				if err := node.Set(slotmesh.WithSync(context.Background(), 1), key, fmt.Append(nil, n), 0); err != nil {
					t.Errorf("write %d of node %d: %v", n, i, err)
				}
				l.wrote[i]++
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return l
}

// The secret of a cluster changes by CONFIG SET while clients write, slots move and a
// replica takes over: no write fails.
func TestSecretChangesUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(i int, cfg *slotmesh.Config) {
			cfg.Logger = log.logger().Named(fmt.Sprint("node ", i))
		}})
		l := startLoad(t, c)
		move := slots.NewSet(slots.OfString("key:0:1"))
		for step, s := range secretSteps {
			for i := range c.Addrs() {
				time.Sleep(200 * time.Millisecond)
				err := slotmesh.SetDirectives(c.Node(i), [2]string{"cluster-secret", s.secret},
					[2]string{"cluster-secret-old", s.old})
				if err != nil {
					t.Fatalf("step %d, node %d: %v", step, i, err)
				}
				if i == 2 { // while some nodes have taken the step, and others have not
					from, to := c.Node(step%2), c.Node(1-step%2)
					if from.Stats().Role != slotmesh.RoleMaster || to.Stats().Role != slotmesh.RoleMaster {
						continue
					}
					if owner := from.Map().Owner(slots.OfString("key:0:1")); owner == nil || owner.ID != from.ID() {
						from, to = to, from
					}
					id, err := from.MigrateSlots(t.Context(), move, to.ID())
					if err == nil {
						err = from.WaitMigration(t.Context(), id)
					}
					if err != nil {
						t.Errorf("step %d: a move: %v", step, err)
					}
				}
			}
			if step == 4 {
				time.Sleep(time.Second) // the replica has linked up again
				if err := c.Node(5).Failover(t.Context(), gossip.FailoverDefault); err != nil {
					t.Errorf("a failover: %v", err)
				}
			}
		}
		time.Sleep(time.Second)
		l.stop()
		l.writers.Wait()
		for i, n := range l.wrote {
			if n < 200 {
				t.Errorf("node %d made %d writes", i, n)
			}
		}
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "[WARN]") && strings.Contains(line, "cluster secret") {
				t.Errorf("a node was refused: %s", line)
			}
		}
	})
}

// The same by restarts, one node after the other, but for the one that writes.
func TestSecretChangesByRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := make([]secrets, 6)
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(i int, cfg *slotmesh.Config) {
			cfg.Secret, cfg.OldSecret = now[i].secret, now[i].old
		}})
		stop := make(chan struct{})
		var writer sync.WaitGroup
		wrote := 0
		writer.Go(func() {
			for node := c.Node(0); ; wrote++ {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				if err := node.Set(t.Context(), fmt.Sprint("key:", wrote%500), fmt.Append(nil, wrote), 0); err != nil {
					t.Errorf("write %d: %v", wrote, err)
				}
			}
		})
		for step, s := range secretSteps {
			for i := range now {
				if now[i] = s; i > 0 {
					c.Restart(i)
				} else if err := slotmesh.SetDirectives(c.Node(0), [2]string{"cluster-secret", s.secret},
					[2]string{"cluster-secret-old", s.old}); err != nil {
					t.Fatalf("step %d: %v", step, err)
				}
				time.Sleep(10 * time.Second)
				e2e.WaitSynced(t, c)
			}
		}
		close(stop)
		writer.Wait()
		if wrote < 1000 {
			t.Errorf("%d writes", wrote)
		}
	})
}
