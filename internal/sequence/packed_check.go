package sequence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// errPacked is matched by every error of Check.
var errPacked = errors.New("not a packed list")

// Check returns an error unless p, which came from outside, is a Packed: then everything
// else is safe to call.
func (p Packed) Check() error {
	if len(p) == 0 {
		return nil
	}
	if p[0] != 0 {
		return fmt.Errorf("%w: it begins with byte %d, not 0", errPacked, p[0])
	}
	at, n, err := p.checkRuns()
	if err != nil {
		return err
	}
	for i := range n {
		size := checkElement(p[at:])
		if size == 0 {
			return fmt.Errorf("%w: element %d of %d, at byte %d, is cut short", errPacked, i, n, at)
		}
		behind := appendBackLength(nil, uint64(size))
		if end := at + size + len(behind); end > len(p) || string(p[at+size:end]) != string(behind) {
			return fmt.Errorf("%w: element %d, at byte %d, has not its length behind it", errPacked, i, at)
		} else {
			at = end
		}
	}
	if at != len(p) {
		return fmt.Errorf("%w: %d bytes follow its %d elements", errPacked, len(p)-at, n)
	}
	return nil
}

// checkRuns checks the runs and returns where they end and how many positions they have.
func (p Packed) checkRuns() (at, n int, err error) {
	r := reader{p, 1}
	count := r.uvarint()
	if count == 0 || count > uint64(len(p)) {
		return 0, 0, fmt.Errorf("%w: it has %d runs of positions", errPacked, count)
	}
	next, room := uint64(0), true // the lowest position that may follow
	for i := range count {
		first, stride, length := uint64(r.varint())^offset, r.uvarint(), r.uvarint()
		if r.at < 0 || length == 0 || length > uint64(len(p)) || (length == 1) != (stride == 0) {
			return 0, 0, fmt.Errorf("%w: run %d of %d has length %d and distance %d", errPacked, i, count, length, stride)
		}
		if !room || first < next || stride > 0 && length-1 > (math.MaxUint64-first)/stride {
			return 0, 0, fmt.Errorf("%w: run %d of %d is not in order", errPacked, i, count)
		}
		last := first + stride*(length-1)
		next, room = last+1, last < math.MaxUint64
		n += int(length)
	}
	if n > len(p) {
		return 0, 0, fmt.Errorf("%w: it has %d positions in %d bytes", errPacked, n, len(p))
	}
	return r.at, n, nil
}

// reader reads numbers; at is -1 after one that is not there.
type reader struct {
	b  []byte
	at int
}

func (r *reader) uvarint() uint64 {
	if r.at < 0 {
		return 0
	}
	n, width := binary.Uvarint(r.b[r.at:])
	r.move(width)
	return n
}

func (r *reader) varint() int64 {
	if r.at < 0 {
		return 0
	}
	n, width := binary.Varint(r.b[r.at:])
	r.move(width)
	return n
}

func (r *reader) move(width int) {
	if width <= 0 {
		r.at = -1
		return
	}
	r.at += width
}
