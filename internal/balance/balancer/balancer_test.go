package balancer

import (
	"context"
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/balance"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

var errGone = errors.New("gone")

// members are balancers that call each other. Those in gone do not answer.
type members struct {
	list map[slots.NodeID]*Balancer
	gone map[slots.NodeID]bool
	disk map[slots.NodeID]storage.Disk
}

func newMembers(t *testing.T, n int) *members {
	m := &members{list: make(map[slots.NodeID]*Balancer), gone: make(map[slots.NodeID]bool),
		disk: make(map[slots.NodeID]storage.Disk)}
	for i := range n {
		m.disk[slots.NodeID{byte(i + 1)}] = &storage.Memory{}
		m.start(t, i, n)
	}
	return m
}

// start makes member i, with what is on its disk.
func (m *members) start(t *testing.T, i, n int) {
	t.Helper()
	top := slots.Topology{Version: 1, Self: slots.NodeID{byte(i + 1)}, State: slots.OK}
	for k, r := range slots.Even(n) {
		set := slots.Set{}
		set.AddRange(r)
		top.Nodes = append(top.Nodes, slots.Node{ID: slots.NodeID{byte(k + 1)}, Slots: &set})
	}
	view, err := slots.NewMap(top)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(Config{Map: func() *slots.Map { return view }, Disk: m.disk[top.Self], Logger: hclog.NewNullLogger(),
		Node: noJobs{}, Keys: func(slots.Slot) int { return 1 }, Bytes: func(slots.Slot) int64 { return 200 },
		Call: func(ctx context.Context, to *slots.Node, request []byte) ([]byte, error) {
			if m.gone[to.ID] {
				return nil, errGone
			}
			return m.list[to.ID].Answer(ctx, request)
		}})
	if err != nil {
		t.Fatal(err)
	}
	m.list[top.Self] = b
}

type noJobs struct{ Node }

func (noJobs) Migrations() []migrate.Status { return nil }

// A pause and an exclusion need most of the masters, are known to all of these, survive a
// restart, and leave each other alone.
func TestPauseAndExclude(t *testing.T) {
	m := newMembers(t, 3)
	a, b, c := slots.NodeID{1}, slots.NodeID{2}, slots.NodeID{3}
	m.gone[b], m.gone[c] = true, true
	if err := m.list[a].Pause(t.Context()); err == nil {
		t.Error("one of three masters is enough for a pause")
	}
	m.gone[b] = false
	if err := m.list[a].Exclude(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := m.list[b].Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.list[a].Exclude(t.Context(), slots.NodeID{9}); err == nil {
		t.Error("a node that is no member was excluded")
	}
	m.start(t, 1, 3)
	for _, id := range []slots.NodeID{a, b} {
		if s := m.list[id].Status(); !s.Paused || len(s.Excluded) != 1 || s.Excluded[0] != c {
			t.Errorf("member %v: %v", id, s)
		}
	}
	m.gone[c] = false // it has not heard of it, and asks before it tells
	if err := m.list[c].Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.list[c].Include(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for id, x := range m.list {
		if s := x.Status(); s.Paused || len(s.Excluded) != 0 {
			t.Errorf("member %v: %v", id, s)
		}
	}
}

// An answer tells the loads that were asked for, of each slot only if that was, too.
func TestReport(t *testing.T) {
	b := newMembers(t, 3).list[slots.NodeID{1}]
	for _, c := range []struct {
		ask   balance.Ask
		total int64
		each  int
	}{{balance.Ask{}, 0, 0}, {balance.Ask{Load: balance.ByKeys}, 5461, 0},
		{balance.Ask{Load: balance.ByBytes, EachSlot: true}, 2 * 5461, 5461}} {
		if r := b.report(b.cfg.Map(), &c.ask); r.Total != c.total || len(r.Loads) != c.each {
			t.Errorf("%+v: %d, %d slots", c.ask, r.Total, len(r.Loads))
		}
	}
}

// A damaged file is an error, and stays.
func TestDamagedPause(t *testing.T) {
	disk := &storage.Memory{}
	if err := storage.WriteFile(disk, defaultFile, []byte("no pause")); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Disk: disk, Logger: hclog.NewNullLogger()}); !errors.Is(err, balance.ErrMalformed) {
		t.Errorf("New: %v", err)
	}
}
