package replication

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// The simulation runs the cores of one shard without goroutines: a master and replicas, a
// seeded choice of what happens next. Every state that a master commits is noted under its
// place in history; whenever a replica follows a stream, its data must be the state noted
// under each name of its place.
type sim struct {
	t                                    *testing.T
	seed                                 uint64
	rand                                 *rand.Rand
	nodes                                []*simNode
	truth                                map[Position]uint64 // digest of the data at a place
	from                                 map[ID]Position     // where each line of history branched off
	trace                                []string
	full, partial, promotions, snapshots int
}

type simNode struct {
	s      *sim
	n      int
	store  *keyspace.Store
	log    *Backlog
	master *simNode // nil: it is one
	stale  bool
	acked  Position // the last place it has vouched for
	feed   *feed    // the master's side of this node's link, nil if there is none
	in     *intake
	wire   [][]byte // frames on their way to this node
	file   []byte   // its newest snapshot
	saving *snapshotWriter
	saved  bytes.Buffer
}

// simSlots are the only slots with keys, so that looking at all data is cheap.
var simSlots = []slots.Slot{0, 1, 7, 8191, 16382, 16383}

func newSim(t *testing.T, seed uint64, n int) *sim {
	s := &sim{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), truth: make(map[Position]uint64), from: make(map[ID]Position)}
	for i := range n {
		x := &simNode{s: s, n: i}
		x.boot(nil)
		if i > 0 {
			x.master = s.nodes[0]
			x.log.follow()
		}
		s.nodes = append(s.nodes, x)
	}
	return s
}

func (s *sim) failf(format string, args ...any) {
	s.t.Helper()
	for _, line := range s.trace[max(0, len(s.trace)-60):] {
		s.t.Log(line)
	}
	s.t.Fatalf("seed %d: %s", s.seed, fmt.Sprintf(format, args...))
}

func (s *sim) note(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

// descends reports whether h contains the state at p, by all that ever happened.
func (s *sim) descends(h History, p Position) bool {
	for at := s.from[p.ID]; !at.ID.IsZero() && p.Offset <= at.Offset; at = s.from[p.ID] {
		p.ID = at.ID // before its line branched off it was the older one
	}
	for id, limit := h.ID, h.Offset; !id.IsZero(); {
		if id == p.ID {
			return p.Offset <= limit
		}
		parent := s.from[id]
		id, limit = parent.ID, min(limit, parent.Offset)
	}
	return p.ID.IsZero()
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
	x.feed, x.in, x.wire, x.saving, x.stale, x.acked = nil, nil, nil, nil, true, Position{}
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
	fmt.Fprintln(h, x.log.Notes())
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
		x.log.Note(fmt.Sprint("note", r.IntN(3)), make([]byte, r.IntN(3)))
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
	limits := feedLimits{stream: 1 + x.s.rand.IntN(300), dump: 1 + x.s.rand.IntN(400), piece: 1 + x.s.rand.IntN(2000)}
	f := &feed{store: m.store, in: reader, place: reader.Place(), limits: limits, settle: m.log.Offset}
	if why != "" {
		f.phase = feedDump
		x.s.full++
	} else {
		x.s.partial++
	}
	x.s.note("node %d joins %d at %d: %q, backlog from %d", x.n, m.n, f.place, why, m.log.Info().First)
	x.feed = f
	x.in = &intake{live: dataset{x.store, x.log}, stage: func() dataset {
		return dataset{x.store.Stage(), NewBacklog(1 << 10)}
	}, adopt: func(d dataset) { x.store.Adopt(d.store); x.log.adopt(d.log) }}
	x.wire = [][]byte{answer}
}

func (x *simNode) disconnect() {
	if x.feed != nil {
		x.feed.in.Close()
	}
	x.feed, x.in, x.wire = nil, nil, nil
}

// pump lets the master send a little.
func (x *simNode) pump() {
	b, err := x.feed.next(nil, 0)
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
		if x.in.phase == intakeStream {
			h := x.log.History()
			x.stale, x.acked = false, Position{h.ID, h.Offset}
			x.check(fmt.Sprintf("after message %d", m.kind))
			if m.kind == kindStream && x.log.Offset() < before {
				x.s.failf("node %d: its offset falls from %d to %d", x.n, before, x.log.Offset())
			}
		}
	}
}

// failover makes the most advanced replica a master. The old one either lives on
// cut off, writing for a while, or restarts from its snapshot.
func (s *sim) failover() {
	var old, best *simNode
	for _, x := range s.nodes {
		switch {
		case x.master == nil:
			old = x
		case !x.stale && (best == nil || x.log.Offset() > best.log.Offset()):
			best = x
		}
	}
	if best == nil {
		return
	}
	for _, x := range s.nodes {
		if !x.stale && x.master != nil && !s.descends(best.log.History(), x.acked) {
			s.failf("node %d vouched for %v, elected node %d has only %+v", x.n, x.acked, best.n, best.log.History())
		}
	}
	best.disconnect()
	best.log.promote(0)
	best.branched()
	best.master = nil
	best.mark()
	s.promotions++
	s.note("node %d takes over from %d at %d", best.n, old.n, best.log.Offset())
	if s.rand.IntN(2) == 0 {
		for range s.rand.IntN(4) {
			old.write() // nobody will know
		}
	} else {
		for _, x := range s.nodes {
			if x.master == old {
				x.disconnect()
			}
		}
		old.boot(old.file)
		for range s.rand.IntN(3) {
			old.write() // restarted, it still believes to be the master
		}
		s.note("node %d restarted, stands at %v", old.n, old.log.standing())
	}
	for _, x := range s.nodes {
		if x != best {
			x.disconnect()
			if x.master == nil {
				x.stale = true
			}
			x.master = best
			x.log.follow()
		}
	}
}

// snapshot lets the node write a piece of its snapshot.
func (x *simNode) snapshot() {
	if x.saving == nil {
		x.saved.Reset()
		x.saving = newSnapshotWriter(dataset{x.store, x.log}, x.log.Offset, 0)
		x.saving.feed.limits = feedLimits{stream: 1 + x.s.rand.IntN(300), dump: 1 + x.s.rand.IntN(400), piece: 1 + x.s.rand.IntN(2000)}
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

func (s *sim) step() {
	x := s.nodes[s.rand.IntN(len(s.nodes))]
	switch n := s.rand.IntN(100); {
	case n < 3 && s.rand.IntN(12) == 0:
		s.failover()
	case n < 6 && x.master != nil && s.rand.IntN(8) == 0:
		s.note("node %d loses its link", x.n)
		x.disconnect()
	case n < 7 && x.master != nil && s.rand.IntN(20) == 0:
		x.disconnect()
		x.boot(x.file)
		x.log.follow()
		s.note("replica %d restarted, stands at %v", x.n, x.log.standing())
	case n < 30:
		if x.master == nil {
			x.write()
		}
	case n < 60:
		x.snapshot()
	case x.master == nil:
	case x.feed == nil:
		x.connect()
	case n < 80:
		x.pump()
	case len(x.wire) > 0:
		x.deliver()
	}
}

// settle ends all disturbance and lets everybody catch up.
func (s *sim) settle() {
	for range 3 {
		for _, x := range s.nodes {
			for round := 0; x.master != nil; round++ {
				if round > 1e6 {
					s.failf("node %d does not catch up: offset %d of %d", x.n, x.log.Offset(), x.master.log.Offset())
				}
				if x.feed == nil {
					x.connect()
				}
				if x.pump(); x.feed != nil && len(x.wire) == 0 {
					break
				}
				for x.feed != nil && len(x.wire) > 0 {
					x.deliver()
				}
			}
		}
	}
	for _, x := range s.nodes {
		if m := x.master; m != nil && (x.digest() != m.digest() || x.log.Offset() != m.log.Offset()) {
			s.failf("in the end node %d is at %d, its master %d at %d, equal: %v", x.n, x.log.Offset(), m.n, m.log.Offset(), x.digest() == m.digest())
		}
	}
}

func TestSimulation(t *testing.T) {
	seeds := 12
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil {
		seeds = n
	}
	var full, partial, promotions, snapshots int
	for seed := range seeds {
		s := newSim(t, uint64(seed), 2+seed%3)
		s.nodes[0].mark()
		for range 20 + s.rand.IntN(6000) {
			s.step()
		}
		s.settle()
		full, partial, promotions, snapshots = full+s.full, partial+s.partial, promotions+s.promotions, snapshots+s.snapshots
	}
	t.Logf("%d seeds: %d full and %d partial syncs, %d promotions, %d snapshots", seeds, full, partial, promotions, snapshots)
	if seeds >= 12 && (full == 0 || partial == 0 || promotions == 0 || snapshots == 0) {
		t.Error("the simulation does not reach what it is for")
	}
}
