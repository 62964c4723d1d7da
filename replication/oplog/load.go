package oplog

import (
	"bufio"
	"errors"
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
	l := &loader{disk: disk, store: store, opt: opt, buf: newBuffer(), visit: func(int, *batch) {}}
	if opt.Progress == nil {
		l.opt.Progress = func(Progress) {}
	}
	m, err := readManifest(disk)
	if err != nil {
		return nil, err
	}
	if err := l.readBase(m.base); err != nil {
		return nil, err
	}
	if err := l.readHeaders(m.segments); err != nil {
		return nil, err
	}
	for i := range l.segments {
		if err := l.readSegment(i); err != nil {
			return nil, err
		}
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
	visit    func(segment int, b *batch) // for Check
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
		return &DamageError{File: name, Offset: bad.Offset, Stream: -1, Err: bad}
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

// readHeaders reads where each segment begins. Those that end before the base are left out:
// a crash may have left them without their end.
func (l *loader) readHeaders(numbers []uint64) error {
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
	l.segments = needed(l.segments, l.baseAt)
	if first := l.segments[0]; first.start > l.baseAt {
		return &DamageError{File: segmentName(first.number), Stream: l.baseAt,
			Err: corrupt("it begins at stream offset %d, and the base ends at %d", first.start, l.baseAt)}
	}
	return nil
}
