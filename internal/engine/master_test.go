package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// replicaMap is the map of a node that has become a replica.
func replicaMap(t *testing.T) *slots.Map {
	m, err := slots.NewMap(slots.Topology{Self: slots.NodeID{1}, State: slots.OK, Nodes: []slots.Node{
		{ID: slots.NodeID{1}, Master: slots.NodeID{2}},
		{ID: slots.NodeID{2}, Slots: &slots.Set{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPauseHoldsWhatTheNodeItselfWrites: a batch that arrives, and the deletion of one
// that has left, wait for the end of a pause; on a node that is a replica by then they do
// not happen.
func TestPauseHoldsWhatTheNodeItselfWrites(t *testing.T) {
	ops := []keyspace.Op{
		{Kind: keyspace.OpPut, Slot: 1, Key: []byte("a"), Version: 1},
		{Kind: keyspace.OpPut, Slot: 2, Key: []byte("b"), Version: 1},
	}
	for name, demoted := range map[string]bool{"goes on as a master": false, "became a replica": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := New(keyspace.New(keyspace.Config{}))
				put(e, "foo", "1")
				freeze(e, 7, "foo")
				e.PauseWrites(time.Second)
				began := time.Now()
				imported, committed, exported := make(chan error), make(chan error), make(chan error)
				go func() { imported <- e.Import(ops, false, nil) }()
				go func() { committed <- e.Commit(slotOfFoo, 7, [][]byte{[]byte("foo")}, nil) }()
				go func() {
					a := access("{foo}other")
					s, err := e.Export(a)
					if err == nil {
						err = s.Commit(nil)
					}
					exported <- err
				}()
				synctest.Wait()
				if n := e.Store().Len(); n != 1 {
					t.Errorf("%d keys during the pause, 1 before", n)
				}
				want, left := error(nil), 2
				if demoted {
					e.Publish(replicaMap(t))
					want, left = slots.ErrReadOnly, 1
				}
				for what, ended := range map[string]chan error{"import": imported, "landing": committed} {
					if err := <-ended; err != want || time.Since(began) != time.Second {
						t.Errorf("%s: %v after %v, want %v", what, err, time.Since(began), want)
					}
				}
				if err := <-exported; err != nil || time.Since(began) != time.Second {
					t.Errorf("an export: %v after %v", err, time.Since(began))
				}
				if n := e.Store().Len(); n != left {
					t.Errorf("%d keys after the pause, want %d", n, left)
				}
				if !freeze(e, 8, "foo") {
					t.Error("the keys are still in flight")
				}
			})
		})
	}
}

func TestDoneEndsTheWaitOfTheNode(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	defer e.PauseWrites(time.Hour).Resume()
	done := make(chan struct{})
	close(done)
	err := e.Alter(1, done, func(*keyspace.Tx) error { t.Error("it was altered"); return nil })
	if err != slots.ErrTryAgain {
		t.Errorf("Alter = %v", err)
	}
}

// TestVetoRefusesExports: where too few replicas would hear of a deletion, nothing is
// shipped.
func TestVetoRefusesExports(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	put(e, "foo", "1")
	e.SetVeto(func() error { return slots.ErrReadOnly })
	if _, err := e.Export(access("foo")); err != slots.ErrReadOnly {
		t.Errorf("Ship = %v", err)
	}
	e.SetVeto(nil)
	if s, err := e.Export(access("foo")); err != nil || len(s.Items) != 1 {
		t.Errorf("Ship = %v, %v", s, err)
	}
}
