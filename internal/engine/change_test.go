package engine

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A change of what belongs to no slot is held up and refused as a client's write is.
func TestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(keyspace.New(keyspace.Config{}))
		changes := 0
		change := func(done <-chan struct{}) error {
			return e.Change(done, func() error { changes++; return nil })
		}
		failed := errors.New("failed")
		if err := e.Change(nil, func() error { return failed }); err != failed {
			t.Errorf("%v", err)
		}
		e.SetVeto(func() error { return failed })
		if err := change(nil); err != failed {
			t.Errorf("with a veto: %v", err)
		}
		e.SetVeto(nil)

		e.PauseWrites(time.Second)
		done := make(chan struct{})
		close(done)
		if err := change(done); err != slots.ErrTryAgain || changes != 0 {
			t.Errorf("after giving up: %v, %d changes", err, changes)
		}
		began := time.Now()
		if err := change(nil); err != nil || changes != 1 || time.Since(began) != time.Second {
			t.Errorf("%v after %v, %d changes", err, time.Since(began), changes)
		}

		e.PauseWrites(time.Hour)
		waiting := make(chan error)
		go func() { waiting <- change(nil) }()
		synctest.Wait()
		e.Refuse(failed)
		if err := <-waiting; err != failed {
			t.Errorf("when everything is refused: %v", err)
		}
		e.Refuse(nil)
		e.Publish(replicaMap(t))
		if err := change(nil); err != slots.ErrReadOnly || changes != 1 {
			t.Errorf("on a replica: %v, %d changes", err, changes)
		}
	})
}

// PauseWrites, Publish and Refuse return after the end of a change that saw them not.
func TestChangeUnderWayEndsFirst(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	for name, stop := range map[string]func(){
		"PauseWrites": func() { e.PauseWrites(time.Nanosecond) },
		"Publish":     func() { e.Publish(replicaMap(t)) },
		"Refuse":      func() { e.Refuse(nil) },
	} {
		e.topo.Store(nil)
		inside, leave, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go e.Change(nil, func() error { close(inside); <-leave; return nil })
		<-inside
		go func() { stop(); close(stopped) }()
		for range 1000 {
			runtime.Gosched()
		}
		select {
		case <-stopped:
			t.Errorf("%s did not wait", name)
		default:
		}
		close(leave)
		<-stopped
	}
}
