package shard

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// newShard returns the shard of a node whose map is m, nil for a node in no cluster, and
// that holds the data of the shard that its snapshot names.
func newShard(t *testing.T, m *slots.Map, snapshot []byte) *Shard {
	t.Helper()
	s := New(Config{Map: func() *slots.Map { return m }, Life: t.Context(), Logger: hclog.NewNullLogger()})
	r, err := replicator.New(replicator.Config{
		Self:  func() (slots.NodeID, uint64) { return me, 1 },
		Store: keyspace.New(keyspace.Config{Sink: s.Commits}),
		Log:   s.Backlog,
		Dial: func(ctx context.Context, _ slots.Node) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	if err == nil {
		err = s.Start(r, m, snapshot)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return s
}

// elections keeps what it was told.
type elections struct {
	data  []gossip.Data
	heard []time.Time
}

func (e *elections) SetData(d gossip.Data)   { e.data = append(e.data, d) }
func (e *elections) SetDataTime(t time.Time) { e.heard = append(e.heard, t) }

// A node takes the role that its map gives it, at the start and later.
func TestRoles(t *testing.T) {
	replica := mapOf(t, slots.Node{ID: one}, slots.Node{ID: me, Master: one}, slots.Node{ID: two})
	master := mapOf(t, slots.Node{ID: me, ConfigEpoch: 7}, slots.Node{ID: one, Master: me}, slots.Node{ID: two})
	elsewhere := mapOf(t, slots.Node{ID: two}, slots.Node{ID: me, Master: two}, slots.Node{ID: one})
	s := newShard(t, replica, one[:])
	follows := func(id slots.NodeID) {
		t.Helper()
		if got := s.Replicator.Status().Master.ID; got != id {
			t.Errorf("follows %s, want %s", got.Short(), id.Short())
		}
	}
	follows(one)
	if s.Acks.Term()&1 != 0 {
		t.Errorf("term %d of a replica", s.Acks.Term())
	}
	s.Promote(master)
	s.Follow(master)
	follows(slots.NodeID{})
	if history := s.Backlog.History(); history.Term != 8 || !s.Lineage.Includes(one) {
		t.Errorf("term %d, the former master is of the shard: %v", history.Term, s.Lineage.Includes(one))
	}
	s.Follow(elsewhere)
	follows(two)
	if s.Lineage.Includes(one) {
		t.Error("the shard that was left is still the lineage")
	}
	newShard(t, nil, nil) // in no cluster
}

// While a node is fenced it serves no replica.
func TestFencedNodeServesNoReplica(t *testing.T) {
	s := newShard(t, mapOf(t, slots.Node{ID: me}), nil)
	s.Fence(true)
	near, far := net.Pipe()
	s.Accept(near, slots.NodeID{})
	if _, err := far.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection is not closed: %v", err)
	}
}

// Elections hear how far the data is; a master's is of now.
func TestReportData(t *testing.T) {
	s := newShard(t, mapOf(t, slots.Node{ID: me}), nil)
	s.BeginTerm(4)
	var e elections
	s.ReportData(&e, true)
	s.ReportData(&e, false) // a replica that has not heard its master yet
	if len(e.data) != 2 || e.data[0].Term != 5 || len(e.heard) != 0 {
		t.Errorf("told %+v, heard %v", e.data, e.heard)
	}
	s.CatchUp(t.Context(), &e, func() bool { return true })
	if len(e.data) != 2 {
		t.Errorf("told %+v by a master", e.data)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	s.CatchUp(over, &e, func() bool { return false })
	if len(e.data) != 3 {
		t.Errorf("told %+v by a replica", e.data)
	}
}

// Only this node's replicas, by the map in force, get its data.
func TestMayFollow(t *testing.T) {
	m := mapOf(t, slots.Node{ID: me}, slots.Node{ID: one, Master: me}, slots.Node{ID: two})
	s := newShard(t, m, nil)
	stranger := slots.NodeID{99}
	for id, want := range map[slots.NodeID]string{
		one: "", two: "is a master", stranger: "no member of the cluster", me: "is a master",
	} {
		if err := s.MayFollow(id); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("node %s: %v, want %q", id.Short(), err, want)
		}
	}
	m = mapOf(t, slots.Node{ID: me}, slots.Node{ID: one, Master: two}, slots.Node{ID: two})
	s = newShard(t, m, nil)
	if err := s.MayFollow(one); err == nil || !strings.Contains(err.Error(), "a replica of node "+two.Short()) {
		t.Errorf("a replica of another: %v", err)
	}
}
