package replication

import (
	"bytes"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/keyspace"
)

// simNode is a node: a store, its history, and the ends of its link that are its own.
type simNode struct {
	s      *sim
	n      int
	store  *keyspace.Store
	log    *Stream
	master *simNode // nil: it is one
	stale  bool
	acked  Position // the last place it has vouched for
	sender *Sender  // the master's side of this node's link, nil if there is none
	cur    *Cursor  // what it reads
	in     *Applier
	wire   [][]byte // frames on their way to this node
	file   []byte   // its newest snapshot
	saving *simSnapshot
}

// branched notes a node's new line of history.
func (x *simNode) branched() {
	h := x.log.History()
	x.s.from[h.ID] = Position{h.PrevID, h.PrevLimit}
}

// boot starts the node, from a snapshot if it has one.
func (x *simNode) boot(file []byte) {
	x.log = NewStream(StreamConfig{Size: 1 + x.s.rand.IntN(8<<10), NewID: x.s.newID})
	x.store = keyspace.New(keyspace.Config{Sink: x.log})
	x.sender, x.in, x.wire, x.saving, x.stale, x.acked = nil, nil, nil, nil, true, Position{}
	if file != nil {
		load(x.s.t, file, x.store, x.log)
		x.branched()
		x.check("after loading")
	}
}

func (x *simNode) digest() uint64 {
	h := xxhash.New()
	for _, slot := range simSlots {
		fmt.Fprintln(h, slot, simContent(x.store, slot))
	}
	fmt.Fprintln(h, x.log.Metadata())
	return h.Sum64()
}

// mark notes the master's state under all names of its place.
func (x *simNode) mark() {
	if !x.log.Info().Active {
		return // nobody can know this place
	}
	d := x.digest()
	for _, p := range x.log.History().Positions() {
		if was, ok := x.s.truth[p]; ok && was != d {
			x.s.failf("node %d: the place %v names two states", x.n, p)
		}
		x.s.truth[p] = d
	}
}

// check compares the node's data with what was noted under its place.
func (x *simNode) check(when string) {
	d := x.digest()
	h := x.log.History()
	for _, p := range h.Positions() {
		if want, ok := x.s.truth[p]; ok && d != want {
			x.s.failf("node %d %s: its data is not the state at %v", x.n, when, p)
		}
	}
}

// write commits a random transaction on a master.
func (x *simNode) write() {
	r := x.s.rand
	slot := simSlots[r.IntN(len(simSlots))]
	if r.IntN(60) == 0 {
		x.store.Drop(slot)
		x.mark()
		return
	}
	if r.IntN(15) == 0 {
		x.log.PutMetadata(fmt.Sprint("note", r.IntN(3)), make([]byte, r.IntN(3)))
		x.mark()
		return
	}
	x.store.Update(slot, func(tx *keyspace.Tx) error { return simWrite(r, tx) }) // some fail
	x.mark()
}

// connect makes the link to the node's master: hello, decision, answer.
func (x *simNode) connect() {
	m := x.master
	cur, answer, why, err := m.log.Join(x.log.Positions(), 0)
	if err != nil {
		return // its master follows somebody else: gossip will tell
	}
	f := NewSender(SenderConfig{Store: m.store, Source: cur, Offset: cur.Offset(), Full: why != "", Covered: m.log.Offset})
	f.limits = x.s.limits()
	if why != "" {
		x.s.full++
	} else {
		x.s.partial++
	}
	x.s.note("node %d joins %d at %d: %q, backlog from %d", x.n, m.n, f.offset, why, m.log.Info().First)
	x.sender, x.cur = f, cur
	x.in = NewApplier(x.store, x.log)
	x.wire = [][]byte{answer}
}

func (x *simNode) disconnect() {
	if x.sender != nil {
		x.cur.Close()
	}
	x.sender, x.in, x.wire = nil, nil, nil
}

// pump lets the master send a little.
func (x *simNode) pump() {
	b, err := x.sender.Next(nil, 0)
	if err != nil {
		x.s.note("node %d is cut off: %v", x.n, err)
		x.disconnect()
		return
	}
	if len(b) > 0 {
		x.wire = append(x.wire, b)
	}
}

// deliver carries out what is on the wire next.
func (x *simNode) deliver() {
	b := x.wire[0]
	x.wire = x.wire[1:]
	for r := NewMessageReader(bytes.NewReader(b), MaxMessage); ; {
		var m Message
		switch err := r.Next(&m); {
		case err == io.EOF:
			return
		case err != nil:
			x.s.failf("node %d: %v", x.n, err)
		}
		before := x.log.Offset()
		if err := x.in.Step(&m); err != nil {
			x.s.failf("node %d: message %d: %v", x.n, m.Kind, err)
		}
		if x.in.phase == PhaseStream {
			h := x.log.History()
			x.stale, x.acked = false, Position{h.ID, h.Offset}
			x.check(fmt.Sprintf("after message %d", m.Kind))
			if m.Kind == KindStream && x.log.Offset() < before {
				x.s.failf("node %d: its offset falls from %d to %d", x.n, before, x.log.Offset())
			}
		}
	}
}

// simSnapshot is a snapshot that is being written.
type simSnapshot struct {
	sender *Sender
	cur    *Cursor
	file   []byte
}

// snapshot lets the node write a piece of its snapshot.
func (x *simNode) snapshot() {
	w := x.saving
	if w == nil {
		x.log.Hold(0)
		w = new(simSnapshot)
		w.cur, w.file = x.log.Snapshot(0, nil)
		w.sender = NewSender(SenderConfig{Store: x.store, Source: w.cur, Offset: w.cur.Offset(), Full: true,
			Covered: x.log.Offset})
		w.sender.limits = x.s.limits()
		x.saving = w
		return
	}
	var err error
	w.file, err = w.sender.Next(w.file, 0)
	if err != nil {
		x.s.note("node %d gives up a snapshot: %v", x.n, err)
	}
	done := err == nil && w.sender.Holdable() >= 0
	if done || err != nil {
		w.cur.Close()
		x.log.Release()
		x.saving = nil
	}
	if done {
		x.s.snapshots++
		x.file = w.file
	}
}
