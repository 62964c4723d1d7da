package engine

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A node that follows a master takes writes of that alone, past what refuses clients' writes, and
// does not judge whether keys have expired.
func TestSetFollowing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := keyspace.New(keyspace.Config{})
		e := New(store)
		client, master := &Access{Keys: [][]byte{[]byte("k")}}, &Access{Keys: [][]byte{[]byte("k")}, Follows: true}
		put := func(tx *keyspace.Tx) error {
			return tx.Put([]byte("k"), keyspace.String, []byte("v"), time.Now().Add(time.Minute).UnixMilli())
		}
		there := func(a *Access) (ok bool) {
			err := e.Update(a, func(tx *keyspace.Tx) error {
				_, ok = tx.Peek([]byte("k"))
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			return ok
		}
		if err := e.Update(client, put); err != nil {
			t.Error(err)
		}
		e.SetVeto(func() error { return errors.New("the disk is full") })
		e.SetFollowing(true)
		store.SetPassive(true)
		if err := e.Update(client, put); !errors.Is(err, slots.ErrReadOnly) {
			t.Errorf("a client's write: %v", err)
		}
		if err := e.View(client, func(*keyspace.Tx) error { return nil }); err != nil {
			t.Errorf("a client's read: %v", err)
		}
		if err := e.Update(master, put); err != nil {
			t.Errorf("the master's write: %v", err)
		}
		time.Sleep(time.Hour)
		if !there(master) {
			t.Error("a command of the master does not find a key that has expired, which the master has not said")
		}
		e.SetVeto(nil)
		e.SetFollowing(false)
		store.SetPassive(false)
		if there(client) {
			t.Error("a key has not expired at a master")
		}
		if err := e.Update(client, put); err != nil {
			t.Error(err)
		}
	})
}

// When SetFollowing returns no write acts on what held before.
func TestSetFollowingWaits(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	writing, goOn, set := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var written atomic.Bool
	go e.Update(&Access{Keys: [][]byte{[]byte("k")}}, func(*keyspace.Tx) error {
		close(writing)
		<-goOn
		written.Store(true)
		return nil
	})
	<-writing
	go func() {
		e.SetFollowing(true)
		if !written.Load() {
			t.Error("SetFollowing has returned while a client writes")
		}
		close(set)
	}()
	for !e.following.Load() {
		runtime.Gosched()
	}
	close(goOn)
	<-set
}
