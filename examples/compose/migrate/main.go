// Command migrate moves a slot between two nodes that are a store and a migrator each,
// over pipes in memory, while a client writes to its keys.
package main

import (
	"context"
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
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

const keys = 1000

// key returns a key of the slot that moves: only what is between the braces counts.
func key(i int) string { return "{cart}:" + strconv.Itoa(i%keys) }

func run(ctx context.Context, out io.Writer) error {
	slot := slots.OfString("{cart}")
	source, target, err := startPair(slot)
	if err != nil {
		return err
	}
	defer source.Close()
	defer target.Close()
	c := client{nodes: map[slots.NodeID]*node{source.id: source, target.id: target}, first: source}
	last := make(map[string]string) // what the client has written, and was told is stored
	for i := range keys {
		if last[key(i)], err = c.set(key(i), i); err != nil {
			return err
		}
	}

	id, err := source.Move(slots.NewSet(slot), target.id)
	if err != nil {
		return err
	}
	during := 0
	for i := 0; ; i++ { // every key has its turn, again and again
		s, err := source.Status(id)
		if err != nil {
			return err
		}
		if s.Over() {
			break
		}
		if last[key(i)], err = c.set(key(i), keys+i); err != nil {
			return err
		}
		during++
		time.Sleep(100 * time.Microsecond)
	}
	if err := source.Wait(ctx, id); err != nil {
		return err
	}
	s, err := source.Status(id)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%v: slot %s moved, with writes to it meanwhile: %v\n", s.State, s.Job.Slots, during > 0)
	fmt.Fprintf(out, "source has %d keys, target %d\n", source.store.Count(slot), target.store.Count(slot))
	stale := 0
	for k, want := range last {
		if target.get(k) != want {
			stale++
		}
	}
	fmt.Fprintf(out, "keys without what was written last: %d\n", stale)
	return nil
}

// client writes as a client of a cluster does: it follows redirects.
type client struct {
	nodes map[slots.NodeID]*node
	first *node
}

func (c *client) set(key string, n int) (value string, err error) {
	value = strconv.Itoa(n)
	for at, asking := c.first, false; ; {
		err := at.set(key, value, asking)
		var moved *slots.MovedError
		var ask *slots.AskError
		switch {
		case errors.As(err, &moved):
			at, asking = c.nodes[moved.Node], false
		case errors.As(err, &ask): // the key is not at the source, or no more
			at, asking = c.nodes[ask.Node], true
		case errors.Is(err, slots.ErrTryAgain):
			time.Sleep(time.Millisecond)
		default:
			return value, err
		}
	}
}

// set writes if this node may serve the slot, which it asks under the slot's lock. It
// waits while the key is on its way.
func (n *node) set(key, value string, asking bool) error {
	slot, k := slots.OfString(key), []byte(key)
	return n.engine.Update(slot, [][]byte{k}, nil, func(tx *keyspace.Tx) error {
		r := slots.Request{Slot: slot, Keys: 1, Write: true, Asking: asking}
		if _, here := tx.Get(k); !here {
			r.Missing = 1
		}
		if err := slots.Route(n.Map(), r); err != nil {
			return err
		}
		return tx.Put(k, keyspace.String, []byte(value), 0)
	})
}

func (n *node) get(key string) (value string) {
	n.store.View(slots.OfString(key), func(tx *keyspace.Tx) error {
		e, _ := tx.Get([]byte(key))
		value = string(e.Value)
		return nil
	})
	return value
}
