package ownership

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

var (
	me    = slots.NodeID{1}
	other = slots.NodeID{2}
	third = slots.NodeID{3}
)

// view is what a map of a test says: owner, migrating, importing and ceded slots.
type view struct {
	owns      map[slots.NodeID][]slots.Slot
	migrating map[slots.Slot]slots.NodeID
	importing map[slots.Slot]slots.NodeID
	ceded     []slots.Slot
	master    slots.NodeID // of this node; zero: it is a master
}

func (v view) build(t *testing.T) *slots.Map {
	t.Helper()
	top := slots.Topology{Self: me, State: slots.OK, Migrating: v.migrating, Importing: v.importing}
	for _, id := range []slots.NodeID{me, other, third} {
		set := slots.NewSet(v.owns[id]...)
		n := slots.Node{ID: id, Slots: &set}
		if id == me {
			n.Master = v.master
		}
		top.Nodes = append(top.Nodes, n)
	}
	if v.ceded != nil {
		ceded := slots.NewSet(v.ceded...)
		top.Ceded = &ceded
	}
	m, err := slots.NewMap(top)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// node is the rest of a node: it does what the tests say, and keeps what happened in the
// order in which it did.
type node struct {
	t       *testing.T
	m       *slots.Map
	store   *keyspace.Store
	claimed slots.Set
	story   []string

	metadata map[string][]byte
	noted    int   // how often metadata was put
	refuse   error // by gossip
	deaf     error // of the replicas
	promised int
	onDo     func()
}

func newNode(t *testing.T, v view) (*node, *Slots) {
	n := &node{t: t, m: v.build(t), store: keyspace.New(keyspace.Config{}), metadata: make(map[string][]byte)}
	return n, New(Config{
		Map: func() *slots.Map { return n.m }, Do: n.do, Metadata: n, Store: n.store, Replicas: n,
		Claimed: func() slots.Set { return n.claimed }, Life: t.Context(), Go: func(fn func()) { fn() },
		Logger: hclog.NewNullLogger(),
	})
}

func (n *node) tell(format string, args ...any) {
	n.story = append(n.story, fmt.Sprintf(format, args...))
}

func (n *node) do(_ context.Context, cmd gossip.Command) error {
	n.tell("do %T", cmd)
	if n.onDo != nil {
		n.onDo()
	}
	return n.refuse
}

func (n *node) PutMetadata(name string, data []byte) (int64, error) {
	if name != MetadataOpen {
		n.t.Errorf("metadata %q", name)
	}
	n.metadata[name] = data
	n.noted++
	return 0, nil
}

func (n *node) Metadata() map[string][]byte { return n.metadata }

func (n *node) MostPromised(*slots.Set) int { return n.promised }

func (n *node) OpenDepartures(set *slots.Set) { n.tell("open departures of %s", set) }

func (n *node) Know(_ context.Context, least int) error {
	open, err := decodeOpenSlots(n.metadata[MetadataOpen])
	if err != nil {
		n.t.Error(err)
	}
	n.tell("%d replicas know of %v %v", least, slices.Sorted(maps.Keys(open.Migrating)),
		slices.Sorted(maps.Keys(open.Importing)))
	return n.deaf
}

// fill puts keys into a slot.
func (n *node) fill(slot slots.Slot, keys int) {
	err := n.store.Update(slot, func(tx *keyspace.Tx) error {
		for i := range keys {
			if err := tx.Put(fmt.Appendf(nil, "key-%d", i), keyspace.String, nil, 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// want compares the story so far, and begins a new one.
func (n *node) want(story ...string) {
	n.t.Helper()
	if !slices.Equal(n.story, story) {
		n.t.Errorf("%q, want %q", n.story, story)
	}
	n.story = nil
}
