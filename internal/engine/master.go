package engine

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A change that the node itself makes to its keys, when it moves them for instance, is a
// write like any other. A replica that takes over has agreed with this node where the
// data ends, so nothing may be written while writes are paused, nor once this node is a
// replica. Such a write differs from a client's in two ways: there is no client to
// redirect, and the owner of the slot has been checked already.

// Alter is the store's Update for such a write. It first waits for the end of a pause; if
// done is closed before, the error is slots.ErrTryAgain. On a replica, or on a node that
// becomes one meanwhile, it is slots.ErrReadOnly.
func (e *Engine) Alter(slot slots.Slot, done <-chan struct{}, fn func(*keyspace.Tx) error) error {
	return e.asMaster(done, func(allowed func() bool) error {
		return e.store.Update(slot, func(tx *keyspace.Tx) error {
			if !allowed() {
				return nil
			}
			return fn(tx)
		})
	})
}

// Import is the store's Import, as Alter is its Update. After an error some of the ops
// may be stored.
func (e *Engine) Import(ops []keyspace.Op, onlyNew bool, done <-chan struct{}) error {
	return e.asMaster(done, func(allowed func() bool) error {
		n, err := e.store.Import(ops, onlyNew, allowed)
		ops = ops[n:]
		return err
	})
}

// asMaster calls try, again after each pause, until it has been allowed all that it asked
// for. allowed is to be called under the lock of the slot that is about to be changed.
func (e *Engine) asMaster(done <-chan struct{}, try func(allowed func() bool) error) error {
	for {
		var paused <-chan struct{}
		master := true
		err := try(func() bool {
			master, paused = e.writesHere(), e.pauses.wait()
			return master && paused == nil
		})
		switch {
		case err != nil:
			return err
		case !master:
			return slots.ErrReadOnly
		case paused == nil:
			return nil
		}
		select {
		case <-paused:
		case <-done:
			return slots.ErrTryAgain
		}
	}
}

// writesHere reports whether this node is no replica.
func (e *Engine) writesHere() bool {
	m := e.topo.Load()
	return m == nil && !e.following.Load() || m != nil && m.Self().IsMaster()
}
