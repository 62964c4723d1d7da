package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/admin"
)

// created starts n nodes and makes them a cluster.
func created(t *testing.T, n, replicas int, start startFunc) (*admin.Client, []*process) {
	t.Helper()
	nodes := servers(t, n, start)
	c := adminClient(t, admin.Config{})
	plan, err := admin.PlanCreate(addrs(nodes), replicas)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(soon(t), plan); err != nil {
		t.Fatal(err)
	}
	for _, p := range nodes {
		p.eventually("cluster_state:ok", time.Minute, func() bool {
			return strings.Contains(p.ask("cluster", "info"), "cluster_state:ok")
		})
	}
	return c, nodes
}

// fill writes n entries and returns a function that checks they are all there.
func fill(t *testing.T, nodes []*process, n int) (verify func()) {
	t.Helper()
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes)})
	t.Cleanup(func() { rdb.Close() })
	list := entries(n)
	store(t, rdb, list)
	return func() {
		t.Helper()
		rdb.ReloadState(t.Context())
		compare(t, rdb, list)
	}
}

func view(t *testing.T, c *admin.Client, p *process) *admin.View {
	t.Helper()
	v, err := c.View(soon(t), p.addr())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// healthy fails the test unless check is clean and all keys are there, each once.
func healthy(t *testing.T, c *admin.Client, p *process, keys int64) {
	t.Helper()
	agreed(t, c, p)
	v := view(t, c, p)
	if s := admin.Summarize(v); s.Keys != keys {
		t.Errorf("want %d keys, info says\n%s", keys, s)
	}
}

// agreed waits until all nodes of p's cluster see the same, without a fault: servers
// under load take seconds to tell each other of a change.
func agreed(t *testing.T, c *admin.Client, p *process) {
	t.Helper()
	var last admin.Report
	defer func() {
		if t.Failed() {
			t.Logf("check said\n%s", last)
		}
	}()
	p.eventually("check is clean", time.Minute, func() bool {
		last = admin.Check(view(t, c, p))
		return last.OK()
	})
}

func TestAdminMovesSlots(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		const keys = 30_000
		c, nodes := created(t, 4, 0, b.start)
		verify := fill(t, nodes, keys)
		ctx := soon(t)
		move := func(p *admin.MovePlan, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("\n%v", p)
			begin := time.Now()
			if err := c.Move(ctx, view(t, c, nodes[0]), p, admin.MoveOptions{}); err != nil {
				t.Fatal(err)
			}
			t.Logf("took %v", time.Since(begin))
			healthy(t, c, nodes[1], keys)
			verify()
		}
		move(c.PlanReshard(view(t, c, nodes[0]), admin.Reshard{Slots: 1000, To: nodes[0].addr()}))
		move(c.PlanReshard(view(t, c, nodes[0]), admin.Reshard{Slots: 500, To: nodes[1].addr(),
			From: []string{nodes[0].addr()}}))
		move(admin.PlanRebalance(view(t, c, nodes[0]), admin.Rebalance{}))
		move(admin.PlanDrain(view(t, c, nodes[0]), nodes[3].addr()))
		move(admin.PlanDrain(view(t, c, nodes[0]), nodes[3].addr()))
	})
}
