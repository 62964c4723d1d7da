package replication

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// Metadata are small named facts that belong to a shard's data without being keys: which
// slots are open, which jobs are on their way. They travel in the stream, in full syncs
// and in snapshots, in order with the Ops around them, so that a promoted replica can go
// on with what its master had begun.

// maxNote bounds a note's name and data together, in bytes.
const maxNote = maxPiece / 2

// PutMetadata sets a note, nil data removes it. It returns the offset behind it: a Mark
// of that tells WaitAcked when replicas know. Only a master writes notes; it returns an
// error on a replica. A note that says what is known already writes nothing: a master
// that restarts and repeats what it loaded must not leave its place in history, where it
// could resume.
func (s *Stream) PutMetadata(name string, data []byte) (offset int64, err error) {
	if len(name)+len(data) > maxNote {
		return 0, fmt.Errorf("replication: note %q has %d bytes, more than %d", name, len(data), maxNote)
	}
	if s.follower {
		return 0, ErrNotMaster
	}
	if bytes.Equal(s.metadata[name], data) {
		return s.ring.end, nil
	}
	s.setMetadata(name, data)
	if s.active {
		s.ring.addNote(name, data)
	}
	return s.ring.end, nil
}

// Metadata returns all notes. Their data must not be written.
func (s *Stream) Metadata() map[string][]byte {
	return maps.Clone(s.metadata)
}

// maxMetadata bounds how many notes a master may have. This release has two, and one for
// each 64 slots that a replica was promised to hold: 258 at most.
const maxMetadata = 320

// SetMetadata sets a note that the master has written.
func (s *Stream) SetMetadata(name string, data []byte) error {
	if _, known := s.metadata[name]; len(name)+len(data) > maxNote || !known && len(data) > 0 &&
		len(s.metadata) >= maxMetadata {
		return fmt.Errorf("replication: note %.40q of %d bytes after %d others: %w", name, len(data), len(s.metadata),
			frame.ErrCorrupt)
	}
	s.setMetadata(name, data)
	return nil
}

func (s *Stream) setMetadata(name string, data []byte) {
	if len(data) == 0 {
		delete(s.metadata, name)
		return
	}
	if s.metadata == nil {
		s.metadata = make(map[string][]byte)
	}
	s.metadata[name] = slices.Clone(data)
}

// appendMetadata appends the notes as messages: the beginning of a full sync.
func (s *Stream) appendMetadata(dst []byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(s.metadata)) {
		dst = AppendMessage(dst, &Message{Kind: KindMetadata, Text: name, Data: s.metadata[name]})
	}
	return dst
}
