package replicator

import (
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// Backlog is a node's [replication.Stream] behind a lock, and the keyspace.Sink of its
// store, which many goroutines use:
//
//	log := replicator.NewBacklog(0)
//	store := keyspace.New(keyspace.Config{Sink: log})
//
// Until the first replica (or snapshot) asks for it, it keeps nothing and a write pays
// two atomic loads. It is safe for concurrent use.
//
// Lock order: a slot's lock, then the Backlog's. Nothing is awaited under either.
type Backlog struct {
	on       atomic.Bool   // stream.Active, to be read without the lock
	counting atomic.Bool   // changes are being counted although on is false
	changes  atomic.Uint64 // Ops since the start, while on or counting
	end      atomic.Int64  // stream.Offset, to be read without the lock
	version  atomic.Uint64 // stream.MetadataVersion, to be read without the lock

	full   atomic.Pointer[chan struct{}] // the log is too far behind; closed when it is not
	filled chan struct{}                 // see LogFull
	parted atomic.Bool                   // see LogParted

	mu      sync.Mutex // guards all below
	stream  *replication.Stream
	asleep  int // readers that wait for bytes
	readers []*reader
	logged  *replication.LogCursor // of the log on disk, nil if there is none
}

// NewBacklog returns a Backlog that keeps size bytes of history; 0 means
// replication.DefaultBacklogSize.
func NewBacklog(size int) *Backlog {
	return &Backlog{
		stream: replication.NewStream(replication.StreamConfig{Size: size, NewID: newID}),
		filled: make(chan struct{}, 1),
	}
}

// newID returns a fresh name for a history.
func newID() (id replication.ID) {
	rand.Read(id[:])
	return id
}

// publishLocked makes a change visible to those that read without the lock, and wakes
// readers.
func (b *Backlog) publishLocked() {
	b.parted.Store(b.logged != nil && b.logged.Ended()) // before an offset of the new stream is seen
	b.on.Store(b.stream.Active())
	b.end.Store(b.stream.Offset())
	b.version.Store(b.stream.MetadataVersion())
	b.wakeLocked()
}

// change makes a change of the stream.
func (b *Backlog) change(f func(s *replication.Stream)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.stream)
	b.publishLocked()
}

// SetSize changes how many bytes of history are kept; 0 means
// replication.DefaultBacklogSize.
func (b *Backlog) SetSize(size int) { b.change(func(s *replication.Stream) { s.SetSize(size) }) }

// SetOutputBuffer changes by how many bytes a replica may lag before it is cut off; 0
// means replication.DefaultOutputBuffer.
func (b *Backlog) SetOutputBuffer(limit int) {
	b.change(func(s *replication.Stream) { s.SetOutputBuffer(limit) })
}

// Commit implements keyspace.Sink.
func (b *Backlog) Commit(slot slots.Slot, ops []keyspace.Op) {
	if !b.on.Load() {
		if b.counting.Load() {
			b.changes.Add(uint64(len(ops)))
		}
		return
	}
	b.changes.Add(uint64(len(ops)))
	b.mu.Lock()
	b.stream.Commit(slot, ops)
	b.end.Store(b.stream.Offset())
	if b.logged != nil {
		b.checkLogLocked()
	}
	b.wakeLocked()
	b.mu.Unlock()
}

// Offset returns the number of bytes of the stream so far: master_repl_offset. A write is
// in the stream when its transaction has ended, so an Offset asked for after it covers
// it.
func (b *Backlog) Offset() int64 { return b.end.Load() }

// Changes returns the number of Ops since the start, of which those before CountChanges
// was switched on or the first replica came may be missing.
func (b *Backlog) Changes() uint64 { return b.changes.Load() }

// MarkChanged counts a change: the last snapshot does not have what is here.
func (b *Backlog) MarkChanged() { b.changes.Add(1) }

// CountChanges makes Changes count from now on, for rules of when to save.
func (b *Backlog) CountChanges(on bool) { b.counting.Store(on) }

// History returns where the node stands.
func (b *Backlog) History() replication.History {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stream.History()
}

// Info returns the Backlog's figures.
func (b *Backlog) Info() replication.BacklogInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stream.Info()
}

// PutMetadata is Stream.PutMetadata: it sets a note, which travels with the data, and
// returns the offset behind it. A Mark of that tells WaitAcked when replicas know. No
// data removes the note. Only a master writes notes: on a replica it returns an error.
func (b *Backlog) PutMetadata(name string, data []byte) (offset int64, err error) {
	b.change(func(s *replication.Stream) { offset, err = s.PutMetadata(name, data) })
	return offset, err
}

// Metadata returns all notes. Their data must not be written.
func (b *Backlog) Metadata() map[string][]byte {
	metadata, _ := b.VersionedMetadata()
	return metadata
}

// VersionedMetadata is Metadata with its version.
func (b *Backlog) VersionedMetadata() (metadata map[string][]byte, version uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stream.Metadata(), b.stream.MetadataVersion()
}

// MetadataVersion returns a number that grows with each change of the metadata: written
// here, carried out for the master, adopted with a full sync, or loaded. It takes no lock.
func (b *Backlog) MetadataVersion() uint64 { return b.version.Load() }

// ErrMetadataChanged is the error of UpdateMetadata after a change of the metadata.
var ErrMetadataChanged = errors.New("replication: the metadata have changed")

// UpdateMetadata is Stream.PutNotes as long as the metadata has this version. The notes
// count as changes that a snapshot has to contain.
func (b *Backlog) UpdateMetadata(version uint64, notes []replication.Note) (err error) {
	b.change(func(s *replication.Stream) {
		if s.MetadataVersion() != version {
			err = ErrMetadataChanged
			return
		}
		if _, err = s.PutNotes(notes); err == nil {
			b.changes.Add(uint64(len(notes)))
		}
	})
	return err
}

// hold keeps the Backlog of a store with so many keys on until release.
func (b *Backlog) hold(keys int) { b.change(func(s *replication.Stream) { s.Hold(keys) }) }

func (b *Backlog) release() { b.change((*replication.Stream).Release) }

// restore continues the history of a snapshot.
func (b *Backlog) restore(from *replication.Snapshot) (err error) {
	b.change(func(s *replication.Stream) {
		for name, data := range from.Metadata {
			if err = s.SetMetadata(name, data); err != nil {
				return
			}
		}
		if !from.History.ID.IsZero() {
			s.Restore(from.History)
		}
	})
	return err
}

// promote makes the node write its own stream from now on.
func (b *Backlog) promote(term uint64) (h replication.History) {
	b.change(func(s *replication.Stream) { h = s.Promote(term) })
	return h
}

func (b *Backlog) beginTerm(term uint64) {
	b.change(func(s *replication.Stream) { s.BeginTerm(term) })
}

// Renew begins another history: the node's data was replaced by what is of none.
func (b *Backlog) Renew() { b.change((*replication.Stream).Renew) }

// follow makes the node a reader of another's stream. It keeps its place.
func (b *Backlog) follow() { b.change((*replication.Stream).Follow) }

// positions returns the places at which the node may join another's stream.
func (b *Backlog) positions() []replication.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stream.Positions()
}

// followedLog is the Backlog of a replica as its applier sees it.
type followedLog struct{ *Backlog }

// Resume implements replication.Log.
func (l followedLog) Resume(h replication.History, at int64) (err error) {
	l.change(func(s *replication.Stream) { err = s.Resume(h, at) })
	return err
}

// Append implements replication.Log.
func (l followedLog) Append(records []byte) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.stream.Append(records)
	l.end.Store(l.stream.Offset())
	l.checkLogLocked()
	l.wakeLocked()
	return err
}

// SetNotes implements replication.Log.
func (l followedLog) SetNotes(notes []replication.Note) (err error) {
	l.change(func(s *replication.Stream) { err = s.SetNotes(notes) })
	return err
}

// Adopt implements replication.Log.
func (l followedLog) Adopt(gathered *replication.Stream) {
	l.change(func(s *replication.Stream) { s.Adopt(gathered) })
}
