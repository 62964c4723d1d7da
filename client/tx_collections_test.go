package client_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// fromBoth runs a test with the router of the node that owns key, and of another one.
func fromBoth(t *testing.T, key string, run func(t *testing.T, r *client.Router)) {
	for _, where := range []string{"owner", "other"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clustertest.Start(t, clustertest.Config{Masters: 2})
				owner, other := e2e.OwnerOf(c, key)
				if where == "other" {
					owner = other
				}
				run(t, owner.Router())
			})
		})
	}
}

// update runs a transaction that must not fail.
func update(t *testing.T, r *client.Router, fn func(tx client.Tx) error, keys ...string) {
	t.Helper()
	if err := r.Update(t.Context(), keys, fn); err != nil {
		t.Fatal(err)
	}
}

func TestCollectionsInUpdate(t *testing.T) {
	keys := []string{"{n}hash", "{n}set", "{n}zset", "{n}list"}
	fromBoth(t, keys[0], func(t *testing.T, r *client.Router) {
		update(t, r, func(tx client.Tx) error {
			h, err1 := tx.Hash(keys[0])
			s, err2 := tx.SetOf(keys[1])
			z, err3 := tx.ZSet(keys[2])
			l, err7 := tx.List(keys[3])
			for i := range 5 {
				err7 = errors.Join(err7, l.PushBack(fmt.Append(nil, i)))
			}
			l.Remove(1, 3)
			_, err4 := s.Add("a")
			_, err5 := s.Add("b")
			_, err6 := z.Add("m", 2.5)
			return errors.Join(err1, err2, err3, err4, err5, err6, err7, l.PushFront([]byte("x")),
				h.Set("f", []byte("1")), h.Set("g", []byte("2")), h.SetTTL("h", []byte("3"), time.Second), z.Set("l", 1))
		}, keys...)
		time.Sleep(time.Second)
		update(t, r, func(tx client.Tx) error {
			h, _ := tx.Hash(keys[0])
			s, _ := tx.SetOf(keys[1])
			z, _ := tx.ZSet(keys[2])
			fields := maps.Collect(h.All())
			if v, ok := h.Get("f"); len(fields) != 2 || string(fields["g"]) != "2" || !ok || string(v) != "1" {
				t.Errorf("hash %q, f = %q, %v", fields, v, ok)
			}
			if members := slices.Sorted(s.All()); !slices.Equal(members, []string{"a", "b"}) || !s.Has("a") {
				t.Errorf("set %q", members)
			}
			var up, down []string
			for m, score := range z.From(0) {
				up = append(up, fmt.Sprint(m, " ", score))
			}
			for m := range z.Down(0) {
				down = append(down, m)
			}
			if rank, ok := z.Rank("m"); fmt.Sprint(up, down, rank, ok) != "[l 1 m 2.5] [m l] 1 true" {
				t.Errorf("sorted set %v, %v, rank %d, %v", up, down, rank, ok)
			}
			l, _ := tx.List(keys[3])
			var elements []string
			for i, v := range l.All() {
				elements = append(elements, fmt.Sprintf("%d:%s", i, v))
			}
			first, _ := l.PopFront()
			last, ok := l.PopBack()
			if at, _ := l.At(1); l.Len() != 2 || !ok || fmt.Sprintf("%v %s %s %s", elements, first, last, at) !=
				"[0:x 1:0 2:3 3:4] x 4 3" {
				t.Errorf("list %q, first %q, last %q, %q behind", elements, first, last, at)
			}
			h.Delete("f")
			h.Delete("g")
			return errors.Join(z.Set("l", 9))
		}, keys...)
		time.Sleep(time.Second) // until the field that has expired is removed
		if n, err := r.Do(t.Context(), "EXISTS", keys[0]); err != nil || n != int64(0) {
			t.Errorf("an empty hash: %v, %v", n, err)
		}
		if n, err := r.Do(t.Context(), "SCARD", keys[1]); err != nil || n != int64(2) {
			t.Errorf("SCARD: %v, %v", n, err)
		}
	})
}

// TestCollectionErrors: a key of another type, of another slot, without a name.
func TestCollectionErrors(t *testing.T) {
	fromBoth(t, "{n}a", func(t *testing.T, r *client.Router) {
		if _, err := r.Do(t.Context(), "SADD", "{n}a", "1"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Get(t.Context(), "{n}a"); !errors.Is(err, keyspace.ErrWrongType) {
			t.Errorf("Get of a set: %v", err)
		}
		var hash, other, unnamed error
		update(t, r, func(tx client.Tx) error {
			_, hash = tx.Hash("{n}a")
			_, other = tx.Hash("b")
			return nil
		}, "{n}a")
		err := r.Update(t.Context(), []string{"{n}a"}, func(tx client.Tx) error {
			_, unnamed = tx.SetOf("{n}b")
			return nil
		})
		if !errors.Is(hash, keyspace.ErrWrongType) || !errors.Is(other, slots.ErrCrossSlot) ||
			!errors.Is(unnamed, client.ErrUndeclaredKey) || !errors.Is(err, client.ErrUndeclaredKey) {
			t.Errorf("%v, %v, %v, %v", hash, other, unnamed, err)
		}
		err = r.Update(t.Context(), []string{"{n}a"}, func(tx client.Tx) error {
			if v, ok := tx.Get("{n}a"); ok {
				t.Errorf("Get of a set is %q", v)
			}
			return nil
		})
		if !errors.Is(err, keyspace.ErrWrongType) {
			t.Errorf("a transaction that reads a set as a string: %v", err)
		}
	})
}

// TestLargeCollectionInUpdate: one that is too large to travel is refused with what to do.
func TestLargeCollectionInUpdate(t *testing.T) {
	const key = "set"
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2})
		owner, other := e2e.OwnerOf(c, key)
		add := func(n int) func(tx client.Tx) error {
			return func(tx client.Tx) error {
				s, err := tx.SetOf(key)
				for i := s.Len(); i < n && err == nil; i++ {
					_, err = s.Add(fmt.Sprint("member ", i))
				}
				return err
			}
		}
		update(t, other.Router(), add(2000), key)
		update(t, owner.Router(), add(20_000), key)
		err := other.Router().Update(t.Context(), []string{key}, add(20_001))
		if err == nil || !strings.Contains(err.Error(), "too large for a transaction from another node") {
			t.Errorf("%v", err)
		}
		if n, err := other.Router().Do(t.Context(), "SCARD", key); err != nil || n != int64(20_000) {
			t.Errorf("SCARD: %v, %v", n, err)
		}
	})
}
