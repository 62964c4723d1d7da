package oplog

import (
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// maxCopied is how many bytes of a segment are written again at a start, at most. Only a
// log that is never synced has more that are not known to be on disk; there the old file
// is synced instead.
const maxCopied = 64 << 20

// Continue returns a Writer that goes on where Load ended. h are the names that the history
// has from there on (Stream.History after RestoreLog).
func Continue(disk storage.LogDisk, l *Loaded, h replication.History) (*Writer, error) {
	next, err := nextNumber(disk)
	if err != nil {
		return nil, err
	}
	w := &Writer{disk: disk, next: next, open: -1, base: l.base, baseSize: l.BaseSize}
	w.segments = append(w.segments, l.segments...)
	if err := w.resume(l, h); err != nil {
		if w.file != nil {
			w.file.Close()
		}
		return nil, err
	}
	return w, nil
}

func (w *Writer) resume(l *Loaded, h replication.History) error {
	if err := w.beginBehind(l, h); err != nil {
		return err
	}
	if err := w.SetHistory(h); err != nil {
		return err
	}
	if err := w.sync(); err != nil {
		return err
	}
	return w.link(w.base, needed(w.segments, l.baseAt))
}

// beginBehind makes a new segment and brings it to where Load ended.
func (w *Writer) beginBehind(l *Loaded, h replication.History) error {
	switch t := l.tail; {
	case h.Offset <= l.baseAt || t.at == t.end:
		return w.begin(h)
	}
	last := l.segments[len(l.segments)-1]
	if l.tail.end-l.tail.at > maxCopied {
		if err := w.syncFile(segmentName(last.number)); err != nil {
			return err
		}
		return w.begin(h)
	}
	r, err := openSegment(w.disk, last.number, newBuffer())
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.seek(l.tail.at); err != nil {
		return err
	}
	var b batch
	for r.at+int64(r.size) < l.tail.end {
		if err := r.next(&b); err != nil {
			return err
		}
		if b.offset > h.Offset {
			break // of a record whose end is missing
		}
		if w.file == nil {
			from := l.tail.history
			from.Offset = b.offset
			if err := w.begin(from); err != nil {
				return err
			}
		}
		if err := w.copy(&b, h.Offset); err != nil {
			return err
		}
	}
	if w.file == nil {
		return w.begin(h)
	}
	return nil
}

// copy appends what a batch has up to an offset of the stream, at which it begins at most.
func (w *Writer) copy(b *batch, end int64) error {
	if b.kind == kindStream {
		return w.Append(b.offset, b.body[:min(int64(len(b.body)), end-b.offset)])
	}
	h, err := decodeHistory(b.body)
	if err != nil {
		return err
	}
	h.Offset = b.offset
	return w.SetHistory(h)
}

// syncFile makes durable what is in a file.
func (w *Writer) syncFile(name string) error {
	f, err := w.disk.Append(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
