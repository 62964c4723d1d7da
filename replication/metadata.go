package replication

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// Metadata are named facts that belong to a shard's data without being keys: which slots
// are open, which jobs are on their way, the sources of functions. They travel in the
// stream, in full syncs and in snapshots, in order with the Ops around them, so that a
// promoted replica can go on with what its master had begun.

// Note is one piece of metadata; no data removes it.
type Note struct {
	Name string
	Data []byte
}

// The bounds of metadata, in bytes.
const (
	// MaxNote bounds a note's name and data together.
	MaxNote = 16 << 20
	// maxNoteName bounds the name: every piece of a long note repeats it.
	maxNoteName = 64 << 10
	// maxMetadata bounds all notes of a node; each counts noteOverhead more than it has.
	maxMetadata  = 64 << 20
	noteOverhead = 64
)

// PutMetadata is PutNotes for a single note.
func (s *Stream) PutMetadata(name string, data []byte) (offset int64, err error) {
	return s.PutNotes([]Note{{name, data}})
}

// PutNotes changes notes, all in one record of the stream. It returns the offset behind
// it: a Mark of that tells WaitAcked when replicas know. Only a master writes notes; it
// returns an error on a replica. Notes that say what is known already are not written: a
// master that restarts and repeats what it loaded must not leave its place in history,
// where it could resume.
func (s *Stream) PutNotes(notes []Note) (offset int64, err error) {
	if s.follower {
		return 0, ErrNotMaster
	}
	if err := s.checkNotes(notes); err != nil {
		return 0, err
	}
	var changed []Note
	for _, n := range notes {
		if !bytes.Equal(s.metadata[n.Name], n.Data) {
			s.setMetadata(n)
			changed = append(changed, n)
		}
	}
	if s.active && len(changed) > 0 {
		s.ring.addNotes(changed)
	}
	return s.ring.end, nil
}

// Metadata returns all notes. Their data must not be written.
func (s *Stream) Metadata() map[string][]byte {
	return maps.Clone(s.metadata)
}

// MetadataVersion returns a number that grows with each change of the metadata.
func (s *Stream) MetadataVersion() uint64 { return s.notesVersion }

// SetMetadata is SetNotes for a single note.
func (s *Stream) SetMetadata(name string, data []byte) error {
	return s.SetNotes([]Note{{name, data}})
}

// SetNotes changes notes as the master has. The error matches ErrCorrupt: no master has
// notes beyond the bounds.
func (s *Stream) SetNotes(notes []Note) error {
	if err := s.checkNotes(notes); err != nil {
		return fmt.Errorf("%w: %w", err, frame.ErrCorrupt)
	}
	for _, n := range notes {
		s.setMetadata(n)
	}
	return nil
}

// checkNotes refuses notes with which there would be too much metadata.
func (s *Stream) checkNotes(notes []Note) error {
	size := s.metadataSize
	for _, n := range notes {
		if len(n.Name) > maxNoteName || n.size() > MaxNote {
			return fmt.Errorf("replication: a note %.40q of %d bytes, with a name of %d, is too long: at most %d and %d",
				n.Name, n.size(), len(n.Name), MaxNote, maxNoteName)
		}
		if len(n.Data) > 0 {
			size += n.size() + noteOverhead
		}
		if old := s.metadata[n.Name]; len(old) > 0 {
			size -= len(n.Name) + len(old) + noteOverhead
		}
	}
	if size > maxMetadata {
		return fmt.Errorf("replication: with note %.40q all notes would have %d bytes, more than %d", notes[0].Name, size,
			maxMetadata)
	}
	return nil
}

func (n *Note) size() int { return len(n.Name) + len(n.Data) }

func (s *Stream) setMetadata(n Note) {
	s.notesVersion++
	if old := s.metadata[n.Name]; len(old) > 0 {
		s.metadataSize -= len(n.Name) + len(old) + noteOverhead
		delete(s.metadata, n.Name)
	}
	if len(n.Data) == 0 {
		return
	}
	if s.metadata == nil {
		s.metadata = make(map[string][]byte)
	}
	s.metadata[n.Name] = slices.Clone(n.Data)
	s.metadataSize += n.size() + noteOverhead
}

// appendMetadata appends the notes as messages, a long one in pieces: the beginning of a
// full sync.
func (s *Stream) appendMetadata(dst []byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(s.metadata)) {
		m := Message{Kind: KindMetadata, Text: name, Flags: FlagMore}
		data, piece := s.metadata[name], maxPiece-len(name)
		for len(data) > piece {
			m.Data, data = data[:piece], data[piece:]
			dst = AppendMessage(dst, &m)
		}
		m.Data, m.Flags = data, 0
		dst = AppendMessage(dst, &m)
	}
	return dst
}

// gatherNote takes a note, or a piece of one, that a full sync begins with.
func (in *Applier) gatherNote(m *Message) error {
	if in.phase != PhaseFull {
		return unexpected("a note")
	}
	data := m.Data
	if len(in.note.Data) > 0 {
		if m.Text != in.note.Name || len(in.note.Data)+len(data) > MaxNote {
			return unexpected(fmt.Sprintf("a piece of note %.40q", m.Text))
		}
		data = append(in.note.Data, data...)
	}
	if m.Flags&FlagMore != 0 {
		in.note = Note{m.Text, append([]byte(nil), data...)}
		return nil
	}
	in.note = Note{}
	return in.into.log.SetNotes([]Note{{m.Text, data}})
}

// noteRecord carries out a record of notes.
func (in *Applier) noteRecord(body []byte) error {
	var notes []Note
	r := newReader(body)
	for done := false; !done; done = len(r.Remaining()) == 0 {
		notes = append(notes, Note{string(r.Bytes("name")), r.Bytes("metadata")})
		if r.Err() != nil {
			return r.Err()
		}
	}
	return in.into.log.SetNotes(notes)
}
