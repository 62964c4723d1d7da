package hll

import "slices"

const (
	maxZeros = 64 // registers of a ZERO
	maxRun   = 4  // registers of a VAL
	maxValue = 32 // the greatest value of a VAL
)

// run is a run of registers of one value in the sparse encoding.
type run struct {
	value  byte
	length int
	size   int // bytes of the encoding
}

// runAt reads the run that begins at b; ok is false if it is cut off.
func runAt(b []byte) (r run, ok bool) {
	switch {
	case len(b) == 0:
		return r, false
	case b[0]&0x80 != 0:
		return run{b[0]>>2&31 + 1, int(b[0]&3) + 1, 1}, true
	case b[0]&0x40 == 0:
		return run{0, int(b[0]&63) + 1, 1}, true
	case len(b) == 1:
		return r, false
	}
	return run{0, int(b[0]&63)<<8 + int(b[1]) + 1, 2}, true
}

func appendZeros(dst []byte, n int) []byte {
	switch {
	case n == 0:
		return dst
	case n <= maxZeros:
		return append(dst, byte(n-1))
	}
	return append(dst, 0x40|byte((n-1)>>8), byte(n-1))
}

func appendValue(dst []byte, value byte, n int) []byte {
	if n == 0 {
		return dst
	}
	return append(dst, 0x80|(value-1)<<2|byte(n-1))
}

// appendRun appends a run of no more registers than r has.
func appendRun(dst []byte, r run, n int) []byte {
	if r.value == 0 {
		return appendZeros(dst, n)
	}
	return appendValue(dst, r.value, n)
}

// raiseSparse is raise for a sparse sketch. It splits the run that has the register, and
// joins neighbours of one value afterwards, exactly as Redis does.
func raiseSparse(sketch []byte, index int, count byte, limit int) ([]byte, bool, error) {
	if count > maxValue {
		return promote(sketch, index, count)
	}
	at, before, first := HeaderSize, HeaderSize, 0 // the run, the one before it, its first register
	var r run
	for ok := false; ; {
		if r, ok = runAt(sketch[at:]); !ok {
			return nil, false, ErrCorrupt
		}
		if index < first+r.length {
			break
		}
		before, at, first = at, at+r.size, first+r.length
	}
	switch {
	case r.value >= count:
		return sketch, false, nil
	case r.length == 1:
		appendValue(sketch[:at], count, 1)
	default:
		var room [5]byte
		split := appendRun(room[:0], r, index-first)
		split = appendValue(split, count, 1)
		split = appendRun(split, r, first+r.length-1-index)
		if grown := len(split) - r.size; grown > 0 && len(sketch)+grown > limit {
			return promote(sketch, index, count)
		}
		sketch = slices.Replace(sketch, at, at+r.size, split...)
	}
	sketch = join(sketch, before)
	Outdate(sketch)
	return sketch, true, nil
}

// join joins runs of one value among the first few from at on.
func join(sketch []byte, at int) []byte {
	for range 5 {
		a, ok := runAt(sketch[at:])
		if !ok {
			break
		}
		b, ok := runAt(sketch[at+a.size:])
		if a.value == 0 || !ok || b.value != a.value || a.length+b.length > maxRun {
			at += a.size
			continue
		}
		appendValue(sketch[:at], a.value, a.length+b.length)
		sketch = slices.Delete(sketch, at+1, at+2)
	}
	return sketch
}

// promote makes a sparse sketch dense, and raises a register of it.
func promote(sketch []byte, index int, count byte) ([]byte, bool, error) {
	var all Registers
	if err := all.Merge(sketch); err != nil {
		return nil, false, err
	}
	all[index] = max(all[index], count)
	return all.dense(sketch), true, nil
}
