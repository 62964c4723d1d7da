package keyspace

import "bytes"

// dirtyParts are the parts of a key that have changed since they were copied, in the order
// of their first change: names only, since the object has the values.
type dirtyParts struct {
	names  []string
	known  map[string]struct{} // of names
	ranges []dirtyRange        // of a list: all in it were cut; those set since are in names
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
		d.ranges = append(d.ranges, dirtyRange{bytes.Clone(op.Part), bytes.Clone(op.Value)})
		d.grow(len(op.Part) + len(op.Value))
	case op.Type == String:
		offset, err := offsetOf(op.Part, len(op.Value))
		for at := offset / chunkSize * chunkSize; err == nil && at < offset+len(op.Value); at += chunkSize {
			d.add(appendOffset(nil, at))
		}
	default:
		d.add(op.Part)
	}
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
