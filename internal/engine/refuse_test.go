package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func TestRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(keyspace.New(keyspace.Config{}))
		key := []byte("k")
		a := &Access{Slot: slots.Of(key), Keys: [][]byte{key}}
		pass := func(*keyspace.Tx) error { return nil }
		over := errors.New("over")

		pause := e.PauseWrites(time.Hour)
		defer pause.Resume()
		waited := make(chan error)
		go func() { waited <- e.Update(a, pass) }()
		synctest.Wait()
		e.Refuse(over)
		if err := <-waited; err != over {
			t.Errorf("an Update that waited: %v", err)
		}
		pause.Resume()
		if err := e.View(a, pass); err != over {
			t.Errorf("View: %v", err)
		}
		if err := e.Update(a, pass); err != over {
			t.Errorf("Update: %v", err)
		}
		e.Refuse(nil)
		if err := errors.Join(e.View(a, pass), e.Update(a, pass), e.Refused()); err != nil {
			t.Error(err)
		}
	})
}

// When Refuse returns, nothing is written any more.
func TestRefuseIsABarrier(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	key := []byte("k")
	a := &Access{Slot: slots.Of(key), Keys: [][]byte{key}}
	n := 0 // guarded by the slot's lock, and not at all after Refuse
	begun, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		close(begun)
		for e.Update(a, func(*keyspace.Tx) error { n++; return nil }) == nil {
		}
	}()
	<-begun
	e.Refuse(errors.New("over"))
	was := n
	<-ended
	if n != was {
		t.Errorf("%d writes after Refuse", n-was)
	}
}
