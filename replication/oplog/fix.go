package oplog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// Lost is what a log has no more after Fix.
type Lost struct {
	Bytes    int64    // of its files
	Records  int      // that begin in them, as far as they can be read
	From, To int64    // stream offsets: where the log ends now, and how far it is known to have gone
	Copies   []string // files with what the log had, for who wants to look at it
}

// CopySuffix is added to the name of a file of which Fix keeps a copy.
const CopySuffix = ".damaged"

// Fix cuts a log at its damage, so that a start succeeds with all that was written before
// it. It returns what Check does, and what is lost: nil if there is no damage. Damage of the
// manifest or the base cannot be mended: there the error is the *DamageError. No node may
// use the disk.
func Fix(disk storage.LogDisk) (*Report, *Lost, error) {
	c := newChecker(disk)
	if err := c.read(); err != nil {
		return &c.report, nil, err
	}
	damage := c.report.Damage
	if damage == nil {
		return &c.report, nil, nil
	}
	if c.loader.replay == nil {
		return &c.report, nil, damage
	}
	lost := &Lost{From: c.report.End.Offset, To: c.report.End.Offset}
	for _, number := range c.manifest.segments {
		var from int64
		switch last := len(c.loader.segments) - 1; {
		case segmentName(number) == damage.File:
			from = damage.Offset
		case last >= 0 && number <= c.loader.segments[last].number:
			continue
		}
		if err := lost.add(disk, number, from); err != nil {
			return &c.report, nil, err
		}
		if err := lost.keep(disk, segmentName(number)); err != nil {
			return &c.report, nil, err
		}
	}
	w, err := Continue(disk, &c.loader.Loaded, c.report.End)
	if err != nil {
		return &c.report, nil, err
	}
	return &c.report, lost, w.Close()
}

// keep makes a copy of a file.
func (l *Lost) keep(disk storage.Disk, name string) error {
	in, err := disk.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := disk.Create(name + CopySuffix)
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("keeping a copy of %s: %w", name, err)
	}
	l.Copies = append(l.Copies, name+CopySuffix)
	return out.Commit()
}

// add counts what is in a segment from a byte on.
func (l *Lost) add(disk storage.Disk, segment uint64, from int64) error {
	r, err := openSegment(disk, segment, newBuffer())
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		l.Bytes += damage.size
		return nil
	}
	if err != nil {
		return err
	}
	defer r.close()
	if from > r.at {
		if err := r.seek(from); err != nil {
			return err
		}
	}
	from = r.at
	missing, next := 0, int64(-1) // of the record that was read last, and where its stream goes on
	for {
		b, size, err := r.peekAny()
		switch {
		case err == io.EOF:
			end, err := contentEnd(disk, r.name, from)
			l.Bytes += end - from
			return err
		case errors.Is(err, frame.ErrCorrupt):
			if _, err := r.findBatch(-1); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		r.skip(size)
		if b.kind != kindStream {
			continue
		}
		if b.offset != next || missing < 0 {
			missing = 0
		}
		var n int
		n, missing = replication.CountRecords(b.body, missing)
		next = b.offset + int64(len(b.body))
		l.Records, l.To = l.Records+n, max(l.To, next)
	}
}

// peekAny reads the batch that begins here, be its body torn or damaged.
func (s *reader) peekAny() (b batch, size int, err error) {
	b, size, err = s.peek()
	if !errors.Is(err, frame.ErrCorrupt) {
		return b, size, err
	}
	window, _ := s.r.Peek(s.r.Size())
	if len(window) < batchHeader {
		return b, 0, err
	}
	b, size, bad := decodeBatchHeader(window, s.header.number, s.at)
	if bad != nil {
		return b, 0, err
	}
	size = min(size, len(window))
	b.body = window[batchHeader:size]
	return b, size, nil
}
