package client

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
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
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"set k", "expire k", "persist k", "expire k", "del k", "hset k", "hset k", "hdel k", "hdel k",
		"del k", "rpush {k}2", "lpush {k}2", "rpop {k}2", "lpop {k}2", "del {k}2", "sadd k", "srem k", "del k",
		"zadd {k}2", "zrem {k}2", "del {k}2"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q\nwant %q", got, want)
	}
}
