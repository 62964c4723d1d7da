// Command client routes keys over two stores with a client.Router of its own making: one
// store is this process's, reached by direct calls, the other is reached by a
// client.Transport, as one in another process would be.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

var (
	here  = client.Endpoint{ID: slots.NodeID{1}, Addr: slots.Addr{Host: "10.0.0.1", Port: 7000}}
	there = client.Endpoint{ID: slots.NodeID{2}, Addr: slots.Addr{Host: "10.0.0.2", Port: 7000}}
)

// ownerOf halves the slots between the two nodes.
func ownerOf(slot slots.Slot) client.Endpoint {
	if slot < slots.Count/2 {
		return here
	}
	return there
}

// node is a store of this process. It implements client.Local.
type node struct{ store *keyspace.Store }

func (n node) ID() slots.NodeID          { return here.ID }
func (n node) Owns(slot slots.Slot) bool { return ownerOf(slot) == here }

// Update runs a transaction on keys of one slot.
func (n node) Update(_ context.Context, keys []string, fn func(client.Tx) error) error {
	slot, names := slots.OfString(keys[0]), make([][]byte, len(keys))
	for i, key := range keys {
		names[i] = []byte(key)
	}
	return n.store.Update(slot, func(tx *keyspace.Tx) error { return client.RunTx(tx, slot, names, fn) })
}

func (n node) Get(ctx context.Context, key string) (value []byte, err error) {
	err = n.Update(ctx, []string{key}, func(tx client.Tx) error {
		v, ok := tx.Get(key)
		if !ok {
			return client.ErrNotFound
		}
		value = append([]byte{}, v...)
		return nil
	})
	return value, err
}

func (n node) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return n.Update(ctx, []string{key}, func(tx client.Tx) error { return tx.Set(key, value, ttl) })
}

func (n node) Delete(ctx context.Context, key string) (deleted bool, err error) {
	err = n.Update(ctx, []string{key}, func(tx client.Tx) error {
		deleted = tx.Delete(key)
		return nil
	})
	return deleted, err
}

func (n node) Expire(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	err = n.Update(ctx, []string{key}, func(tx client.Tx) error {
		found = tx.Expire(key, ttl)
		return nil
	})
	return found, err
}

func (n node) TTL(ctx context.Context, key string) (ttl time.Duration, err error) {
	err = n.Update(ctx, []string{key}, func(tx client.Tx) error {
		var ok bool
		if ttl, ok = tx.TTL(key); !ok {
			return client.ErrNotFound
		}
		return nil
	})
	return ttl, err
}

// transport reaches the other store. It knows the commands GET and SET, and drops the
// first request that it is given, as a connection does that breaks before it has left.
type transport struct {
	other   node
	dropped bool
}

func (t *transport) Owner(slot slots.Slot) (client.Endpoint, bool) { return ownerOf(slot), true }
func (t *transport) Replicas(slots.Slot) []client.Endpoint         { return nil }
func (t *transport) Masters() []client.Endpoint                    { return []client.Endpoint{here, there} }
func (t *transport) Learn(*slots.MovedError)                       {}
func (t *transport) Refresh(context.Context) error                 { return nil }
func (t *transport) Changed() <-chan struct{}                      { return nil }
func (t *transport) Explain(slots.Slot) string                     { return "" }
func (t *transport) Done() <-chan struct{}                         { return nil }

func (t *transport) Inspect(context.Context, [][]byte) (keys []int, write bool, err error) {
	return nil, false, errors.New("this transport knows no commands but GET and SET")
}

func (t *transport) Send(ctx context.Context, _ client.Endpoint, r *client.Request) (client.Reply, error) {
	if !t.dropped {
		t.dropped = true
		return client.Reply{}, fmt.Errorf("%w: the connection broke", client.ErrNotSent)
	}
	switch command := string(r.Args[0]); command {
	case "GET":
		value, err := t.other.Get(ctx, string(r.Args[1]))
		if err == client.ErrNotFound {
			return client.Reply{}, nil // the null reply
		}
		if err != nil {
			return client.Reply{}, err
		}
		return client.DecodeReply(fmt.Appendf(nil, "$%d\r\n%s\r\n", len(value), value))
	case "SET":
		if err := t.other.Set(ctx, string(r.Args[1]), r.Args[2], 0); err != nil {
			return client.Reply{}, err
		}
		return client.DecodeReply([]byte("+OK\r\n"))
	default:
		return client.Reply{}, client.ParseError("ERR unknown command '" + command + "'")
	}
}

func run(out io.Writer) error {
	ctx := context.Background()
	local, other := keyspace.New(keyspace.Config{}), keyspace.New(keyspace.Config{})
	r := client.NewRouter(&transport{other: node{other}}, node{local})

	for _, key := range []string{"apple", "banana", "cherry", "damson"} {
		if err := r.Set(ctx, key, []byte("a "+key), 0); err != nil {
			return err
		}
	}
	for _, result := range r.GetMany(ctx, "apple", "banana", "cherry", "damson", "elderberry") {
		fmt.Fprintf(out, "%s: %q %v\n", result.Key, result.Value, result.Err)
	}
	fmt.Fprintf(out, "%d keys are here, %d there\n", local.Stats().Keys, other.Stats().Keys)
	_, err := r.Do(ctx, "INCR", "counter")
	fmt.Fprintln(out, "INCR:", err)
	return nil
}
