package replication

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Sizes of a Backlog unless told otherwise.
const (
	DefaultBacklogSize  = 1 << 20   // docs/spec.md §9.1
	DefaultOutputBuffer = 256 << 20 // as client-output-buffer-limit of replicas in Redis 7
)

// Backlog is the recent history of a node: a stream of Ops, numbered by byte, of
// which the newest are kept. It is the keyspace.Sink of the node's store:
//
//	log := replication.NewBacklog(0)
//	store := keyspace.New(keyspace.Config{Sink: log})
//
// On a master it grows with each transaction; on a replica with the same bytes as
// the master's. Until the first replica (or snapshot) asks for it, it keeps nothing
// and a write pays two atomic loads. It is safe for concurrent use.
//
// Lock order: a slot's lock, then the Backlog's. Nothing is awaited under either.
type Backlog struct {
	on       atomic.Bool   // bytes are being kept
	counting atomic.Bool   // changes are being counted although on is false
	changes  atomic.Uint64 // Ops since the start, while on or counting
	end      atomic.Int64  // ring.end, to be read without the lock

	mu       sync.Mutex // guards all below
	ring     ring
	hist     History // Offset is kept in ring.end
	metadata map[string][]byte
	follower bool // the stream is another node's: a Commit here is a bug
	diverged bool // such a Commit happened: the data is no state of hist
	keep     bool // there was a replica once: never switch off again
	users    int  // snapshots that need the Backlog to be on
	asleep   int  // readers that wait for bytes
	readers  []*Reader
}

// NewBacklog returns a Backlog that keeps size bytes of history; 0 means
// DefaultBacklogSize.
func NewBacklog(size int) *Backlog {
	b := &Backlog{ring: ring{limit: DefaultOutputBuffer}, hist: History{ID: newID(), Term: 1}}
	b.SetSize(size)
	return b
}

// SetSize changes how many bytes of history are kept; 0 means DefaultBacklogSize.
func (b *Backlog) SetSize(size int) {
	if size <= 0 {
		size = DefaultBacklogSize
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ring.size = int64(size)
	b.ring.trim()
}

// SetOutputBuffer changes by how many bytes a replica may lag before it is cut
// off; 0 means DefaultOutputBuffer.
func (b *Backlog) SetOutputBuffer(limit int) {
	if limit <= 0 {
		limit = DefaultOutputBuffer
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ring.limit = int64(limit)
}

// Commit implements keyspace.Sink.
func (b *Backlog) Commit(_ slots.Slot, ops []keyspace.Op) {
	if !b.on.Load() {
		if b.counting.Load() {
			b.changes.Add(uint64(len(ops)))
		}
		return
	}
	b.changes.Add(uint64(len(ops)))
	b.mu.Lock()
	switch {
	case b.follower:
		b.divergeLocked()
	case b.on.Load():
		b.ring.add(ops)
		b.end.Store(b.ring.end)
		b.wakeLocked()
	}
	b.mu.Unlock()
}

// divergeLocked notes that the data is no state of the history any more. The link
// to the master ends with its next message.
func (b *Backlog) divergeLocked() {
	if !b.diverged {
		b.diverged = true
		b.cutLocked(errRenamed) // a snapshot on its way would bear a wrong name
	}
}

// Offset returns the number of bytes of the stream so far: master_repl_offset. A
// write is in the stream when its transaction has ended, so an Offset asked for
// after it covers it.
func (b *Backlog) Offset() int64 { return b.end.Load() }

// Changes returns the number of Ops since the start, of which those before
// CountChanges was switched on or the first replica came may be missing.
func (b *Backlog) Changes() uint64 { return b.changes.Load() }

// CountChanges makes Changes count from now on, for rules of when to save.
func (b *Backlog) CountChanges(on bool) { b.counting.Store(on) }

// History returns where the node stands.
func (b *Backlog) History() History {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.historyLocked()
}

func (b *Backlog) historyLocked() History {
	h := b.hist
	h.Offset = b.ring.end
	return h
}

// BacklogInfo is what INFO shows about a Backlog.
type BacklogInfo struct {
	Active bool
	Size   int64 // bytes of history to keep
	First  int64 // offset of the oldest byte held
	Len    int64 // bytes held
}

// Info returns the Backlog's figures.
func (b *Backlog) Info() BacklogInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	return BacklogInfo{b.on.Load(), b.ring.size, b.ring.start(), b.ring.end - b.ring.start()}
}

// newID returns a fresh name for a history.
func newID() ID {
	var id ID
	rand.Read(id[:])
	return id
}

// startLocked switches the Backlog on for a store of so many keys. Writes have gone
// uncounted, so what was known of the history is void. The uncounted past counts as one
// byte: a node that lost it must not stand where those do who have it, for elections
// compare offsets.
func (b *Backlog) startLocked(keys int) {
	if b.on.Load() {
		return
	}
	end := b.ring.end
	if keys > 0 || end > 0 {
		end++
	}
	b.resetLocked(History{ID: newID(), Offset: end, Term: b.hist.Term})
	b.on.Store(true)
}

// use keeps the Backlog of a store with so many keys on until release.
func (b *Backlog) use(keys int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.startLocked(keys)
	b.users++
}

func (b *Backlog) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users--; b.users == 0 && !b.keep {
		b.on.Store(false)
		b.resetLocked(History{ID: newID(), Offset: b.ring.end, Term: b.hist.Term})
	}
}

// errRenamed cuts off readers when the history they read is given up.
var errRenamed = errors.New("replication: the node's history has changed")

// restore continues a history that was read from a file. The node goes on
// under a new name, see History.renamed.
func (b *Backlog) restore(h History) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resetLocked(h.renamed(newID()))
	b.keep = true
	b.on.Store(true)
}

// promote makes the node write its own stream from now on, in term if that is greater
// than all it knows of. Its past stays known under the old name (docs/spec.md §9.2).
func (b *Backlog) promote(term uint64) History {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.follower {
		if b.diverged {
			b.resetLocked(History{Offset: b.ring.end, Term: b.hist.Term})
		}
		b.cutLocked(errRenamed) // a snapshot on its way bears the old name
		b.hist = b.historyLocked().renamed(newID())
		b.hist.Term = min(max(b.hist.Term+1, term), maxOffset)
		b.follower, b.diverged = false, false
	}
	return b.historyLocked()
}

// beginTerm makes a master's next write the first one of a term that is greater than all
// it knows of.
func (b *Backlog) beginTerm(term uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.follower {
		b.hist.Term = max(b.hist.Term+1, term)
	}
}

// follow makes the node a reader of another's stream. It keeps its place.
func (b *Backlog) follow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.startLocked(0) // whatever it holds is about to be replaced
	b.keep = true
	if !b.follower {
		b.follower = true
		b.cutLocked(errRenamed)
	}
}

// isFollower reports whether the stream is another node's.
func (b *Backlog) isFollower() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.follower
}

// standing returns the places at which the node may join another's stream.
func (b *Backlog) standing() []Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.diverged {
		return nil
	}
	return b.historyLocked().Positions()
}

// resume takes over the names of the master's history; the node's place is in it.
func (b *Backlog) resume(h History, at int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.diverged:
		return errDiverged
	case at != b.ring.end:
		return fmt.Errorf("replication: the master resumes at offset %d, this replica stands at %d", at, b.ring.end)
	}
	if b.hist.ID != h.ID {
		b.cutLocked(errRenamed)
	}
	b.hist = h
	return nil
}

// errDiverged ends a link when something wrote to a replica past its master.
var errDiverged = errors.New("replication: this replica's data was changed by somebody else than its master: it " +
	"needs a full sync")

// append adds whole records of the master's stream.
func (b *Backlog) append(raw []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.diverged {
		return errDiverged
	}
	b.ring.addBytes(raw)
	b.end.Store(b.ring.end)
	b.wakeLocked()
	return nil
}

// begin starts an empty Backlog at the place from which on a full sync is streamed.
func (b *Backlog) begin(h History) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resetLocked(h)
	b.follower, b.keep = true, true
	b.on.Store(true)
}

func (b *Backlog) resetLocked(h History) {
	b.cutLocked(errRenamed)
	b.ring.reset(h.Offset, errRenamed)
	b.hist = h
	b.end.Store(h.Offset)
}

// adopt takes over the history and the bytes of staged, which is not used again.
func (b *Backlog) adopt(staged *Backlog) {
	staged.mu.Lock()
	h, held, metadata := staged.historyLocked(), staged.ring, staged.metadata
	staged.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resetLocked(h)
	b.ring.first, b.ring.last, b.ring.end = held.first, held.last, held.end
	b.end.Store(b.ring.end)
	b.diverged, b.metadata = false, metadata
}
