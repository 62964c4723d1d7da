package client

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
	"github.com/slotmesh/slotmesh/slots"
)

// TestTxTellsEvents: what a transaction of the Go API does is told as if commands had done
// it.
func TestTxTellsEvents(t *testing.T) {
	store := keyspace.New(keyspace.Config{})
	store.SetEvents(keyspace.KeyeventForm | keyspace.AllEvents)
	var got []string
	store.OnEvents(func(_ slots.Slot, events []keyspace.Event) {
		for _, e := range events {
			got = append(got, fmt.Sprintf("%s %s", e.Name, e.Key))
		}
	})
	keys := [][]byte{[]byte("k"), []byte("{k}2")}
	slot := slots.Of(keys[0])
	err := store.Update(slot, func(tx *keyspace.Tx) error {
		return RunTx(tx, slot, keys, func(tx Tx) error {
			if err := tx.Set("k", nil, time.Hour); err != nil {
				return err
			}
			tx.Expire("k", 0)
			tx.Expire("k", time.Hour)
			tx.Delete("k")
			hash, _ := tx.Hash("k")
			hash.Set("f", nil)
			hash.SetTTL("g", nil, time.Hour)
			hash.Delete("f")
			hash.Delete("none")
			hash.Delete("g")
			list, _ := tx.List("{k}2")
			list.PushBack(nil)
			list.PushFront(nil)
			list.PopBack()
			list.PopFront()
			set, _ := tx.SetOf("k")
			set.Add("m")
			set.Add("m")
			set.Remove("m")
			zset, _ := tx.ZSet("{k}2")
			zset.Add("m", 1)
			zset.Remove("m")
			return changeStream(tx)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"set k", "expire k", "persist k", "expire k", "del k", "hset k", "hset k", "hdel k", "hdel k",
		"del k", "rpush {k}2", "lpush {k}2", "rpop {k}2", "lpop {k}2", "del {k}2", "sadd k", "srem k", "del k",
		"zadd {k}2", "zrem {k}2", "del {k}2", "xgroup-create k", "xadd k", "xadd k", "xgroup-createconsumer k", "xdel k",
		"xtrim k"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q\nwant %q", got, want)
	}
}

// changeStream does one of each that changes a stream.
func changeStream(tx Tx) error {
	s, err1 := tx.Stream("k")
	_, err2 := s.CreateGroup("g", stream.ID{})
	first, err3 := s.Append("f", "v")
	_, err4 := s.Append("f", "v")
	ids, err5 := s.Read("g", "c", 5)
	s.Acknowledge("g", ids...)
	_, err6 := s.Delete(first)
	s.Trim(0)
	s.Trim(0)
	return errors.Join(err1, err2, err3, err4, err5, err6)
}
