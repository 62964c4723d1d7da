package oplog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// Options are settings of Load.
type Options struct {
	BacklogSize int  // bytes of the stream to keep in memory; 0: replication.DefaultBacklogSize
	RefuseTorn  bool // a torn end is an error (a *DamageError) instead of being cut
	// Progress is called now and then if not nil.
	Progress func(Progress)
}

// Progress is how far Load is.
type Progress struct {
	Base replication.Progress
	Read int64 // bytes of the segments
}

// Loaded is what Load has read, beside the keys.
type Loaded struct {
	// Stream is at the place that was reached, behind the last whole record. It has the
	// metadata and the newest bytes: see Stream.RestoreLog.
	Stream *replication.Stream
	Shard  []byte // see replication.Snapshot
	Torn   *Torn  // what was cut off; nil: the log was whole

	BaseSize int64 // bytes
	Size     int64 // bytes of the segments, with what was cut off
	Records  int64 // of the segments that were carried out

	base     uint64
	baseAt   int64 // stream offset of the base
	segments []segmentInfo
	tail     tail // of the last segment
}

// Load reads a log into store, which must be new. The error matches fs.ErrNotExist if there
// is no log, and is a *DamageError if files are damaged; the files are left as they are.
// After an error, store is of no use.
func Load(disk storage.Disk, store *keyspace.Store, opt Options) (*Loaded, error) {
	l := newLoader(disk, store, opt)
	m, err := readManifest(disk)
	if err != nil {
		return nil, err
	}
	if err := l.readBase(m.base); err != nil {
		return nil, err
	}
	if err := l.readSegments(m.segments); err != nil {
		return nil, err
	}
	l.Stream, l.Records = l.replay.Stream(), l.replay.Records()
	return &l.Loaded, nil
}

// loader is a Load that is under way.
type loader struct {
	Loaded
	disk     storage.Disk
	store    *keyspace.Store
	opt      Options
	buf      *bufio.Reader
	replay   *replication.Replay
	progress Progress
	visit    func(*segmentRun) // is called when a batch was carried out
}

func newLoader(disk storage.Disk, store *keyspace.Store, opt Options) *loader {
	if opt.Progress == nil {
		opt.Progress = func(Progress) {}
	}
	return &loader{disk: disk, store: store, opt: opt, buf: newBuffer(), visit: func(*segmentRun) {}}
}

func (l *loader) readBase(number uint64) error {
	name := baseName(number)
	f, err := l.disk.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &DamageError{File: name, Stream: -1, Err: err}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := &countingReader{r: f}
	snapshot, err := replication.ReadSnapshot(in, l.store, func(p replication.Progress) {
		l.progress.Base = p
		l.opt.Progress(l.progress)
	})
	var bad *replication.SnapshotError
	if errors.As(err, &bad) {
		return &DamageError{File: name, Offset: bad.Offset, Stream: -1,
			Err: fmt.Errorf("in the data of slot %d: %w", bad.Slot, bad.Err)}
	}
	if err != nil {
		return err
	}
	l.base, l.baseAt, l.BaseSize, l.Shard = number, snapshot.History.Offset, in.n, snapshot.Shard
	l.replay, err = replication.NewReplay(l.store, snapshot, l.opt.BacklogSize)
	return err
}

// countingReader knows how many bytes were read from it.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// readSegments carries out the segments with these numbers. At damage it has those before
// it, and what the one with the damage has before that.
func (l *loader) readSegments(numbers []uint64) error {
	failed := l.readHeaders(numbers)
	if failed != nil && !errors.As(failed, new(*DamageError)) {
		return failed
	}
	for i := range l.segments {
		if err := l.readSegment(i); err != nil {
			l.segments = l.segments[:i+1]
			return err
		}
	}
	return failed
}

// readHeaders reads where each segment begins. Those that end before the base are left out:
// a crash may have left them without their end.
func (l *loader) readHeaders(numbers []uint64) error {
	defer func() { l.segments = needed(l.segments, l.baseAt) }()
	for _, number := range numbers {
		s, err := openSegment(l.disk, number, l.buf)
		if err != nil {
			return err
		}
		s.close()
		start := s.header.history.Offset
		if n := len(l.segments); n > 0 && start < l.segments[n-1].start {
			return &DamageError{File: s.name, Stream: -1, Err: corrupt("it begins at stream offset %d, segment %d at %d", start,
				l.segments[n-1].number, l.segments[n-1].start)}
		}
		l.segments = append(l.segments, segmentInfo{number: number, start: start})
	}
	if first := needed(l.segments, l.baseAt)[0]; first.start > l.baseAt {
		l.segments = nil
		return &DamageError{File: segmentName(first.number), Stream: l.baseAt,
			Err: corrupt("it begins at stream offset %d, and the base ends at %d", first.start, l.baseAt)}
	}
	return nil
}
