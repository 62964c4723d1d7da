package interop

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/slots"
)

// surgery breaks a cluster by hand.
type surgery struct {
	t     *testing.T
	admin *admin.Client
	nodes []*process
	conns []*redis.Client
	ids   []string
}

func newSurgery(t *testing.T, c *admin.Client, nodes []*process) *surgery {
	s := &surgery{t: t, admin: c, nodes: nodes}
	for _, p := range nodes {
		conn := redis.NewClient(&redis.Options{Addr: p.addr()})
		t.Cleanup(func() { conn.Close() })
		s.conns = append(s.conns, conn)
		s.ids = append(s.ids, s.do(len(s.conns)-1, "cluster", "myid"))
	}
	return s
}

// do sends a command, words separated by spaces, to node i; errors are returned as text.
func (s *surgery) do(i int, args ...any) string {
	s.t.Helper()
	v, err := s.conns[i].Do(context.Background(), args...).Result()
	if err != nil && err != redis.Nil {
		return err.Error()
	}
	return fmt.Sprint(v)
}

func (s *surgery) must(i int, args ...any) {
	s.t.Helper()
	if got := s.do(i, args...); got != "OK" && !strings.HasPrefix(got, "BUMPED") && !strings.HasPrefix(got, "STILL") {
		s.t.Fatalf("node %d: %v: %s", i, args, got)
	}
}

// owned returns a slot with at least n keys that node i owns.
func (s *surgery) owned(i, n int) int {
	s.t.Helper()
	v, err := s.admin.View(context.Background(), s.nodes[i].addr())
	if err != nil {
		s.t.Fatal(err)
	}
	owned := v.Nodes[0].Slots()
	for slot := range owned.All() {
		if s.count(i, int(slot)) >= n {
			return int(slot)
		}
	}
	s.t.Fatalf("node %d owns no slot with %d keys", i, n)
	return 0
}

func (s *surgery) count(i, slot int) int {
	s.t.Helper()
	n, err := strconv.Atoi(s.do(i, "cluster", "countkeysinslot", slot))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// push moves n keys of an open slot from node a to node b.
func (s *surgery) push(a, b, slot, n int) {
	s.t.Helper()
	keys, err := s.conns[a].ClusterGetKeysInSlot(context.Background(), slot, n).Result()
	if err != nil || len(keys) != n {
		s.t.Fatalf("slot %d holds %v, %v; want %d keys", slot, keys, err, n)
	}
	for _, k := range keys {
		s.must(a, "migrate", "127.0.0.1", s.nodes[b].port, k, 0, 5000)
	}
}

func (s *surgery) open(a, b, slot int) {
	s.must(b, "cluster", "setslot", slot, "importing", s.ids[a])
	s.must(a, "cluster", "setslot", slot, "migrating", s.ids[b])
}

func (s *surgery) everywhere(args ...any) {
	for i := range s.nodes {
		s.do(i, args...)
	}
}

// wounds are ways to break a healthy cluster of four masters. None loses a key. Two
// cannot be cut into slotmesh nodes: there FORGET reaches all nodes, and DELSLOTS gives
// up only slots of the node's own, so that it cannot claim another's.
var wounds = []struct {
	name      string
	redisOnly bool
	cut       func(s *surgery)
}{
	{"importing only", false, func(s *surgery) {
		s.must(1, "cluster", "setslot", s.owned(0, 2), "importing", s.ids[0])
	}},
	{"migrating only", false, func(s *surgery) {
		s.must(0, "cluster", "setslot", s.owned(0, 2), "migrating", s.ids[1])
	}},
	{"open at both ends, nothing moved", false, func(s *surgery) { s.open(0, 1, s.owned(0, 2)) }},
	{"open at both ends, keys split", false, func(s *surgery) {
		slot := s.owned(0, 2)
		s.open(0, 1, slot)
		s.push(0, 1, slot, 1)
	}},
	{"open at both ends, all keys moved", false, func(s *surgery) {
		slot := s.owned(0, 1)
		s.open(0, 1, slot)
		s.push(0, 1, slot, s.count(0, slot))
	}},
	{"importing only, keys split", false, func(s *surgery) {
		slot := s.owned(1, 2)
		s.open(1, 2, slot)
		s.push(1, 2, slot, 1)
		s.must(1, "cluster", "setslot", slot, "stable")
	}},
	{"migrating only, keys split", false, func(s *surgery) {
		slot := s.owned(1, 2)
		s.open(1, 2, slot)
		s.push(1, 2, slot, 1)
		s.must(2, "cluster", "setslot", slot, "stable")
	}},
	{"closed at both ends, keys split", false, func(s *surgery) {
		slot := s.owned(1, 2)
		s.open(1, 2, slot)
		s.push(1, 2, slot, 1)
		s.must(2, "cluster", "setslot", slot, "stable")
		s.must(1, "cluster", "setslot", slot, "stable")
	}},
	{"closed at both ends, a key at both", false, func(s *surgery) {
		slot := s.owned(1, 2)
		s.open(1, 2, slot)
		keys, err := s.conns[1].ClusterGetKeysInSlot(context.Background(), slot, 1).Result()
		if err != nil || len(keys) != 1 {
			s.t.Fatalf("slot %d holds %v, %v", slot, keys, err)
		}
		s.must(1, "migrate", "127.0.0.1", s.nodes[2].port, keys[0], 0, 5000, "copy")
		s.must(2, "cluster", "setslot", slot, "stable")
		s.must(1, "cluster", "setslot", slot, "stable")
	}},
	{"finished at the target only", false, func(s *surgery) {
		slot := s.owned(2, 1)
		s.open(2, 0, slot)
		s.push(2, 0, slot, s.count(2, slot))
		s.must(0, "cluster", "setslot", slot, "node", s.ids[0])
	}},
	{"importing at two nodes, keys at three", false, func(s *surgery) {
		slot := s.owned(0, 3)
		s.open(0, 1, slot)
		s.push(0, 1, slot, 1)
		s.open(0, 2, slot)
		s.push(0, 2, slot, 1)
	}},
	{"migrating to one node, importing at another", false, func(s *surgery) {
		slot := s.owned(0, 2)
		s.must(0, "cluster", "setslot", slot, "migrating", s.ids[1])
		s.must(2, "cluster", "setslot", slot, "importing", s.ids[0])
	}},
	{"importing from the wrong node", false, func(s *surgery) {
		s.must(1, "cluster", "setslot", s.owned(0, 2), "importing", s.ids[2])
	}},
	{"a hundred open slots", false, func(s *surgery) {
		for slot := 1000; slot < 1100; slot++ {
			s.must(3, "cluster", "setslot", slot, "importing", s.ids[0])
		}
	}},
	{"nobody's slot, without keys", false, func(s *surgery) {
		s.everywhere("cluster", "delslots", s.empty(0))
	}},
	{"nobody's slot, open, without keys", false, func(s *surgery) {
		slot := s.empty(0)
		s.must(1, "cluster", "setslot", slot, "importing", s.ids[0])
		s.everywhere("cluster", "delslots", slot)
	}},
	{"nobody's slot, keys at one node", false, func(s *surgery) {
		s.everywhere("cluster", "delslots", s.owned(1, 2))
	}},
	{"nobody's slot, keys at two nodes", false, func(s *surgery) {
		slot := s.owned(1, 2)
		s.open(1, 2, slot)
		s.push(1, 2, slot, 1)
		s.everywhere("cluster", "delslots", slot)
	}},
	{"a thousand slots are nobody's", false, func(s *surgery) {
		args := []any{"cluster", "delslotsrange", 500, 1500}
		s.everywhere(args...)
	}},
	{"a node forgot another", true, func(s *surgery) {
		s.must(1, "cluster", "forget", s.ids[3])
	}},
	{"one node believes that a slot is nobody's", false, func(s *surgery) {
		s.must(3, "cluster", "delslots", s.owned(0, 2))
	}},
	{"one node believes in another owner", false, func(s *surgery) {
		s.must(3, "cluster", "setslot", s.owned(0, 2), "node", s.ids[1])
	}},
	{"two owners, keys at one", true, func(s *surgery) {
		slot := s.owned(0, 2)
		s.must(2, "cluster", "delslots", slot)
		s.must(2, "cluster", "addslots", slot)
	}},
}

// empty returns a slot without keys that node i owns.
func (s *surgery) empty(i int) int {
	s.t.Helper()
	v, err := s.admin.View(context.Background(), s.nodes[i].addr())
	if err != nil {
		s.t.Fatal(err)
	}
	owned := v.Nodes[0].Slots()
	for slot := range owned.All() {
		if s.count(i, int(slot)) == 0 {
			return int(slot)
		}
	}
	s.t.Fatalf("all slots of node %d hold keys", i)
	return 0
}

func TestAdminFix(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		const keys = 20_000 // about one per slot: some have none, some three
		c, nodes := created(t, 4, 0, b.start)
		verify := fill(t, nodes, keys)
		s := newSurgery(t, c, nodes)
		for i, w := range wounds {
			if w.redisOnly && b.name != "redis" {
				continue
			}
			t.Run(strings.ReplaceAll(w.name, ",", ""), func(t *testing.T) {
				s.t = t
				begin := time.Now()
				w.cut(s)
				ctx := soon(t)
				d, err := c.Diagnose(ctx, view(t, c, nodes[0]))
				if err != nil {
					t.Fatal(err)
				}
				before := s.shape()
				plan, err := admin.PlanFix(d, admin.FixOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if after := s.shape(); after != before && !plan.Empty() {
					t.Logf("gossip changed the cluster during the dry run:\n%s\nto\n%s", before, after)
				}
				t.Logf("found\n%splanned\n%s", d.Report, plan)
				left, err := c.Fix(ctx, d.View, admin.FixOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if !left.OK() {
					t.Errorf("left\n%s", left)
				}
				healthy(t, c, nodes[0], keys)
				if i%8 == 7 || t.Failed() {
					verify()
				}
				t.Log(time.Since(begin))
			})
		}
		verify()
	})
}

// shape is what all nodes say about owners and open slots.
func (s *surgery) shape() string {
	v, err := s.admin.View(context.Background(), s.nodes[0].addr())
	if err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	for _, n := range v.Nodes {
		for _, m := range n.Members {
			fmt.Fprintln(&b, n.ID.Short(), m.ID.Short(), m.Slots(), m.Open)
		}
	}
	return b.String()
}

func TestAdminFixLostMaster(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		c, nodes := created(t, 4, 0, b.start)
		fill(t, nodes, 1000)
		nodes[3].kill(syscall.SIGKILL)
		<-nodes[3].done
		ctx := soon(t)
		v := view(t, c, nodes[0])
		if r := admin.Check(v); r.OK() || !r.Has(admin.Unreachable) {
			t.Errorf("check says\n%s", r)
		}
		if _, err := c.Fix(ctx, v, admin.FixOptions{}); err == nil ||
			!strings.Contains(err.Error(), "--cluster-fix-with-unreachable-masters") {
			t.Errorf("fix without leave: %v", err)
		}
		left, err := c.Fix(ctx, v, admin.FixOptions{WithUnreachableMasters: true})
		if err != nil {
			t.Fatal(err)
		}
		if left.Has(admin.Uncovered, admin.SeveralOwners) {
			t.Errorf("left\n%s", left)
		}
		full := slots.Full()
		v = view(t, c, nodes[0])
		for _, n := range v.Alive() {
			set := n.Slots()
			full.Subtract(&set)
		}
		if !full.Empty() {
			t.Errorf("the living masters do not own %s", full)
		}
	})
}
