package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// mortal is a network whose user is killed after so many writes: what was written is
// carried out, but no answer is read any more.
type mortal struct {
	left   atomic.Int64
	killed context.CancelFunc
}

func (m *mortal) dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	return &mortalConn{conn, m}, err
}

type mortalConn struct {
	net.Conn
	m *mortal
}

var errKilled = errors.New("killed")

func (c *mortalConn) Write(b []byte) (int, error) {
	switch left := c.m.left.Add(-1); {
	case left < 0:
		return 0, errKilled
	case left == 0:
		defer c.m.killed()
	}
	return c.Conn.Write(b)
}

// die runs an operation with a client that is killed after so many writes, and reports
// what it said then.
func die(t *testing.T, steps int64, journal admin.Journal, do func(context.Context, *admin.Client) error) error {
	t.Helper()
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	m := &mortal{killed: cancel}
	m.left.Store(steps)
	err := do(ctx, adminClient(t, admin.Config{Dial: m.dial, Journal: journal}))
	if err != nil && ctx.Err() == nil {
		t.Fatalf("after less than %d writes, of itself: %v", steps, err)
	}
	return err
}

// killEverywhere kills an operation after 1, 2, 3 … writes until it gets through, and
// repeats it after each death; then settled checks the outcome. Steps grow by a fraction
// so that long operations are cut in many places, not in all.
func killEverywhere(t *testing.T, prepare func(round int), do func(context.Context, *admin.Client) error,
	settled func(died bool)) {
	t.Helper()
	rounds := 0
	for steps := int64(1); ; steps += 1 + steps/6 {
		journal := admin.JournalDir(t.TempDir())
		prepare(rounds)
		died := die(t, steps, journal, do) != nil
		if died {
			if err := die(t, 1<<40, journal, do); err != nil {
				t.Fatalf("killed after %d writes, the second run did not get through: %v", steps, err)
			}
		}
		settled(died)
		rounds++
		if !died {
			t.Logf("killed in %d places, the last one after about %d writes", rounds-1, steps)
			return
		}
	}
}

func TestAdminCreateSurvivesKill(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		nodes := servers(t, 6, b.start)
		plan, err := admin.PlanCreate(addrs(nodes), 1)
		if err != nil {
			t.Fatal(err)
		}
		c := adminClient(t, admin.Config{})
		killEverywhere(t,
			func(int) {
				for _, p := range nodes {
					if got := p.ask("cluster", "reset", "hard"); got != "OK" {
						t.Fatalf("reset: %s", got)
					}
				}
			},
			func(ctx context.Context, c *admin.Client) error { return c.Create(ctx, plan) },
			func(bool) {
				if v := view(t, c, nodes[0]); len(v.Nodes) != 6 || !admin.Check(v).OK() {
					t.Fatalf("%d nodes; check says\n%s", len(v.Nodes), admin.Check(v))
				}
			})
	})
}

// owns returns how many slots a node owns.
func owns(t *testing.T, c *admin.Client, entry *process, addr string) int {
	t.Helper()
	n, err := view(t, c, entry).Find(addr)
	if err != nil {
		t.Fatal(err)
	}
	set := n.Slots()
	return set.Len()
}

func TestAdminReshardSurvivesKill(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		const keys = 5000
		c, nodes := created(t, 3, 0, b.start)
		verify := fill(t, nodes, keys)
		before, target, round := 0, "", 0
		killEverywhere(t,
			func(i int) {
				round = i
				agreed(t, c, nodes[1])
				target = nodes[i%3].addr()
				before = owns(t, c, nodes[0], target)
			},
			func(ctx context.Context, c *admin.Client) error {
				v, err := c.View(ctx, nodes[1].addr())
				if err == nil {
					v, err = c.WaitAgreed(ctx, v)
				}
				if err != nil {
					return err
				}
				plan, err := c.PlanReshard(v, admin.Reshard{Slots: 60, To: target})
				if err != nil {
					return err
				}
				return c.Move(ctx, v, plan, admin.MoveOptions{})
			},
			func(died bool) {
				// 59 for the rounding of shares, and no more: the second run did not begin anew.
				if got := owns(t, c, nodes[0], target) - before; got < 59 || got > 60 {
					t.Errorf("round %d: the target got %d slots, want 60", round, got)
				}
				healthy(t, c, nodes[0], keys)
				if round%8 == 0 || !died {
					verify()
				}
			})
	})
}

func TestAdminRebalanceSurvivesKill(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		const keys = 5000
		c, nodes := created(t, 3, 0, b.start)
		verify := fill(t, nodes, keys)
		weights := map[string]float64{}
		killEverywhere(t,
			func(i int) {
				agreed(t, c, nodes[1])
				weights = map[string]float64{nodes[i%3].addr(): 1.03} // some 110 slots
			},
			func(ctx context.Context, c *admin.Client) error {
				v, err := c.View(ctx, nodes[1].addr())
				if err == nil {
					v, err = c.WaitAgreed(ctx, v)
				}
				if err != nil {
					return err
				}
				plan, err := admin.PlanRebalance(v, admin.Rebalance{Weights: weights})
				if err != nil {
					return err
				}
				return c.Move(ctx, v, plan, admin.MoveOptions{})
			},
			func(died bool) {
				healthy(t, c, nodes[0], keys)
				plan, err := admin.PlanRebalance(view(t, c, nodes[0]), admin.Rebalance{Weights: weights})
				if err != nil || !plan.Empty() {
					t.Errorf("still to be done: %v\n%s", err, plan)
				}
			})
		verify()
	})
}

func TestAdminDelNodeSurvivesKill(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		c, nodes := created(t, 3, 0, b.start)
		var victim *process
		id := ""
		killEverywhere(t,
			func(i int) {
				ctx := soon(t)
				victim = b.start(t)
				id = victim.ask("cluster", "myid")
				v := view(t, c, nodes[0])
				plan, err := c.PlanAddNode(ctx, v, admin.AddNode{Node: victim.addr(), Replica: i%2 == 1})
				if err != nil {
					t.Fatal(err)
				}
				if err := c.AddNode(ctx, v, plan); err != nil {
					t.Fatal(err)
				}
				// A handshake that is under way when the others forget the node outlives that.
				if i%4 == 0 {
					nodes[1].ask("cluster", "meet", "127.0.0.1", fmt.Sprint(victim.port))
				}
			},
			func(ctx context.Context, c *admin.Client) error {
				v, err := c.View(ctx, nodes[0].addr())
				if err != nil {
					return err
				}
				plan, err := c.PlanDelNode(ctx, v, id)
				if errors.Is(err, admin.ErrUnknownNode) && ended(victim) {
					return nil // it was killed after the last step
				}
				if err != nil {
					return err
				}
				return c.DelNode(ctx, v, plan)
			},
			func(bool) {
				victim.eventually("ends", time.Minute, func() bool { return ended(victim) })
				for _, p := range nodes {
					if _, err := view(t, c, p).Find(id); err == nil {
						t.Errorf("port %d still knows the removed node", p.port)
					}
				}
			})
	})
}

func ended(p *process) bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
