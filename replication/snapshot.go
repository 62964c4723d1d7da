package replication

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A snapshot is a full sync into a file: 8 bytes of magic with the version of the format,
// then the messages that a replica would get, each in a checksummed frame, up to and
// including KindSynced. So the file holds the state at exactly one place in history,
// although it was written while the node served.
const snapshotMagic = "SMSNAP1\n"

// SnapshotError says what is wrong with a snapshot, and where.
type SnapshotError struct {
	Slot   slots.Slot // whose data was being read; some of a few slots behind it may be meant
	Offset int64      // in bytes from the beginning of the file
	Err    error
}

func (e *SnapshotError) Error() string {
	return fmt.Sprintf("damaged at byte %d, in the data of slot %d: %v", e.Offset, e.Slot, e.Err)
}

// Unwrap returns what is wrong; it matches [ErrCorrupt].
func (e *SnapshotError) Unwrap() error { return e.Err }

// errCutShort says that a snapshot ends too early.
var errCutShort = fmt.Errorf("the file is cut short: %w", frame.ErrCorrupt)

// Snapshot is what a snapshot says beside the keys.
type Snapshot struct {
	Shard    []byte            // the shard whose data it is, nil if that was not known
	History  History           // of the data; a zero ID if no other node can know its place
	Metadata map[string][]byte // see Stream.PutMetadata
}

// ReadSnapshot loads the keys of a snapshot into store, which must be new. progress is
// called now and then if not nil. After an error, store is of no use. The errors are
// *SnapshotError or those of reading.
//
// For the node to come back at its place in history, its Stream must be given the
// Metadata (SetMetadata), then the History unless its ID is zero (Restore).
func ReadSnapshot(file io.Reader, store *keyspace.Store, progress func(Progress)) (Snapshot, error) {
	at := newCountingReader(file)
	stream := NewStream(StreamConfig{Size: minBlock}) // of the file's history only the end is of interest
	d := dataset{store, stream}
	in := Applier{live: d, stage: func() (dataset, *Stream) { return d, stream }, through: -1}
	shard, err := in.load(at, progress)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errCutShort
		}
		if errors.Is(err, frame.ErrCorrupt) {
			err = &SnapshotError{Slot: slots.Slot(max(in.through, 0)), Offset: at.offset(), Err: err}
		}
		return Snapshot{}, err
	}
	return Snapshot{shard, stream.History(), stream.Metadata()}, nil
}

func (in *Applier) load(at *countingReader, progress func(Progress)) (shard []byte, err error) {
	var magic [len(snapshotMagic)]byte
	if _, err := io.ReadFull(at, magic[:]); err != nil {
		return nil, err
	}
	if string(magic[:]) != snapshotMagic {
		return nil, fmt.Errorf("the file starts with %q, not with %q; it is no snapshot of this version: %w", magic,
			snapshotMagic, frame.ErrCorrupt)
	}
	messages := NewMessageReader(at.Reader, MaxMessage)
	var m Message
	for n := 0; in.phase != PhaseStream; n++ {
		if err := messages.Next(&m); err != nil {
			return nil, err
		}
		if m.Kind == KindShard {
			shard = bytes.Clone(m.Data)
		}
		if m.Kind == KindResume || m.Kind == KindRefuse {
			return nil, unexpected(fmt.Sprintf("a message of kind %d", m.Kind))
		}
		if err := in.Step(&m); err != nil {
			return nil, err
		}
		if progress != nil && n%64 == 0 {
			progress(in.Progress())
		}
	}
	if _, err := at.Read(magic[:1]); err != io.EOF {
		return nil, fmt.Errorf("there are bytes behind the end: %w", frame.ErrCorrupt)
	}
	return shard, nil
}

// countingReader knows how many bytes were read from it.
type countingReader struct {
	*bufio.Reader
	from counter
}

type counter struct {
	r io.Reader
	n int64
}

func newCountingReader(r io.Reader) *countingReader {
	c := &countingReader{from: counter{r: r}}
	c.Reader = bufio.NewReaderSize(&c.from, 256<<10)
	return c
}

// offset returns the offset of the next byte.
func (c *countingReader) offset() int64 { return c.from.n - int64(c.Buffered()) }

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
