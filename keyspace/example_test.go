package keyspace_test

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func ExampleStore_Update() {
	store := keyspace.New(keyspace.Config{})
	key := []byte("visits")
	count := func() error {
		return store.Update(slots.Of(key), func(tx *keyspace.Tx) error {
			n := 0
			if e, ok := tx.Get(key); ok { // e.Value is valid until this function returns
				n, _ = strconv.Atoi(string(e.Value))
			}
			return tx.Put(key, keyspace.String, strconv.AppendInt(nil, int64(n+1), 10), 0)
		})
	}
	for range 3 {
		if err := count(); err != nil {
			fmt.Println(err)
		}
	}
	store.View(slots.Of(key), func(tx *keyspace.Tx) error {
		e, _ := tx.Get(key)
		fmt.Printf("%s visits\n", e.Value)
		return nil
	})
	// Output: 3 visits
}

func ExampleStore_Dump() {
	from, to := keyspace.New(keyspace.Config{}), keyspace.New(keyspace.Config{})
	from.Update(7, func(tx *keyspace.Tx) error {
		return tx.Put([]byte("a"), keyspace.String, []byte("1"), 0)
	})
	var cursor keyspace.DumpCursor
	for done := false; !done; { // writes to from may go on between the batches
		var err error
		if cursor, done, err = from.Dump(7, cursor, 64<<10, to.Apply); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(to.Count(7))
	// Output: 1
}

// printer prints what a store commits. A Sink that keeps Ops must copy or encode them.
type printer struct{}

func (printer) Commit(slot slots.Slot, ops []keyspace.Op) {
	for i := range ops {
		wire := keyspace.AppendOp(nil, &ops[i])
		op, _, err := keyspace.DecodeOp(wire)
		fmt.Printf("slot %d: %v %q %q, %d bytes, %v\n", slot, op.Kind, op.Key, op.Value, len(wire), err)
	}
}

// The Ops of a transaction go out together when it has succeeded, and not at all if it
// fails.
func ExampleSink() {
	store := keyspace.New(keyspace.Config{Sink: printer{}})
	slot := slots.OfString("{user}")
	err := store.Update(slot, func(tx *keyspace.Tx) error {
		tx.Put([]byte("{user}:name"), keyspace.String, []byte("Ann"), 0)
		return tx.Put([]byte("{user}:visits"), keyspace.String, []byte("1"), 0)
	})
	fmt.Println(err)
	err = store.Update(slot, func(tx *keyspace.Tx) error {
		tx.Delete([]byte("{user}:name"))
		return errors.New("changed my mind")
	})
	fmt.Println(err, store.Len())
	// Output:
	// slot 5474: put "{user}:name" "Ann", 26 bytes, <nil>
	// slot 5474: put "{user}:visits" "1", 26 bytes, <nil>
	// <nil>
	// changed my mind 2
}
