package oplog

import (
	"errors"
	"fmt"
	"io"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/replication"
)

// tail is the end of the last segment, which may not be on disk although it can be read.
type tail struct {
	at      int64               // of the file: where it begins, with a batch or at the file's end
	end     int64               // of the file: behind the last batch that is good
	history replication.History // the names at its beginning; the Offset is of no meaning
}

// readSegment carries out what a segment contributes: up to where the next one begins.
func (l *loader) readSegment(i int) error {
	r, err := openSegment(l.disk, l.segments[i].number, l.buf)
	if err != nil {
		return err
	}
	defer r.close()
	run := segmentRun{loader: l, reader: r, index: i, at: r.header.history.Offset, end: -1}
	if i+1 < len(l.segments) {
		run.end = l.segments[i+1].start
	}
	return run.read()
}

// segmentRun is the reading of one segment.
type segmentRun struct {
	*loader
	*reader
	index int
	at    int64 // of the stream: where the next batch must begin
	end   int64 // of the stream: where the next segment begins, -1: this is the last one
	batch batch

	synced int64   // of the file: all before was on disk when some batch was written
	names  []names // the first are those in force at synced
}

// names are those that the history has from a byte of the file on.
type names struct {
	from    int64
	history replication.History
}

func (s *segmentRun) read() error {
	if err := s.rename(s.header.history); err != nil {
		return err
	}
	s.synced = s.reader.at
	for s.end < 0 || s.at < s.end {
		err := s.next(&s.batch)
		if err == io.EOF || errors.Is(err, frame.ErrCorrupt) {
			return s.finish(err)
		}
		if err == nil {
			err = s.carryOut()
		}
		if err != nil {
			return err
		}
		s.noteSynced()
		s.visit(s)
		s.setSize(s.reader.at + int64(s.size))
	}
	return nil
}

// damaged returns the error about the batch that was read last, or could not be read. What
// the segment has before it is what Fix keeps.
func (s *segmentRun) damaged(err error) error {
	s.setTail()
	if !errors.Is(err, frame.ErrCorrupt) {
		err = fmt.Errorf("%w: %w", err, frame.ErrCorrupt)
	}
	return &DamageError{File: s.name, Offset: s.reader.at, Stream: s.at, Err: err}
}

func (s *segmentRun) setTail() {
	s.tail = tail{at: min(s.synced, s.reader.at), end: s.reader.at, history: s.names[0].history}
}

// carryOut does what the batch says.
func (s *segmentRun) carryOut() error {
	b := &s.batch
	if b.offset != s.at {
		return s.damaged(corrupt("a batch of stream offset %d follows offset %d", b.offset, s.at))
	}
	if b.kind == kindHistory {
		h, err := decodeHistory(b.body)
		if err != nil {
			return s.damaged(err)
		}
		h.Offset = s.at
		return s.rename(h)
	}
	body := b.body
	if s.end >= 0 {
		body = body[:min(int64(len(body)), s.end-s.at)]
	}
	if err := s.replay.Append(s.at, body); err != nil {
		return s.damaged(err)
	}
	s.at += int64(len(body))
	return nil
}

// rename gives the history the names of h. A segment may begin within a record: there they
// are those that it has.
func (s *segmentRun) rename(h replication.History) error {
	s.names = append(s.names, names{s.reader.at + int64(s.size), h})
	if s.replay.Incomplete() == 0 {
		if err := s.replay.Rename(h); err != nil {
			return s.damaged(err)
		}
	} else if !sameNames(h, s.replay.Stream().History()) {
		return s.damaged(corrupt("the history gets other names within a record"))
	}
	return nil
}

// noteSynced takes from the batch up to where the file was on disk.
func (s *segmentRun) noteSynced() {
	s.synced = max(s.synced, s.batch.durable)
	for len(s.names) > 1 && s.names[1].from <= s.synced {
		s.names = s.names[1:]
	}
}

// setSize notes how long the file is, as far as it was read.
func (s *segmentRun) setSize(size int64) {
	info := &s.segments[s.index]
	s.Size += size - info.size
	info.size = size
	s.progress.Read = s.Size
	s.opt.Progress(s.progress)
}

// finish ends the reading where no further batch could be read: err is io.EOF or says what
// is bad. At the end of the log that is what a crash may leave, or only what was reserved;
// elsewhere it is damage.
func (s *segmentRun) finish(err error) error {
	if s.end >= 0 {
		if err == io.EOF {
			err = corrupt("the file ends here")
		}
		return s.damaged(fmt.Errorf("%w; the next segment begins at stream offset %d", err, s.end))
	}
	cut := Torn{File: s.name, Offset: s.reader.at}
	damage := s.damaged(err)
	if err != io.EOF {
		if synced, e := s.findBatch(s.reader.at); e != nil {
			return e
		} else if synced {
			return damage
		}
		written, e := contentEnd(s.disk, s.name, cut.Offset)
		if e != nil {
			return e
		}
		cut.Bytes = written - cut.Offset
	}
	s.setSize(cut.Offset + cut.Bytes)
	return s.cut(cut)
}

// cut leaves out what a crash has torn.
func (s *segmentRun) cut(torn Torn) error {
	part := int64(s.replay.Incomplete())
	if torn.Bytes == 0 && part == 0 {
		return nil
	}
	var lost Lost
	if err := lost.add(s.disk, s.header.number, torn.Offset); err != nil {
		return err
	}
	if torn.Records = lost.Records; part > 0 {
		torn.Records++
	}
	torn.Bytes += part
	if s.opt.RefuseTorn {
		return &DamageError{File: s.name, Offset: torn.Offset, Stream: s.at,
			Err: corrupt("the end is torn: %d bytes, %d records", torn.Bytes, torn.Records)}
	}
	s.Torn = &torn
	return nil
}
