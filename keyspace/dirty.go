package keyspace

import (
	"bytes"
	"slices"
)

// dirtyParts are the parts of a key that have changed since they were copied, in the order
// of their first change: names only, since the object has the values.
type dirtyParts struct {
	names  []string
	known  map[string]struct{} // of names
	ranges []dirtyRange        // of a list or stream: all in it were cut; those set since are in names
	sifted int                 // how many names there were after those in a range were last removed
	bytes  int
	limit  int
	full   bool // more have changed than are kept
}

type dirtyRange struct{ first, last []byte }

// dirtyOverhead estimates the memory of a name besides its bytes.
const dirtyOverhead = 48

// note takes the change that op made.
func (d *dirtyParts) note(op *Op) {
	switch {
	case d.full:
	case op.Kind == OpCut && len(op.Value) > 0:
		d.noteRange(op.Part, op.Value)
	case op.Type == String:
		offset, err := offsetOf(op.Part, len(op.Value))
		for at := offset / chunkSize * chunkSize; err == nil && at < offset+len(op.Value); at += chunkSize {
			d.add(appendOffset(nil, at))
		}
	default:
		d.add(op.Part)
	}
}

// fewRanges is how many of the last ranges a new one may be merged with.
const fewRanges = 4

// noteRange takes a cut of a range. A stream that is kept short is cut from its beginning
// with each entry, so one that overlaps another becomes part of it, and names in it are
// forgotten now and then: the range says that they are gone.
func (d *dirtyParts) noteRange(first, last []byte) {
	for i := len(d.ranges) - 1; i >= max(0, len(d.ranges)-fewRanges); i-- {
		if r := &d.ranges[i]; r.merge(first, last) {
			d.sift(r)
			return
		}
	}
	d.ranges = append(d.ranges, dirtyRange{bytes.Clone(first), bytes.Clone(last)})
	if d.grow(len(first) + len(last)); !d.full {
		d.sift(&d.ranges[len(d.ranges)-1])
	}
}

// merge makes the range cover that from first to last, too, if they overlap. The names keep
// their lengths, by which the range was counted.
func (r *dirtyRange) merge(first, last []byte) bool {
	if bytes.Compare(first, r.last) > 0 || bytes.Compare(r.first, last) > 0 ||
		len(first) != len(r.first) || len(last) != len(r.last) {
		return false
	}
	if bytes.Compare(first, r.first) < 0 {
		r.first = bytes.Clone(first)
	}
	if bytes.Compare(last, r.last) > 0 {
		r.last = bytes.Clone(last)
	}
	return true
}

// sift forgets the names in a range, if there are many more than when it was done last.
func (d *dirtyParts) sift(r *dirtyRange) {
	if len(d.names) < 2*d.sifted+64 {
		return
	}
	d.names = slices.DeleteFunc(d.names, func(name string) bool {
		within := name >= string(r.first) && name <= string(r.last)
		if within {
			delete(d.known, name)
			d.bytes -= len(name) + dirtyOverhead
		}
		return within
	})
	d.sifted = len(d.names)
}

func (d *dirtyParts) add(part []byte) {
	if _, known := d.known[string(part)]; known || d.full {
		return
	}
	if d.known == nil {
		d.known = make(map[string]struct{})
	}
	name := string(part)
	d.names, d.known[name] = append(d.names, name), struct{}{}
	d.grow(len(name))
}

func (d *dirtyParts) grow(n int) {
	if d.bytes += n + dirtyOverhead; d.bytes > d.limit {
		*d = dirtyParts{full: true}
	}
}

// empty reports whether all is copied.
func (d *dirtyParts) empty() bool { return len(d.names) == 0 && len(d.ranges) == 0 }

// next removes and returns a range, or else a name: a part of a range that was set again
// follows the range.
func (d *dirtyParts) next() (r dirtyRange, name []byte) {
	if len(d.ranges) > 0 {
		r, d.ranges = d.ranges[0], d.ranges[1:]
		d.bytes -= len(r.first) + len(r.last) + dirtyOverhead
		return r, nil
	}
	name = []byte(d.names[0])
	d.names = d.names[1:]
	delete(d.known, string(name))
	d.bytes -= len(name) + dirtyOverhead
	return r, name
}
