package oplog

import (
	"errors"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// Report is what Check has found.
type Report struct {
	Base     string // the file
	BaseSize int64  // bytes
	BaseKeys int
	BaseAt   replication.History // the place whose state it is

	Segments []SegmentReport     // those that a start reads
	End      replication.History // the place that is reached
	Keys     int                 // at the end
	Torn     *Torn               // see Loaded
	// Damage is what stops a start, nil if nothing does. End is then the place before it.
	Damage *DamageError
}

// SegmentReport is what Check has found in a segment.
type SegmentReport struct {
	File     string
	Size     int64 // bytes, as far as it was read
	From, To int64 // the stream offsets between which it counts
	Batches  int
	Renames  int   // how often the history got other names
	Records  int64 // that end in it and are not in the base
}

// Check reads a log as a start does. The error matches fs.ErrNotExist if there is none;
// damage is in the Report, which has what was read before it.
func Check(disk storage.Disk) (*Report, error) {
	c := newChecker(disk)
	return &c.report, c.read()
}

// checker is a Check that is under way.
type checker struct {
	report   Report
	loader   *loader
	manifest manifest
}

func newChecker(disk storage.Disk) *checker {
	c := &checker{loader: newLoader(disk, keyspace.New(keyspace.Config{}), Options{})}
	c.loader.visit = c.count
	return c
}

func (c *checker) read() (err error) {
	l, r := c.loader, &c.report
	if c.manifest, err = readManifest(l.disk); err != nil {
		return c.found(err)
	}
	r.Base = baseName(c.manifest.base)
	if err := l.readBase(c.manifest.base); err != nil {
		return c.found(err)
	}
	r.BaseSize, r.BaseKeys, r.BaseAt = l.BaseSize, l.store.Len(), l.replay.Stream().History()
	err = l.readSegments(c.manifest.segments)
	c.segment(len(l.segments) - 1) // the last ones may have no batch
	r.End, r.Keys, r.Torn = l.replay.Stream().History(), l.store.Len(), l.Torn
	return c.found(err)
}

// found notes damage; other errors are returned.
func (c *checker) found(err error) error {
	if errors.As(err, &c.report.Damage) {
		return nil
	}
	return err
}

// segment returns the report of a segment.
func (c *checker) segment(i int) *SegmentReport {
	r := &c.report
	for n := len(r.Segments); n <= i; n++ {
		s := c.loader.segments[n]
		r.Segments = append(r.Segments, SegmentReport{File: segmentName(s.number), From: s.start, To: s.start})
	}
	if i < 0 {
		return nil
	}
	r.Segments[i].Size = c.loader.segments[i].size
	return &r.Segments[i]
}

// count takes a batch into the report.
func (c *checker) count(run *segmentRun) {
	s := c.segment(run.index)
	s.Size, s.To = run.reader.at+int64(run.size), run.at
	if s.Batches++; run.batch.kind == kindHistory {
		s.Renames++
	}
	s.Records = c.loader.replay.Records()
	for _, before := range c.report.Segments[:run.index] {
		s.Records -= before.Records
	}
}
