package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func TestExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(keyspace.New(keyspace.Config{}))
		big := strings.Repeat("b", 100_000)
		put(e, "foo", "1")
		put(e, "{foo}big", big)
		// one of them twice
		a := &Access{Slot: slotOfFoo, Keys: [][]byte{[]byte("{foo}big"), []byte("{foo}none"), []byte("foo"),
			[]byte("{foo}big")}}
		s, err := e.Export(a)
		if err != nil || len(s.Items) != 2 || string(s.Items[0].Value) != big || string(s.Items[1].Key) != "foo" {
			t.Fatalf("%d items, %v", len(s.Items), err)
		}
		done := make(chan struct{}, 2)
		go func() { put(e, "foo", "2"); done <- struct{}{} }()
		go func() {
			second, err := e.Export(access("foo")) // has to wait for the first
			if err == nil {
				second.Commit(nil)
			}
			done <- struct{}{}
		}()
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("a write, or another shipment, of a key in flight did not wait")
		}
		if err := s.Commit([][]byte{[]byte("{foo}big")}); err != nil {
			t.Fatal(err)
		}
		<-done
		<-done
		if _, ok := get(e, "{foo}big"); ok {
			t.Error("a key that moved is still here")
		}
		if v, _ := get(e, "foo"); v != "2" {
			t.Errorf("foo = %q", v)
		}
	})
}

func TestShipIsRefusedWhereNobodyKnowsTheEnd(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	put(e, "foo", "1")
	e.FreezeAll(slotOfFoo, e.NewID())
	if _, err := e.Export(access("foo")); err != slots.ErrTryAgain {
		t.Fatalf("Ship = %v", err)
	}
}

func TestItemTTL(t *testing.T) {
	now := time.UnixMilli(1000)
	for expire, want := range map[int64]int64{0: 0, 1: 1, 1000: 1, 1500: 500} {
		if got := (&Item{ExpireAt: expire}).TTL(now); got != want {
			t.Errorf("expiry %d: TTL %d, want %d", expire, got, want)
		}
	}
}
