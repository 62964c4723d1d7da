package shard

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// The replica that holds most takes over, of those that are in step.
func TestSuccessor(t *testing.T) {
	in := func(id slots.NodeID, offset int64) replicator.Replica {
		return replicator.Replica{ID: id, State: replicator.ReplicaOnline, Offset: offset}
	}
	late, syncing := in(one, 9), in(one, 9)
	late.Lag, syncing.State = successorLag, 0
	m := mapOf(t, slots.Node{ID: me}, slots.Node{ID: one, Master: me}, slots.Node{ID: two, Master: me})
	failed := mapOf(t, slots.Node{ID: me}, slots.Node{ID: one, Master: me, Health: slots.Failed},
		slots.Node{ID: two, Master: me, NoFailover: true})
	for _, c := range []struct {
		name     string
		m        *slots.Map
		replicas []replicator.Replica
		want     slots.NodeID // zero: none
	}{
		{"none", m, nil, slots.NodeID{}},
		{"most", m, []replicator.Replica{in(one, 5), in(two, 6)}, two},
		{"a stranger", m, []replicator.Replica{in(three, 7), in(one, 5)}, one},
		{"late", m, []replicator.Replica{late, in(two, 6)}, two},
		{"in a full sync", m, []replicator.Replica{syncing, in(two, 6)}, two},
		{"failed, and may not", failed, []replicator.Replica{in(one, 9), in(two, 9)}, slots.NodeID{}},
	} {
		if id, ok := successorOf(c.m, c.replicas); id != c.want || ok != !c.want.IsZero() {
			t.Errorf("%s: %s, %v", c.name, id.Short(), ok)
		}
	}
}

// A master that ends waits for its successor, but neither for ever nor for one that has
// ended, and stays a moment longer for its clients.
func TestHandOver(t *testing.T) {
	for _, c := range []struct {
		name    string
		refuse  error         // by gossip
		takes   time.Duration // until the replica takes over; 0: it never does
		ends    time.Duration // until it is gone; 0: it stays
		want    time.Duration
		replica bool // of this master
	}{
		{"no replica", nil, 0, 0, 0, false},
		{"refused", errors.New("no"), 0, 0, 0, true},
		{"takes over", nil, 30 * time.Millisecond, 0, 30*time.Millisecond + farewell, true},
		{"does not", nil, 0, 0, handOverLimit, true},
		{"ends, too", nil, 0, 50 * time.Millisecond, 3 * successorPollEvery, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m atomic.Pointer[slots.Map]
			m.Store(mapOf(t, slots.Node{ID: me}, slots.Node{ID: one, Master: me}))
			changed := make(chan struct{})
			began := time.Now()
			h := HandOver{
				Map:     m.Load,
				Changed: func() <-chan struct{} { return changed },
				Replicas: func() []replicator.Replica {
					if !c.replica {
						return nil
					}
					return []replicator.Replica{{ID: one, State: replicator.ReplicaOnline}}
				},
				Connected: func(slots.NodeID) bool { return c.ends == 0 || time.Since(began) < c.ends },
				Do: func(_ context.Context, cmd gossip.Command) error {
					if cmd != (gossip.HandOver{To: one}) {
						t.Errorf("%s: %#v", c.name, cmd)
					}
					return c.refuse
				},
				Logger: hclog.NewNullLogger(),
			}
			if c.takes > 0 {
				time.AfterFunc(c.takes, func() {
					m.Store(mapOf(t, slots.Node{ID: one}, slots.Node{ID: me, Master: one}))
					close(changed)
				})
			}
			h.Run(t.Context())
			if took := time.Since(began); took != c.want {
				t.Errorf("%s: took %v, want %v", c.name, took, c.want)
			}
		})
	}
}
