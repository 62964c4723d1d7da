package migrate_test

import (
	"fmt"
	"log"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

func ExampleRebalance() {
	var all slots.Set
	all.AddRange(slots.Range{First: 0, Last: slots.Count - 1})
	masters := []migrate.Master{{ID: slots.NodeID{0xa}, Slots: all}, {ID: slots.NodeID{0xb}}, {ID: slots.NodeID{0xc}}}
	plan, err := migrate.Rebalance(masters, migrate.Balance{UseEmpty: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(plan)
	// Output:
	// FROM      TO        COUNT  SLOTS
	// 0a000000  0b000000  5462   0-5461
	// 0a000000  0c000000  5461   5462-10922
	// 10923 slots in 2 moves
}

// member is one of two masters; what gossip would spread, change tells both.
type member struct {
	id, peer  slots.NodeID
	engine    *migrate.StoreEngine
	owns      slots.Set
	others    slots.Set // the peer's slots
	importing map[slots.Slot]slots.NodeID
	migrating map[slots.Slot]slots.NodeID
}

func newMember(id, peer slots.NodeID) *member {
	return &member{id: id, peer: peer, engine: migrate.NewEngine(keyspace.New(keyspace.Config{})),
		importing: map[slots.Slot]slots.NodeID{}, migrating: map[slots.Slot]slots.NodeID{}}
}

func (n *member) view() *slots.Map {
	m, err := slots.NewMap(slots.Topology{Self: n.id, State: slots.OK, Importing: n.importing, Migrating: n.migrating,
		Nodes: []slots.Node{{ID: n.id, Slots: &n.owns}, {ID: n.peer, Slots: &n.others}}})
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// change carries out a SetSlots.
func (n *member) change(e migrate.SetSlots) {
	for slot := range e.Set.All() {
		delete(n.importing, slot)
		delete(n.migrating, slot)
		switch e.Action {
		case migrate.Importing:
			n.importing[slot] = e.Peer
		case migrate.Migrating:
			n.migrating[slot] = e.Peer
		case migrate.Assign:
			n.assign(slot, e.Peer)
		}
	}
}

func (n *member) assign(slot slots.Slot, owner slots.NodeID) {
	n.owns.Remove(slot)
	n.others.Remove(slot)
	if owner == n.id {
		n.owns.Add(slot)
	} else {
		n.others.Add(slot)
	}
}

// A job is two passive cores, here without connections, goroutines or a clock: the
// sender's messages are handed to the receiver, and the receiver's back.
func Example() {
	now := time.Now()
	a, b := newMember(slots.NodeID{'A'}, slots.NodeID{'B'}), newMember(slots.NodeID{'B'}, slots.NodeID{'A'})
	a.owns, b.others = slots.NewSet(7), slots.NewSet(7)
	for i := range 100 {
		err := a.engine.Store().Update(7, func(tx *keyspace.Tx) error {
			return tx.Put(fmt.Appendf(nil, "key:%d", i), keyspace.String, []byte("value"), 0)
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	job := migrate.Job{ID: migrate.JobID{1}, Kind: migrate.KindMove, Slots: slots.NewSet(7), Target: b.id}
	sender := migrate.NewSender(now, migrate.SenderConfig{Job: job, Map: a.view(), Engine: a.engine})
	receiver := migrate.NewReceiver(migrate.ReceiverConfig{Map: b.view})

	deliver := func(m migrate.Message) { // at the target
		if err := receiver.Receive(now, m); err != nil {
			log.Fatal(err)
		}
		for e, ok := receiver.Next(); ok; e, ok = receiver.Next() {
			switch e := e.(type) {
			case migrate.Send:
				sender.Receive(now, e.Message)
			case migrate.StoreBatch:
				_, _, err := e.Import(b.engine, nil)
				if err := receiver.Stored(e.N, 0, err); err != nil {
					log.Fatal(err)
				}
			case migrate.SetSlots:
				b.change(e)
				fmt.Printf("target: slot %v is %v\n", e.Set, e.Action)
				receiver.Changed(e.N, nil)
				if e.Action == migrate.Assign { // gossip tells the source
					a.assign(7, b.id)
					sender.MapChanged(now, a.view())
				}
			}
		}
	}

	sender.Tick(now)
	for e, ok := sender.Next(now); ok; e, ok = sender.Next(now) {
		switch e := e.(type) {
		case migrate.Dial:
			sender.Connected(now)
		case migrate.Send:
			deliver(e.Message)
		case migrate.SetSlots:
			a.change(e)
			fmt.Printf("source: slot %v is %v\n", e.Set, e.Action)
			sender.Changed(now, e.N, nil)
		case migrate.Finish:
			sender.Close()
		}
	}
	s := sender.Status(now)
	fmt.Printf("%v: %d keys moved, source has %d, target %d\n", s.State, s.Progress.Keys, a.engine.Store().Len(),
		b.engine.Store().Len())
	// Output:
	// target: slot 7 is importing
	// source: slot 7 is migrating
	// target: slot 7 is node
	// source: slot 7 is node
	// finished: 100 keys moved, source has 0, target 100
}
