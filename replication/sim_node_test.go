package replication

import (
	"bytes"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
)

// simNode is a node: a store, its history, and the ends of its link that are its own.
type simNode struct {
	s      *sim
	n      int
	store  *keyspace.Store
	log    *Backlog
	master *simNode // nil: it is one
	stale  bool
	acked  Position // the last place it has vouched for
	sender *sender  // the master's side of this node's link, nil if there is none
	in     *applier
	wire   [][]byte // frames on their way to this node
	file   []byte   // its newest snapshot
	saving *snapshotWriter
	saved  bytes.Buffer
}

// branched notes a node's new line of history.
func (x *simNode) branched() {
	h := x.log.History()
	x.s.from[h.ID] = Position{h.PrevID, h.PrevLimit}
}

// boot starts the node, from a snapshot if it has one.
func (x *simNode) boot(file []byte) {
	x.log = NewBacklog(1 + x.s.rand.IntN(8<<10))
	x.store = keyspace.New(keyspace.Config{Sink: x.log})
	x.sender, x.in, x.wire, x.saving, x.stale, x.acked = nil, nil, nil, nil, true, Position{}
	if file != nil {
		if _, err := readSnapshot(bytes.NewReader(file), dataset{x.store, x.log}, nil); err != nil {
			x.s.failf("node %d cannot load its snapshot: %v", x.n, err)
		}
		x.branched()
		x.check("after loading")
	}
}

func (x *simNode) digest() uint64 {
	h := xxhash.New()
	var keys []string
	for _, slot := range simSlots {
		keys = keys[:0]
		for cur, done := keyspace.Cursor(0), false; !done; {
			cur, done, _ = x.store.Dump(slot, cur, 1<<20, func(op keyspace.Op) error {
				keys = append(keys, fmt.Sprintf("%d %q %q %d", op.Slot, op.Key, op.Value, op.ExpireAt))
				return nil
			})
		}
		var sum uint64 // order does not matter
		seen := make(map[string]bool)
		for _, k := range keys {
			if !seen[k] {
				sum += xxhash.Sum64String(k)
				seen[k] = true
			}
		}
		fmt.Fprintln(h, slot, len(seen), sum)
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
	x.store.Update(slot, func(tx *keyspace.Tx) error {
		for range 1 + r.IntN(3) {
			key := []byte{'k', byte('0' + r.IntN(12))}
			switch r.IntN(6) {
			case 0, 1:
				tx.Delete(key)
			case 2:
				tx.Expire(key, 1<<50+int64(r.IntN(3)))
			default:
				value := bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(30))
				if r.IntN(50) == 0 {
					value = bytes.Repeat(value, 200)
				}
				tx.Put(key, keyspace.String, value, 0)
			}
		}
		return nil
	})
	x.mark()
}

// connect makes the link to the node's master: hello, decision, answer.
func (x *simNode) connect() {
	m := x.master
	reader, answer, why, err := m.log.join(x.log.standing(), 0)
	if err != nil {
		return // its master follows somebody else: gossip will tell
	}
	limits := senderLimits{stream: 1 + x.s.rand.IntN(300), dump: 1 + x.s.rand.IntN(400), piece: 1 + x.s.rand.IntN(2000)}
	f := &sender{store: m.store, in: reader, offset: reader.Offset(), limits: limits, cover: m.log.Offset}
	if why != "" {
		f.phase = senderDump
		x.s.full++
	} else {
		x.s.partial++
	}
	x.s.note("node %d joins %d at %d: %q, backlog from %d", x.n, m.n, f.offset, why, m.log.Info().First)
	x.sender = f
	x.in = &applier{live: dataset{x.store, x.log}, stage: func() dataset {
		return dataset{x.store.Stage(), NewBacklog(1 << 10)}
	}, adopt: func(d dataset) { x.store.Adopt(d.store); x.log.adopt(d.log) }}
	x.wire = [][]byte{answer}
}

func (x *simNode) disconnect() {
	if x.sender != nil {
		x.sender.in.Close()
	}
	x.sender, x.in, x.wire = nil, nil, nil
}

// pump lets the master send a little.
func (x *simNode) pump() {
	b, err := x.sender.next(nil, 0)
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
	for r := frame.NewReader(bytes.NewReader(b), maxMessage); ; {
		payload, err := r.Next()
		if err != nil {
			return
		}
		var m message
		if err := decodeMessage(payload, &m); err != nil {
			x.s.failf("node %d: %v", x.n, err)
		}
		before := x.log.Offset()
		if err := x.in.step(&m); err != nil {
			x.s.failf("node %d: message %d: %v", x.n, m.kind, err)
		}
		if x.in.phase == applierStream {
			h := x.log.History()
			x.stale, x.acked = false, Position{h.ID, h.Offset}
			x.check(fmt.Sprintf("after message %d", m.kind))
			if m.kind == kindStream && x.log.Offset() < before {
				x.s.failf("node %d: its offset falls from %d to %d", x.n, before, x.log.Offset())
			}
		}
	}
}

// snapshot lets the node write a piece of its snapshot.
func (x *simNode) snapshot() {
	if x.saving == nil {
		x.saved.Reset()
		x.saving = newSnapshotWriter(dataset{x.store, x.log}, x.log.Offset, 0)
		x.saving.sender.limits = senderLimits{stream: 1 + x.s.rand.IntN(300), dump: 1 + x.s.rand.IntN(400), piece: 1 +
			x.s.rand.IntN(2000)}
	}
	b, done, err := x.saving.next(nil)
	x.saved.Write(b)
	if err != nil {
		x.s.note("node %d gives up a snapshot: %v", x.n, err)
	}
	if done || err != nil {
		x.saving.close()
		x.saving = nil
	}
	if done {
		x.s.snapshots++
		x.file = bytes.Clone(x.saved.Bytes())
	}
}
