package replication

import (
	"encoding/binary"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
)

// Replay carries out a log on disk: what the stream brought after a base, the snapshot with
// which the log begins. It is passive and for one goroutine.
type Replay struct {
	in       Applier
	gathered *Stream
}

// NewReplay returns a Replay for a store into which base has been read by ReadSnapshot.
// size is how many bytes of history are kept, see StreamConfig.
func NewReplay(store *keyspace.Store, base Snapshot, size int) (*Replay, error) {
	gathered := NewStream(StreamConfig{Size: size})
	for name, data := range base.Metadata {
		if err := gathered.SetMetadata(name, data); err != nil {
			return nil, err
		}
	}
	gathered.begin(base.History)
	d := dataset{store, gathered}
	return &Replay{
		in:       Applier{live: d, into: d, phase: PhaseStream, offset: base.History.Offset},
		gathered: gathered,
	}, nil
}

// Append carries out bytes of the stream, the first of which has this offset. What the base
// contains already is passed over. Of a record that ends in later bytes nothing is done
// until they come. The error matches ErrCorrupt if the bytes are no records, or do not
// follow those before.
func (r *Replay) Append(offset int64, data []byte) error {
	end := offset + int64(len(data))
	switch {
	case end <= r.in.offset:
		return nil
	case offset > r.in.offset:
		return fmt.Errorf("replication: the log goes on at offset %d instead of %d: %w", offset, r.in.offset,
			frame.ErrCorrupt)
	}
	return r.in.stream(&Message{Offset: r.in.offset, Data: data[r.in.offset-offset:]})
}

// Rename says that the history is called otherwise from name.Offset on. A name from before
// the base is passed over: the base has a later one.
func (r *Replay) Rename(name History) error {
	if name.Offset < r.in.offset {
		return nil
	}
	return r.gathered.Resume(name, name.Offset)
}

// Stream returns the place that has been reached, behind the last whole record, with the
// metadata and the newest bytes: see Stream.RestoreLog.
func (r *Replay) Stream() *Stream { return r.gathered }

// Incomplete returns how many bytes of a record have come whose end has not.
func (r *Replay) Incomplete() int { return len(r.in.part) }

// Records returns how many records were carried out.
func (r *Replay) Records() int64 { return r.in.records }

// CountRecords counts the records that begin in b, whose content is not looked at. missing
// is how many bytes the record has that began before b; that of the last record of b is
// returned, or -1 if it cannot be told.
func CountRecords(b []byte, missing int) (n, missingNow int) {
	for missing < len(b) {
		b = b[missing:]
		if b[0] != ext32 {
			return n, -1
		}
		if n++; len(b) < recordHeader {
			return n, -1
		}
		missing = recordHeader + int(binary.BigEndian.Uint32(b[1:]))
	}
	return n, missing - len(b)
}

// RestoreLog continues the history of a log, which a Replay has gathered in a Stream that
// must not be used again. The node goes on under a new name, because other nodes may go on
// from the same place; those that are a little behind find what they need in the bytes that
// the log brought.
func (s *Stream) RestoreLog(gathered *Stream) {
	s.Adopt(gathered)
	s.hist = s.History().renamed(s.newID())
	s.keep, s.active = true, true
}
