// Command store runs a keyspace by itself: transactions on one store, whose Ops go through
// a log of bytes into a second store that becomes equal.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// opLog keeps what a store commits, encoded: what a program would write to a file, a topic
// or a connection. It is the store's keyspace.Sink and serves one goroutine; with several,
// Commit would need a lock.
type opLog struct{ bytes.Buffer }

// Commit implements keyspace.Sink.
func (l *opLog) Commit(_ slots.Slot, ops []keyspace.Op) {
	for i := range ops {
		l.Write(keyspace.AppendOp(nil, &ops[i]))
	}
}

// replay carries out on a store what the log holds.
func (l *opLog) replay(to *keyspace.Store) (n int, err error) {
	for b := l.Bytes(); len(b) > 0; n++ {
		var op keyspace.Op
		if op, b, err = keyspace.DecodeOp(b); err != nil {
			return n, err
		}
		if err := to.Apply(op); err != nil {
			return n, err
		}
	}
	return n, nil
}

func run(out io.Writer) error {
	var ops opLog
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // the program's clock, for expiry
	clock := func() time.Time { return now }
	store := keyspace.New(keyspace.Config{Sink: &ops, Now: clock})

	// A transaction works on the keys of one slot: a hash tag puts several there.
	for _, account := range []string{"{bank}:alice", "{bank}:bob"} {
		err := store.Update(slots.OfString("{bank}"), func(tx *keyspace.Tx) error {
			return tx.Put([]byte(account), keyspace.String, []byte("100"), 0)
		})
		if err != nil {
			return err
		}
	}
	if err := transfer(store, "{bank}:alice", "{bank}:bob", 30); err != nil {
		return err
	}
	// A transaction whose function returns an error changes nothing and emits no Op.
	err := transfer(store, "{bank}:alice", "{bank}:bob", 300)
	fmt.Fprintln(out, "too much:", err, errors.Is(err, errFunds))

	// What has expired reads as absent, and its deletion goes out as an Op.
	session := []byte("session")
	err = store.Update(slots.Of(session), func(tx *keyspace.Tx) error {
		return tx.Put(session, keyspace.String, []byte("alice"), now.Add(time.Minute).UnixMilli())
	})
	if err != nil {
		return err
	}
	now = now.Add(2 * time.Minute)
	store.ExpireStep(time.Second)

	// The Ops alone make an equal store.
	second := keyspace.New(keyspace.Config{Now: clock})
	n, err := ops.replay(second)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d ops in %d bytes\n", n, ops.Len())
	for _, s := range []*keyspace.Store{store, second} {
		fmt.Fprintf(out, "alice %d, bob %d, %d keys\n", balance(s, "{bank}:alice"), balance(s, "{bank}:bob"), s.Len())
	}
	return nil
}

var errFunds = errors.New("insufficient funds")

// transfer moves an amount between two accounts of one slot, or does nothing.
func transfer(store *keyspace.Store, from, to string, amount int) error {
	return store.Update(slots.OfString(from), func(tx *keyspace.Tx) error {
		a, b := read(tx, from)-amount, read(tx, to)+amount
		if a < 0 {
			return errFunds
		}
		if err := tx.Put([]byte(from), keyspace.String, strconv.AppendInt(nil, int64(a), 10), 0); err != nil {
			return err
		}
		return tx.Put([]byte(to), keyspace.String, strconv.AppendInt(nil, int64(b), 10), 0)
	})
}

func balance(store *keyspace.Store, account string) (n int) {
	store.View(slots.OfString(account), func(tx *keyspace.Tx) error {
		n = read(tx, account)
		return nil
	})
	return n
}

func read(tx *keyspace.Tx, account string) int {
	e, ok := tx.Get([]byte(account))
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(string(e.Value))
	return n
}
