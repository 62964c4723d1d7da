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
func (b *Backlog) PutMetadata(name string, data []byte) (offset int64, err error) {
	if len(name)+len(data) > maxNote {
		return 0, fmt.Errorf("replication: note %q has %d bytes, more than %d", name, len(data), maxNote)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.follower {
		return 0, errNotMaster
	}
	if bytes.Equal(b.metadata[name], data) {
		return b.ring.end, nil
	}
	b.setNoteLocked(name, data)
	if b.on.Load() {
		b.ring.addNote(name, data)
		b.end.Store(b.ring.end)
		b.wakeLocked()
	}
	return b.ring.end, nil
}

// Metadata returns all notes. Their data must not be written.
func (b *Backlog) Metadata() map[string][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.metadata)
}

// maxMetadata bounds how many notes a master may have. This release has two.
const maxMetadata = 64

// noteTaken sets a note that the master has written.
func (b *Backlog) noteTaken(name string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.metadata[name]; len(name)+len(data) > maxNote || !known && len(data) > 0 &&
		len(b.metadata) >= maxMetadata {
		return fmt.Errorf("replication: note %.40q of %d bytes after %d others: %w", name, len(data), len(b.metadata),
			frame.ErrCorrupt)
	}
	b.setNoteLocked(name, data)
	return nil
}

func (b *Backlog) setNoteLocked(name string, data []byte) {
	if len(data) == 0 {
		delete(b.metadata, name)
		return
	}
	if b.metadata == nil {
		b.metadata = make(map[string][]byte)
	}
	b.metadata[name] = slices.Clone(data)
}

// appendMetadataLocked appends the notes as messages: the beginning of a full sync.
func (b *Backlog) appendMetadataLocked(dst []byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(b.metadata)) {
		dst = appendMessage(dst, &message{kind: kindMetadata, text: name, data: b.metadata[name]})
	}
	return dst
}
