package admin_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// surgery breaks a cluster of four masters by hand, over the client port.
type surgery struct {
	t     *testing.T
	c     *clustertest.Cluster
	admin *admin.Client
	conns []*resp.Conn
	keys  map[string]string // all keys with their values
}

// perSlot is how many keys each slot has that has any.
const perSlot = 3

func operate(t *testing.T) *surgery {
	s := &surgery{t: t, c: clustertest.Start(t, clustertest.Config{Masters: 4}), keys: make(map[string]string)}
	var err error
	if s.admin, err = admin.New(admin.Config{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		return s.c.Dial(ctx, "tcp", addr)
	}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.admin.Close() })
	for _, addr := range s.c.Addrs() {
		conn, err := s.c.Dial(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		s.conns = append(s.conns, resp.NewConn(conn))
	}
	r := s.c.Node(0).Router()
	for tag := range 40 {
		for i := range perSlot {
			key := fmt.Sprintf("{%d}%d", tag, i)
			s.keys[key] = "value of " + key
			if err := r.Set(t.Context(), key, []byte(s.keys[key]), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func (s *surgery) do(i int, words ...any) *resp.Reply {
	s.t.Helper()
	var args []string
	for _, w := range words {
		args = append(args, fmt.Sprint(w))
	}
	reply, err := s.conns[i].Do(args...)
	if err != nil {
		s.t.Fatalf("node %d: %v: %v", i, args, err)
	}
	return &reply
}

func (s *surgery) id(i int) slots.NodeID { return s.c.Node(i).ID() }

// full returns a slot of node i that has keys, empty one that has none.
func (s *surgery) full(i int) int  { return s.slotOf(i, perSlot) }
func (s *surgery) empty(i int) int { return s.slotOf(i, 0) }

func (s *surgery) slotOf(i, keys int) int {
	for slot := range s.c.Node(i).Map().Self().Slots.All() {
		if s.do(i, "CLUSTER", "COUNTKEYSINSLOT", int(slot)).Int == int64(keys) {
			return int(slot)
		}
	}
	s.t.Fatalf("node %d owns no slot with %d keys", i, keys)
	return 0
}

func (s *surgery) open(a, b, slot int) {
	s.do(b, "CLUSTER", "SETSLOT", slot, "IMPORTING", s.id(a))
	s.do(a, "CLUSTER", "SETSLOT", slot, "MIGRATING", s.id(b))
}

func (s *surgery) stable(i, slot int) { s.do(i, "CLUSTER", "SETSLOT", slot, "STABLE") }

// push moves n keys of an open slot from node a to node b.
func (s *surgery) push(a, b, slot, n int) {
	host, port, _ := net.SplitHostPort(s.c.Addrs()[b])
	for _, key := range s.do(a, "CLUSTER", "GETKEYSINSLOT", slot, n).Elems {
		s.do(a, "MIGRATE", host, port, key.Text(), 0, 5000)
	}
}

// nobodys makes slots nobody's.
func (s *surgery) nobodys(from, to int) {
	for i := range s.conns {
		s.conns[i].Do("CLUSTER", "DELSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)) // refused by who does not own them
	}
}

// state is all that an operation from outside could change: what each node says, and
// which keys it holds.
func (s *surgery) state() string {
	synctest.Wait()
	var b strings.Builder
	for i := range s.conns {
		for line := range strings.Lines(s.do(i, "CLUSTER", "NODES").Text()) {
			f := strings.Fields(line)
			fmt.Fprintln(&b, i, f[0], f[1], f[2], f[3], f[6], f[8:]) // without times
		}
		fmt.Fprintln(&b, i, s.held(i))
	}
	return b.String()
}

// held returns the keys that a node holds, wherever they belong.
func (s *surgery) held(i int) (keys []string) {
	for tag := range 40 {
		for _, key := range s.do(i, "CLUSTER", "GETKEYSINSLOT", int(slots.OfString(fmt.Sprintf("{%d}", tag))), 100).Elems {
			keys = append(keys, key.Text())
		}
	}
	slices.Sort(keys)
	return keys
}

// wounds are ways to break the cluster, and what is found then. None loses a key.
var wounds = []struct {
	name string
	want []admin.Problem
	cut  func(s *surgery)
}{
	{"importing only", []admin.Problem{admin.Importing}, func(s *surgery) {
		s.do(1, "CLUSTER", "SETSLOT", s.full(0), "IMPORTING", s.id(0))
	}},
	{"importing from the wrong node", []admin.Problem{admin.Importing}, func(s *surgery) {
		s.do(1, "CLUSTER", "SETSLOT", s.full(0), "IMPORTING", s.id(2))
	}},
	{"migrating only", []admin.Problem{admin.Migrating}, func(s *surgery) {
		s.do(0, "CLUSTER", "SETSLOT", s.full(0), "MIGRATING", s.id(1))
	}},
	{"open at both ends, nothing moved", []admin.Problem{admin.Migrating, admin.Importing},
		func(s *surgery) { s.open(0, 1, s.full(0)) }},
	{"open at both ends, without keys", []admin.Problem{admin.Migrating, admin.Importing},
		func(s *surgery) { s.open(0, 1, s.empty(0)) }},
	{"open at both ends, keys split", []admin.Problem{admin.Migrating, admin.Importing}, func(s *surgery) {
		slot := s.full(0)
		s.open(0, 1, slot)
		s.push(0, 1, slot, 1)
	}},
	{"open at both ends, all keys moved", []admin.Problem{admin.Migrating, admin.Importing}, func(s *surgery) {
		slot := s.full(0)
		s.open(0, 1, slot)
		s.push(0, 1, slot, perSlot)
	}},
	{"importing only, keys split", []admin.Problem{admin.Importing}, func(s *surgery) {
		slot := s.full(1)
		s.open(1, 2, slot)
		s.push(1, 2, slot, 1)
		s.stable(1, slot)
	}},
	{"migrating only, keys split", []admin.Problem{admin.Migrating}, func(s *surgery) {
		slot := s.full(1)
		s.open(1, 2, slot)
		s.push(1, 2, slot, 1)
		s.stable(2, slot)
	}},
	{"closed at both ends, keys split", []admin.Problem{admin.OrphanedKeys}, func(s *surgery) {
		slot := s.full(1)
		s.open(1, 2, slot)
		s.push(1, 2, slot, 2)
		s.stable(2, slot)
		s.stable(1, slot)
	}},
	{"closed everywhere, all keys at another node", []admin.Problem{admin.OrphanedKeys}, func(s *surgery) {
		slot := s.full(1)
		s.open(1, 2, slot)
		s.push(1, 2, slot, perSlot)
		s.stable(2, slot)
		s.stable(1, slot)
	}},
	{"importing at two nodes, keys at three", []admin.Problem{admin.Migrating, admin.Importing}, func(s *surgery) {
		slot := s.full(0)
		s.open(0, 1, slot)
		s.push(0, 1, slot, 1)
		s.open(0, 2, slot)
		s.push(0, 2, slot, 1)
	}},
	{"migrating to one node, importing at another", []admin.Problem{admin.Migrating, admin.Importing}, func(s *surgery) {
		slot := s.full(0)
		s.do(0, "CLUSTER", "SETSLOT", slot, "MIGRATING", s.id(1))
		s.do(2, "CLUSTER", "SETSLOT", slot, "IMPORTING", s.id(0))
	}},
	{"a hundred open slots", []admin.Problem{admin.Importing}, func(s *surgery) {
		for slot := 1000; slot < 1100; slot++ {
			s.do(3, "CLUSTER", "SETSLOT", slot, "IMPORTING", s.id(0))
		}
	}},
	{"nobody's slot, without keys", []admin.Problem{admin.Uncovered}, func(s *surgery) {
		slot := s.empty(0)
		s.nobodys(slot, slot)
	}},
	{"nobody's slot, open, without keys", []admin.Problem{admin.Uncovered, admin.Importing}, func(s *surgery) {
		slot := s.empty(0)
		s.do(1, "CLUSTER", "SETSLOT", slot, "IMPORTING", s.id(0))
		s.nobodys(slot, slot)
	}},
	{"nobody's slot, keys at one node", []admin.Problem{admin.Uncovered}, func(s *surgery) {
		slot := s.full(1)
		s.nobodys(slot, slot)
	}},
	{"nobody's slot, keys at two nodes", []admin.Problem{admin.Uncovered}, func(s *surgery) {
		slot := s.full(1)
		s.open(1, 2, slot)
		s.push(1, 2, slot, 1)
		s.nobodys(slot, slot)
	}},
	{"a thousand slots are nobody's", []admin.Problem{admin.Uncovered}, func(s *surgery) { s.nobodys(500, 1500) }},
	{"a master owns nothing any more", []admin.Problem{admin.Uncovered}, func(s *surgery) {
		owned := s.c.Node(3).Map().Self().Slots
		for r := range owned.Ranges() {
			s.nobodys(int(r.First), int(r.Last))
		}
	}},
}

// Every broken cluster is diagnosed and repaired; the dry run changes nothing, no key is
// lost.
func TestBrokenClusters(t *testing.T) {
	for _, w := range wounds {
		t.Run(strings.ReplaceAll(w.name, ",", ""), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := operate(t)
				w.cut(s)
				before := s.state()
				d, err := s.admin.Diagnose(t.Context(), s.view())
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range w.want {
					if !d.Report.Has(p) {
						t.Errorf("%s is not among what is found:\n%s", p, d.Report)
					}
				}
				plan, err := admin.PlanFix(d, admin.FixOptions{})
				if err != nil || plan.Empty() || len(plan.Left) > 0 {
					t.Fatalf("planned: %v\n%s", err, plan)
				}
				if after := s.state(); after != before {
					t.Errorf("the dry run has changed\n%s\nto\n%s", before, after)
				}
				left, err := s.admin.Fix(t.Context(), s.view(), admin.FixOptions{})
				if err != nil || !left.OK() { // of epochs, gossip may still be under way
					t.Fatalf("left: %v\n%s", err, left)
				}
				s.sound()
			})
		})
	}
}

func (s *surgery) view() *admin.View {
	s.t.Helper()
	v, err := s.admin.View(s.t.Context(), s.c.Addrs()[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// sound says that the cluster is as it should be, for admin and for its users.
func (s *surgery) sound() {
	s.t.Helper()
	s.c.WaitStable()
	time.Sleep(time.Minute) // nothing that the nodes do later undoes it
	d, err := s.admin.Examine(s.t.Context(), s.view())
	if err != nil || len(d.Report) > 0 {
		s.t.Errorf("check after the repair: %v\n%s", err, d.Report)
	}
	held := 0
	for i := range s.conns {
		held += len(s.held(i))
	}
	if held != len(s.keys) {
		s.t.Errorf("the nodes hold %d keys of %d", held, len(s.keys))
	}
	for key, want := range s.keys {
		if v, err := s.c.Node(0).Router().Get(s.t.Context(), key); err != nil || string(v) != want {
			s.t.Errorf("%s: %q, %v", key, v, err)
		}
	}
}
