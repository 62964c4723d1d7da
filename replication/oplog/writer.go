package oplog

import (
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// Writer writes the stream to the newest segment of a log. It has no lock: it is for one
// goroutine, apart from what [SyncPoint] says.
//
// An error of the disk is final: the Writer returns it from then on, and what it had
// written is durable only as far as Durable said before.
type Writer struct {
	disk storage.LogDisk
	next uint64 // the number of the next file

	// linked is false while the manifest does not name the segment: until there is a base.
	linked   bool
	base     uint64
	baseSize int64
	segments []segmentInfo // the last one is written to

	file    storage.LogFile
	history replication.History // the names at the end of what was appended
	offset  int64               // of the stream, behind what was appended
	written int64               // of the stream, behind what was handed to the file
	durable int64               // of the stream, behind what was synced
	synced  int64               // of the file: all before is on disk
	syncing bool                // a SyncPoint is out
	room    int64               // length of the file that Reserve has made, -1: it cannot

	buf  []byte // batches that are not written yet
	open int    // where in buf the batch begins that is not finished, -1: none is
	err  error  // why the Writer is of no use any more
}

// segmentInfo is what a Writer knows of a segment.
type segmentInfo struct {
	number uint64
	start  int64 // stream offset
	size   int64 // bytes of the file
}

var errClosed = errors.New("oplog: the writer is closed")

// Create returns a Writer that begins a log anew, at the place h of a history. The manifest
// names what was there before, if anything was, until SetBase is called with a snapshot of
// that history at h.Offset or behind it. Until then nothing counts as durable.
func Create(disk storage.LogDisk, h replication.History) (*Writer, error) {
	next, err := nextNumber(disk)
	if err != nil {
		return nil, err
	}
	w := &Writer{disk: disk, next: next, open: -1}
	if err := w.begin(h); err != nil {
		return nil, err
	}
	if err := w.sync(); err != nil {
		w.file.Close()
		return nil, err
	}
	return w, nil
}

// begin makes the next segment, which begins at h, the one that is written to. It is not
// durable and the manifest does not name it yet.
func (w *Writer) begin(h replication.History) error {
	name := segmentName(w.next)
	file, err := w.disk.Append(name)
	if err != nil {
		return err
	}
	if size, err := file.Size(); err != nil || size != 0 {
		file.Close()
		return errors.Join(err, fmt.Errorf("oplog: the new file %s has %d bytes", name, size))
	}
	w.buf, w.open = appendHeader(w.buf[:0], &header{w.next, h}), -1
	w.segments = append(w.segments, segmentInfo{number: w.next, start: h.Offset})
	w.next++
	w.file, w.history, w.synced, w.room = file, h, 0, 0
	w.offset, w.written, w.durable = h.Offset, h.Offset, h.Offset
	return nil
}

// sync writes and syncs all that was appended, and the names of the files.
func (w *Writer) sync() error {
	if err := w.Sync(); err != nil {
		return err
	}
	return w.check(w.disk.SyncNames())
}

// link has the manifest name base and segments, in place of what it named before.
func (w *Writer) link(base uint64, segments []segmentInfo) error {
	if err := w.check(storage.WriteFile(w.disk, manifestName, manifestOf(base, segments).encode())); err != nil {
		return err
	}
	w.linked, w.base, w.segments = true, base, segments
	return nil
}

// needed returns those of segments that a start needs behind a base at an offset: not those
// that end before it, and not empty ones. The last one always is.
func needed(segments []segmentInfo, base int64) []segmentInfo {
	var list []segmentInfo
	for i, s := range segments {
		if i+1 == len(segments) || segments[i+1].start > max(base, s.start) {
			list = append(list, s)
		}
	}
	return list
}

// check makes an error of the disk final.
func (w *Writer) check(err error) error {
	if err != nil && w.err == nil {
		w.err = err
	}
	return err
}

// Append adds bytes of the stream, the first of which has the offset at: what the Writer's
// Offset is. They are in the file after Flush, some of them may be sooner. b is not used
// after the call.
func (w *Writer) Append(at int64, b []byte) error {
	if w.err != nil {
		return w.err
	}
	if at != w.offset {
		return fmt.Errorf("oplog: bytes at stream offset %d, the log ends at %d", at, w.offset)
	}
	for len(b) > 0 {
		if w.open < 0 {
			w.open = len(w.buf)
			w.buf = append(w.buf, make([]byte, batchHeader)...)
		}
		n := min(len(b), batchBody-(len(w.buf)-w.open-batchHeader))
		w.buf = append(w.buf, b[:n]...)
		w.offset += int64(n)
		if b = b[n:]; len(w.buf)-w.open == batchHeader+batchBody {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// SetHistory gives the history the names of h from here on. h.Offset must be the Writer's
// Offset, at the end of a record. It writes nothing if the names are those already.
func (w *Writer) SetHistory(h replication.History) error {
	switch {
	case w.err != nil:
		return w.err
	case h.Offset != w.offset:
		return fmt.Errorf("oplog: a change of the history at stream offset %d, the log ends at %d", h.Offset, w.offset)
	case sameNames(h, w.history):
		return nil
	}
	w.finish()
	w.history = h
	start := len(w.buf)
	w.buf = appendHistory(append(w.buf, make([]byte, batchHeader)...), &h)
	w.finishAt(start, kindHistory, h.Offset)
	return nil
}

func sameNames(a, b replication.History) bool {
	a.Offset = b.Offset
	return a == b
}

// finish ends the batch that is open.
func (w *Writer) finish() {
	if w.open < 0 {
		return
	}
	body := int64(len(w.buf) - w.open - batchHeader)
	w.finishAt(w.open, kindStream, w.offset-body)
	w.open = -1
}

func (w *Writer) finishAt(start int, k kind, offset int64) {
	finishBatch(w.buf, start, w.current().number, k, offset, w.synced)
}

func (w *Writer) current() *segmentInfo { return &w.segments[len(w.segments)-1] }

// Flush hands all that was appended to the file, in one write.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	w.finish()
	if len(w.buf) == 0 {
		return nil
	}
	n, err := w.file.Write(w.buf)
	w.current().size += int64(n)
	if err != nil {
		return w.check(err)
	}
	w.buf, w.written = w.buf[:0], w.offset
	return nil
}

// Reserve makes the file ahead bytes longer than what was appended, if it has not reserved
// enough for that. Behind it a Sync is faster, since the length stays the same: it is for
// who syncs often. Where the disk cannot do that, nothing happens.
func (w *Writer) Reserve(ahead int64) {
	end := w.current().size + int64(len(w.buf))
	if w.err != nil || w.room < 0 || end <= w.room {
		return
	}
	r, ok := w.file.(storage.Reserver)
	if w.room = end + ahead; !ok || r.Reserve(w.room) != nil {
		w.room = -1
	}
}

// Sync makes durable all that was appended.
func (w *Writer) Sync() error {
	p, err := w.BeginSync()
	if err != nil {
		return err
	}
	return w.EndSync(p, p.Sync())
}

// SyncPoint is a Sync that may be carried out beside writes.
type SyncPoint struct {
	file   storage.LogFile
	offset int64 // of the stream
	size   int64 // of the file
}

// Sync makes durable what was written before the SyncPoint was made. It may be called on
// any goroutine, once; its outcome must be given to EndSync.
func (p SyncPoint) Sync() error { return p.file.Sync() }

// BeginSync writes all that was appended and returns the SyncPoint that makes it durable.
// Until EndSync, only Append, SetHistory and Flush may be called, and what returns figures.
func (w *Writer) BeginSync() (SyncPoint, error) {
	if err := w.Flush(); err != nil {
		return SyncPoint{}, err
	}
	if w.syncing {
		return SyncPoint{}, errors.New("oplog: a sync is under way already")
	}
	w.syncing = true
	return SyncPoint{w.file, w.written, w.current().size}, nil
}

// EndSync takes the outcome of p.Sync, which it returns.
func (w *Writer) EndSync(p SyncPoint, err error) error {
	w.syncing = false
	if w.err != nil {
		return w.err
	}
	if err != nil {
		return w.check(err)
	}
	w.durable, w.synced = p.offset, p.size
	return nil
}

// Rotate begins a new segment, after a Sync of the one before. A base that is made after
// that makes all former segments unused.
func (w *Writer) Rotate() error {
	if err := w.Sync(); err != nil {
		return err
	}
	if err := w.check(w.file.Close()); err != nil {
		return err
	}
	h := w.history
	h.Offset = w.offset
	if err := w.check(w.begin(h)); err != nil {
		return err
	}
	if err := w.sync(); err != nil || !w.linked {
		return err
	}
	return w.link(w.base, needed(w.segments, w.segments[0].start))
}

// NextBase returns the name of a file for a new base: no other call returns it again.
func (w *Writer) NextBase() string {
	name := baseName(w.next)
	w.next++
	return name
}

// SetBase makes a snapshot the base: a file that NextBase named, committed, of the state at
// the stream offset at, or behind it. Files that are of no use any more are not removed,
// see Unused.
func (w *Writer) SetBase(name string, at int64) error {
	number, ok := fileNumber(name, baseSuffix)
	switch {
	case w.err != nil:
		return w.err
	case !ok:
		return fmt.Errorf("oplog: %q is not the name of a base", name)
	case at < w.segments[0].start:
		return fmt.Errorf("oplog: a base at stream offset %d, the log begins at %d", at, w.segments[0].start)
	}
	size, err := fileSize(w.disk, name)
	if w.check(err) != nil {
		return err
	}
	if err := w.Sync(); err != nil {
		return err
	}
	if err := w.link(number, needed(w.segments, at)); err != nil {
		return err
	}
	w.baseSize = size
	return nil
}

func fileSize(disk storage.LogDisk, name string) (int64, error) {
	f, err := disk.Append(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Size()
}

// Close syncs all that was appended and notes in the file that it is on disk, so that a
// start takes what is missing for damage. A Writer that has failed only gives up its file.
func (w *Writer) Close() error {
	if w.err == errClosed {
		return nil
	}
	err := w.err
	if err == nil {
		err = w.end()
	}
	w.err = errClosed
	if e := w.file.Close(); err == nil {
		err = e
	}
	return err
}

func (w *Writer) end() error {
	if err := w.Sync(); err != nil {
		return err
	}
	start := len(w.buf)
	w.buf = append(w.buf, make([]byte, batchHeader)...)
	w.finishAt(start, kindStream, w.offset)
	return w.Sync()
}

// Err returns the error that made the Writer of no use, nil if none has.
func (w *Writer) Err() error { return w.err }

// History returns the place in history behind what was appended.
func (w *Writer) History() replication.History {
	h := w.history
	h.Offset = w.offset
	return h
}

// Offset returns the stream offset behind what was appended.
func (w *Writer) Offset() int64 { return w.offset }

// Written returns the stream offset behind what was handed to the file.
func (w *Writer) Written() int64 { return w.written }

// Durable returns the stream offset up to which a start would have the stream, -1 as long
// as there is no base.
func (w *Writer) Durable() int64 {
	if !w.linked {
		return -1
	}
	return w.durable
}

// BaseSize returns the length of the base, in bytes.
func (w *Writer) BaseSize() int64 { return w.baseSize }

// Size returns the length of the segments, in bytes, with what is not written yet.
func (w *Writer) Size() int64 {
	n := int64(len(w.buf))
	for _, s := range w.segments {
		n += s.size
	}
	return n
}
