package replication

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

// A snapshot is a full sync into a file: 8 bytes of magic with the version of the format,
// then the messages that a replica would get, each in a checksummed frame, up to and
// including kindSynced. So the file holds the state at exactly one place in history,
// although it was written while the node served.
const snapshotMagic = "SMSNAP1\n"

// snapshotWriter yields the bytes of a snapshot. It is passive.
type snapshotWriter struct {
	log    *Backlog
	sender sender
	head   []byte // what comes first, nil when it is out
}

// newSnapshotWriter starts a snapshot of d; settle returns the offset that covers what the
// store has shown so far, keys is about how many keys there are. Close it in the end.
func newSnapshotWriter(d dataset, cover func() int64, keys int) *snapshotWriter {
	d.log.use(keys)
	reader, head := d.log.open(keys)
	w := &snapshotWriter{log: d.log, head: head}
	w.sender = sender{store: d.store, in: reader, offset: reader.Offset(), cover: cover, limits: defaultLimits,
		phase: senderDump}
	return w
}

// next appends the bytes that follow. Its errors are final: the node's history was
// replaced, or more was written in the meantime than the output buffer holds.
func (w *snapshotWriter) next(dst []byte) (b []byte, done bool, err error) {
	if w.head != nil {
		dst, w.head = append(dst, w.head...), nil
		return dst, false, nil
	}
	dst, err = w.sender.next(dst, 0)
	return dst, err == nil && w.sender.phase == senderStream, err
}

func (w *snapshotWriter) close() {
	w.sender.in.Close()
	w.log.release()
}

// SnapshotError says what is wrong with a snapshot, and where.
type SnapshotError struct {
	Slot   slots.Slot // whose data was being read; some of a few slots behind it may be meant
	Offset int64      // in bytes from the beginning of the file
	Err    error
}

func (e *SnapshotError) Error() string {
	return fmt.Sprintf("damaged at byte %d, in the data of slot %d: %v", e.Offset, e.Slot, e.Err)
}

// Unwrap returns what is wrong; it matches frame.ErrCorrupt.
func (e *SnapshotError) Unwrap() error { return e.Err }

// errCutShort says that a snapshot ends too early.
var errCutShort = fmt.Errorf("the file is cut short: %w", frame.ErrCorrupt)

// readSnapshot loads a snapshot into d, which must be new, and returns the name of its
// shard. progress is called now and then if not nil. After an error, d is of no use. The
// errors are *SnapshotError or those of reading.
func readSnapshot(file io.Reader, d dataset, progress func(Progress)) (shard []byte, err error) {
	at := newCountingReader(file)
	staged := NewBacklog(minBlock) // of the file's history only the end is of interest
	in := applier{stage: func() dataset { return dataset{d.store, staged} }, adopt: func(dataset) {}, through: -1}
	in.live = dataset{d.store, staged}
	shard, err = in.load(at, progress)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errCutShort
		}
		if errors.Is(err, frame.ErrCorrupt) {
			err = &SnapshotError{Slot: slots.Slot(max(in.through, 0)), Offset: at.offset(), Err: err}
		}
		return nil, err
	}
	for name, data := range staged.Metadata() {
		if err := d.log.noteTaken(name, data); err != nil {
			return nil, err
		}
	}
	if h := staged.History(); !h.ID.IsZero() {
		d.log.restore(h)
	}
	return shard, nil
}

func (in *applier) load(at *countingReader, progress func(Progress)) (shard []byte, err error) {
	var magic [len(snapshotMagic)]byte
	if _, err := io.ReadFull(at, magic[:]); err != nil {
		return nil, err
	}
	if string(magic[:]) != snapshotMagic {
		return nil, fmt.Errorf("the file starts with %q, not with %q; it is no snapshot of this version: %w", magic,
			snapshotMagic, frame.ErrCorrupt)
	}
	frames := frame.NewReader(at.Reader, maxMessage)
	var m message
	for n := 0; in.phase != applierStream; n++ {
		b, err := frames.Next()
		if err != nil {
			return nil, err
		}
		if err := decodeMessage(b, &m); err != nil {
			return nil, err
		}
		if m.kind == kindShard {
			shard = bytes.Clone(m.data)
		}
		if m.kind == kindResume || m.kind == kindRefuse {
			return nil, unexpected(fmt.Sprintf("a message of kind %d", m.kind))
		}
		if err := in.step(&m); err != nil {
			return nil, err
		}
		if progress != nil && n%64 == 0 {
			progress(in.progress())
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
