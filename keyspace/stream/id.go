package stream

import (
	"cmp"
	"encoding/binary"
	"math"
	"strconv"
)

// ID identifies an entry: Unix milliseconds, and a number within the millisecond.
type ID struct{ Ms, Seq uint64 }

// MaxID is the greatest ID; the zero ID is the least, and no entry has it.
var MaxID = ID{math.MaxUint64, math.MaxUint64}

// IDLen is the length of an ID in bytes.
const IDLen = 16

// Compare returns -1, 0 or 1 as a is less than, equal to or greater than b.
func (a ID) Compare(b ID) int {
	if a.Ms != b.Ms {
		return cmp.Compare(a.Ms, b.Ms)
	}
	return cmp.Compare(a.Seq, b.Seq)
}

// Less reports whether a comes before b.
func (a ID) Less(b ID) bool { return a.Ms < b.Ms || a.Ms == b.Ms && a.Seq < b.Seq }

// Next returns the ID that follows; ok is false if a is MaxID.
func (a ID) Next() (next ID, ok bool) {
	switch {
	case a.Seq < math.MaxUint64:
		return ID{a.Ms, a.Seq + 1}, true
	case a.Ms < math.MaxUint64:
		return ID{a.Ms + 1, 0}, true
	}
	return a, false
}

// Prev returns the ID before a; ok is false if a is the zero ID.
func (a ID) Prev() (prev ID, ok bool) {
	switch {
	case a.Seq > 0:
		return ID{a.Ms, a.Seq - 1}, true
	case a.Ms > 0:
		return ID{a.Ms - 1, math.MaxUint64}, true
	}
	return a, false
}

// AppendText appends "ms-seq" in decimal.
func (a ID) AppendText(b []byte) []byte {
	b = strconv.AppendUint(b, a.Ms, 10)
	b = append(b, '-')
	return strconv.AppendUint(b, a.Seq, 10)
}

// String returns "ms-seq".
func (a ID) String() string { return string(a.AppendText(nil)) }

// AppendBytes appends the ID as IDLen bytes, big-endian, so that bytes sort as IDs do.
func (a ID) AppendBytes(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, a.Ms), a.Seq)
}

// IDOf reads what AppendBytes has written; ok is false if b has another length.
func IDOf(b []byte) (id ID, ok bool) {
	if len(b) != IDLen {
		return ID{}, false
	}
	return ID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, true
}
