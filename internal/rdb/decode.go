package rdb

import (
	"encoding/binary"
	"io"
	"math"
	"strconv"
)

// Each calls fn with the elements of a collection in the order of the payload, until it
// returns an error, which Each returns. An Element and what it points to are valid until fn
// returns; elements may alias the payload.
//
// Every length, number and backward length is checked where it is read, so elements that
// come before the fault have been given out when Each returns ErrFormat. Nothing is
// allocated for what a length claims: the most that one step takes is the size of one
// compressed string, at most 88 times its bytes in the payload. A name that comes twice in a
// set, a sorted set or a hash makes the payload invalid; the caller finds that out, because
// it has them all; so of a group or a consumer of a stream. A collection without elements is
// ErrFormat too, but for a stream: that has at least its StreamSelf.
//
// The parts of a stream come in this order: its entries by their IDs, itself, and of each
// group itself, the consumers, and what is pending by its IDs. Of that no more than one group
// is held.
func (v Value) Each(fn func(*Element) error) error {
	d := decoder{b: v.body, fn: fn}
	err := ErrFormat
	switch v.form {
	case formString:
	case formList, formSet, formZSet, formZSet2, formHash, formHashTimes, formHashTimesEarly, formHashTimesValkey:
		err = d.table(v.form)
	case formQuicklist, formQuicklist2:
		err = d.quicklist(v.form)
	case formStreamEarly, formStream, formStreamActive:
		err = (&streamReader{decoder: &d}).read(v.form)
	default:
		err = d.packed(v.form)
	}
	if err == nil && (d.given == 0 || len(d.b) > 0) {
		err = ErrFormat
	}
	return err
}

// decoder reads the elements of a collection.
type decoder struct {
	b       []byte // what has not been read
	fn      func(*Element) error
	e       Element
	given   int
	first   int64       // times are written as the distance from it, plus 1
	scratch [3][32]byte // numbers of an element, as text
}

func (d *decoder) give() error {
	d.given++
	return d.fn(&d.e)
}

// str reads a string; i says which of the element's.
func (d *decoder) str(i int) (s []byte, ok bool) {
	s, d.b, ok = readString(d.b, d.scratch[i][:])
	return s, ok
}

// time reads 8 bytes.
func (d *decoder) time() (int64, bool) {
	if len(d.b) < 8 {
		return 0, false
	}
	at := int64(binary.LittleEndian.Uint64(d.b))
	d.b = d.b[8:]
	return at, true
}

// table reads a number of elements and as many elements.
func (d *decoder) table(f form) error {
	ok := true
	if d.first = 1; f == formHashTimes {
		if d.first, ok = d.time(); !ok || d.first < 0 || d.first > maxTime+1 {
			return ErrFormat
		}
	}
	n, rest, ok := readCount(d.b)
	if !ok {
		return ErrFormat
	}
	d.b = rest
	for range n {
		if d.e = (Element{}); !d.element(f) {
			return ErrFormat
		}
		if err := d.give(); err != nil {
			return err
		}
	}
	return nil
}

// element reads one of a table.
func (d *decoder) element(f form) (ok bool) {
	if (f == formHashTimes || f == formHashTimesEarly) && !d.distance() {
		return false
	}
	if d.e.Name, ok = d.str(0); !ok {
		return false
	}
	switch f {
	case formZSet:
		return d.textScore()
	case formZSet2:
		bits, ok := d.time()
		d.e.Score = math.Float64frombits(uint64(bits))
		return ok && !math.IsNaN(d.e.Score)
	case formHash, formHashTimes, formHashTimesEarly:
		d.e.Value, ok = d.str(1)
	case formHashTimesValkey:
		if d.e.Value, ok = d.str(1); ok {
			ok = d.valkeyTime()
		}
	}
	return ok
}

// maxTime bounds expiries: Redis keeps 48 bits of milliseconds.
const maxTime = 1<<48 - 1

// distance reads a time as the distance from the first, plus 1; 0 is never.
func (d *decoder) distance() bool {
	after, rest, ok := readWide(d.b)
	if !ok || after > maxTime {
		return false
	}
	if d.b = rest; after > 0 {
		d.e.ExpireAt = max(1, int64(after)-1+d.first) // 0 would be never
	}
	return d.e.ExpireAt <= maxTime
}

// valkeyTime reads a time of which -1 is never.
func (d *decoder) valkeyTime() bool {
	at, ok := d.time()
	switch {
	case at == -1:
		at = 0
	case at == 0: // long ago, where our 0 means never
		at = 1
	}
	d.e.ExpireAt = at
	return ok && at >= 0 && at <= maxTime
}

// textScore reads a score as old versions wrote it: the length of a text, which three lengths
// replace that no number has.
func (d *decoder) textScore() bool {
	if len(d.b) == 0 {
		return false
	}
	n := int(d.b[0])
	d.b = d.b[1:]
	switch n {
	case 253: // not a number
		return false
	case 254:
		d.e.Score = math.Inf(1)
	case 255:
		d.e.Score = math.Inf(-1)
	default:
		if n > len(d.b) {
			return false
		}
		score, ok := parseScore(d.b[:n])
		d.e.Score, d.b = score, d.b[n:]
		return ok
	}
	return true
}

func parseScore(text []byte) (float64, bool) {
	score, err := strconv.ParseFloat(string(text), 64)
	return score, err == nil && !math.IsNaN(score)
}

// quicklist reads a list in pieces.
func (d *decoder) quicklist(f form) error {
	const plain, packed = 1, 2
	n, rest, ok := readCount(d.b)
	d.b = rest
	for i := 0; ok && i < n; i++ {
		container := packed
		if f == formQuicklist2 {
			container, d.b, ok = readCount(d.b)
		}
		if !ok || container != plain && container != packed {
			return ErrFormat
		}
		piece, there := d.str(0)
		if !there || len(piece) == 0 {
			return ErrFormat
		}
		d.e = Element{Name: piece}
		if container == plain {
			if err := d.give(); err != nil {
				return err
			}
			continue
		}
		row, there := newListpack(piece)
		if f == formQuicklist {
			row, there = newZiplist(piece)
		}
		if !there {
			return ErrFormat
		}
		if err := d.row(row, 1, nil); err != nil {
			return err
		}
	}
	if !ok {
		return ErrFormat
	}
	return nil
}

// packed reads a collection that is one string.
func (d *decoder) packed(f form) error {
	if f == formListpackTimes { // the first of the times
		if _, ok := d.time(); !ok {
			return ErrFormat
		}
	}
	b, ok := d.str(0)
	if !ok {
		return ErrFormat
	}
	if f == formIntset {
		return eachInt(b, func(text []byte) error {
			d.e = Element{Name: text}
			return d.give()
		})
	}
	var row entries
	switch f {
	case formZipmap:
		row, ok = newZipmap(b)
	case formListZiplist, formZSetZiplist, formHashZiplist:
		row, ok = newZiplist(b)
	default:
		row, ok = newListpack(b)
	}
	if !ok {
		return ErrFormat
	}
	switch f {
	case formZSetZiplist, formZSetListpack:
		return d.row(row, 2, d.packedScore)
	case formZipmap, formHashZiplist, formHashListpack:
		return d.row(row, 2, d.packedValue)
	case formListpackEarly, formListpackTimes:
		return d.row(row, 3, d.packedTime)
	}
	return d.row(row, 1, nil)
}

// row reads elements that are width entries each: the name, and what more has to say.
func (d *decoder) row(row entries, width int, more func(entry []byte, i int) bool) error {
	for {
		name, err := row.next(d.scratch[0][:])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		d.e = Element{Name: name}
		for i := 1; i < width; i++ {
			entry, err := row.next(d.scratch[i][:])
			if err != nil || !more(entry, i) { // also if the row ends here
				return ErrFormat
			}
		}
		if err := d.give(); err != nil {
			return err
		}
	}
}

func (d *decoder) packedScore(entry []byte, _ int) (ok bool) {
	d.e.Score, ok = parseScore(entry)
	return ok
}

func (d *decoder) packedValue(entry []byte, _ int) bool {
	d.e.Value = entry
	return true
}

func (d *decoder) packedTime(entry []byte, i int) (ok bool) {
	if i == 1 {
		d.e.Value = entry
		return true
	}
	d.e.ExpireAt, ok = parseInt(entry)
	return ok && d.e.ExpireAt >= 0 && d.e.ExpireAt <= maxTime
}
