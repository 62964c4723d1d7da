package replication

import (
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Sizes of a Stream unless told otherwise.
const (
	DefaultBacklogSize  = 1 << 20   // docs/spec.md §9.1
	DefaultOutputBuffer = 256 << 20 // as client-output-buffer-limit of replicas in Redis 7
)

// Stream is the recent history of a node: a stream of Ops, numbered by byte, of which the
// newest are kept, and the metadata that travel with them. It is the [keyspace.Sink] of
// the node's store:
//
//	stream := replication.NewStream(replication.StreamConfig{NewID: newID})
//	store := keyspace.New(keyspace.Config{Sink: stream})
//
// On a master it grows with each transaction; on a replica with the same bytes as the
// master's. Until the first replica (or snapshot) asks for it, it keeps nothing.
//
// A Stream has no lock: it is for one goroutine. For a store that several use, package
// replicator puts a lock around it (replicator.Backlog).
type Stream struct {
	newID        func() ID
	ring         ring
	hist         History // Offset is kept in ring.end
	metadata     map[string][]byte
	metadataSize int    // bytes of metadata, with what counts for each note
	notesVersion uint64 // grows with each change of metadata
	active       bool   // bytes are being kept
	follower     bool   // the stream is another node's: a Commit here is a bug
	diverged     bool   // such a Commit happened: the data is no state of hist
	keep         bool   // there was a replica once: never switch off again
	holds        int    // snapshots that need the Stream to be active
	logs         []*LogCursor
}

// StreamConfig configures a Stream.
type StreamConfig struct {
	Size         int // bytes of history to keep; 0: DefaultBacklogSize
	OutputBuffer int // bytes by which a reader may lag before it is cut off; 0: DefaultOutputBuffer
	// NewID returns a name that no history has yet: 20 random bytes. nil: the histories of
	// this Stream have no name, so that every replica gets a full sync.
	NewID func() ID
}

// NewStream returns an empty Stream of a master.
func NewStream(cfg StreamConfig) *Stream {
	if cfg.NewID == nil {
		cfg.NewID = func() (none ID) { return none }
	}
	s := &Stream{newID: cfg.NewID, hist: History{ID: cfg.NewID(), Term: 1}}
	s.SetSize(cfg.Size)
	s.SetOutputBuffer(cfg.OutputBuffer)
	return s
}

// SetSize changes how many bytes of history are kept; 0 means DefaultBacklogSize.
func (s *Stream) SetSize(size int) {
	if size <= 0 {
		size = DefaultBacklogSize
	}
	s.ring.size = int64(size)
	s.ring.trim()
}

// SetOutputBuffer changes by how many bytes a reader may lag before it is cut off; 0
// means DefaultOutputBuffer.
func (s *Stream) SetOutputBuffer(limit int) {
	if limit <= 0 {
		limit = DefaultOutputBuffer
	}
	s.ring.limit = int64(limit)
}

// Commit implements keyspace.Sink.
func (s *Stream) Commit(_ slots.Slot, ops []keyspace.Op) {
	switch {
	case s.follower:
		s.diverge()
	case s.active:
		s.ring.add(ops)
	}
}

// diverge notes that the data is no state of the history any more. The link to the master
// ends with its next message.
func (s *Stream) diverge() {
	if !s.diverged {
		s.diverged = true
		s.cut(ErrRenamed) // a snapshot on its way would bear a wrong name
	}
}

// Offset returns the number of bytes of the stream so far: master_repl_offset. A write is
// in the stream when its transaction has ended, so an Offset asked for after it covers
// it.
func (s *Stream) Offset() int64 { return s.ring.end }

// Active reports whether the Stream keeps bytes.
func (s *Stream) Active() bool { return s.active }

// Follower reports whether the stream is another node's.
func (s *Stream) Follower() bool { return s.follower }

// History returns where the node stands.
func (s *Stream) History() History {
	h := s.hist
	h.Offset = s.ring.end
	return h
}

// Positions returns the places at which the node may join another's stream: none if its
// data is no state of its history.
func (s *Stream) Positions() []Position {
	if s.diverged {
		return nil
	}
	return s.History().Positions()
}

// BacklogInfo is what INFO shows about the bytes that a Stream holds.
type BacklogInfo struct {
	Active bool
	Size   int64 // bytes of history to keep
	First  int64 // offset of the oldest byte held
	Len    int64 // bytes held
}

// Info returns the Stream's figures.
func (s *Stream) Info() BacklogInfo {
	return BacklogInfo{s.active, s.ring.size, s.ring.start(), s.ring.end - s.ring.start()}
}

// start makes the Stream of a store with so many keys active. Writes have gone uncounted,
// so what was known of the history is void. The uncounted past counts as one byte:
// elections compare offsets, and a node that lost that past must not compare equal to
// those that have it.
func (s *Stream) start(keys int) {
	if s.active {
		return
	}
	end := s.ring.end
	if keys > 0 || end > 0 {
		end++
	}
	s.reset(History{ID: s.newID(), Offset: end, Term: s.hist.Term})
	s.active = true
}

// Hold keeps the Stream of a store with so many keys active until Release, for a
// snapshot.
func (s *Stream) Hold(keys int) {
	s.start(keys)
	s.holds++
}

// Release takes back a Hold. If nothing else needs the Stream, it keeps nothing any more.
func (s *Stream) Release() {
	if s.holds--; s.holds == 0 && !s.keep {
		s.active = false
		s.reset(History{ID: s.newID(), Offset: s.ring.end, Term: s.hist.Term})
	}
}

// ErrRenamed cuts off readers when the history that they read is given up.
var ErrRenamed = errors.New("replication: the node's history has changed")

// Restore continues a history that was read from a snapshot. The node goes on under a new
// name, because other nodes may go on from the same place.
func (s *Stream) Restore(h History) {
	s.reset(h.renamed(s.newID()))
	s.keep = true
	s.active = true
}

// Renew begins another history, as one byte of the last: the store's content was replaced by
// what came from elsewhere.
func (s *Stream) Renew() {
	if s.active {
		s.reset(History{ID: s.newID(), Offset: s.ring.end + 1, Term: s.hist.Term})
	}
}

// Promote makes the node write its own stream from now on, in term if that is greater
// than all it knows of. Its past stays known under the old name (docs/spec.md §9.2). On a
// master it changes nothing.
func (s *Stream) Promote(term uint64) History {
	if s.follower {
		if s.diverged {
			s.reset(History{Offset: s.ring.end, Term: s.hist.Term})
		}
		s.cut(ErrRenamed) // a snapshot on its way bears the old name
		s.hist = s.History().renamed(s.newID())
		s.hist.Term = min(max(s.hist.Term+1, term), maxOffset)
		s.noteRename()
		s.follower, s.diverged = false, false
	}
	return s.History()
}

// BeginTerm makes a master's next write the first one of a term that is greater than all
// it knows of. On a replica it changes nothing.
func (s *Stream) BeginTerm(term uint64) {
	if !s.follower {
		s.hist.Term = max(s.hist.Term+1, term)
		s.noteRename()
	}
}

// Follow makes the node a reader of another's stream. It keeps its place.
func (s *Stream) Follow() {
	s.start(0) // whatever it holds is about to be replaced
	s.keep = true
	if !s.follower {
		s.follower = true
		s.cut(ErrRenamed)
	}
}

// Resume implements Log: it takes over the names of the master's history, in which the
// node's place is.
func (s *Stream) Resume(h History, at int64) error {
	switch {
	case s.diverged:
		return errDiverged
	case at != s.ring.end:
		return fmt.Errorf("replication: the master resumes at offset %d, this replica is at %d", at, s.ring.end)
	}
	if s.hist.ID != h.ID {
		s.cut(ErrRenamed)
	}
	s.hist = h
	s.noteRename()
	return nil
}

// errDiverged ends a link when something wrote to a replica past its master.
var errDiverged = errors.New("replication: this replica's data was changed by somebody else than its master: it " +
	"needs a full sync")

// Append implements Log: it adds whole records of the master's stream.
func (s *Stream) Append(records []byte) error {
	if s.diverged {
		return errDiverged
	}
	s.ring.addBytes(records)
	return nil
}

// begin makes the Stream an empty one at the place from which on a full sync is streamed.
func (s *Stream) begin(h History) {
	s.reset(h)
	s.follower, s.keep, s.active = true, true, true
}

// Adopt implements Log: it takes over the history and the bytes of a Stream in which a
// full sync was gathered. That one must not be used again.
func (s *Stream) Adopt(gathered *Stream) {
	held := gathered.ring
	s.reset(gathered.History())
	s.ring.first, s.ring.last, s.ring.end = held.first, held.last, held.end
	s.diverged = false
	s.metadata, s.metadataSize = gathered.metadata, gathered.metadataSize
	s.notesVersion++
}

func (s *Stream) reset(h History) {
	s.ring.reset(h.Offset, ErrRenamed)
	s.logs = nil
	s.hist = h
}

// cut ends all readers but logs: their next read returns err.
func (s *Stream) cut(err error) {
	for _, c := range s.ring.readers {
		if c.err == nil && !c.kept {
			c.err = err
		}
	}
}
