package ranked

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"
)

// ref is where a record is: the number of its page, and the offset there in units of four
// bytes. Page 0 has no records, so ref 0 is none.
type ref uint32

const (
	unitBits   = 2 // records begin at multiples of 4 bytes
	pageBits   = 13
	pageSize   = 1 << pageBits
	offsetBits = pageBits - unitBits
	maxPages   = 1 << (32 - offsetBits)
	minPage    = 512 // bytes of the first page of a set
	// A longer record has a page of its own, so that records fill the other pages well.
	maxShared = pageSize / 4
	scoreLen  = 8
)

// records holds the scores and members. A record is the score, 8 bytes big-endian, the
// member's length, a varint, and the member.
type records struct {
	epoch epoch
	pages []*page
	live  []int32 // bytes of each page's records that are not free
	spare []int32 // numbers of pages that are not in use
	tail  int     // the page that takes new records, 0 if there is none
	held  int64   // bytes of all pages
}

type page struct {
	epoch epoch
	buf   []byte
}

// pageOverhead is what a page costs besides its buffer, with its share of the directory.
const pageOverhead = 32 + 12

func newRecords() records { return records{pages: []*page{nil}, live: []int32{0}} }

func (rs *records) clone() records {
	c := *rs
	c.pages, c.live, c.spare = slices.Clone(rs.pages), slices.Clone(rs.live), slices.Clone(rs.spare)
	return c
}

func (rs *records) bytes() int64 { return rs.held + int64(len(rs.pages))*pageOverhead }

func (rs *records) at(r ref) []byte {
	return rs.pages[r>>offsetBits].buf[(r&(1<<offsetBits-1))<<unitBits:]
}

func (rs *records) scoreBytes(r ref) []byte { return rs.at(r)[:scoreLen:scoreLen] }

func (rs *records) score(r ref) float64 {
	return math.Float64frombits(binary.BigEndian.Uint64(rs.at(r)))
}

func (rs *records) member(r ref) []byte { return memberAt(rs.at(r)) }

// memberAt returns the member of the record at the beginning of b.
func memberAt(b []byte) []byte {
	n, from := int(b[scoreLen]), scoreLen+1
	if n >= 0x80 {
		long, k := binary.Uvarint(b[scoreLen:])
		n, from = int(long), scoreLen+k
	}
	return b[from : from+n : from+n]
}

// recordLen returns the bytes that a record takes up.
func recordLen(member int) int {
	n := scoreLen + 1 + member
	for more := member >> 7; more != 0; more >>= 7 {
		n++
	}
	return (n + 1<<unitBits - 1) &^ (1<<unitBits - 1)
}

// setScore changes a record's score in place.
func (rs *records) setScore(r ref, score float64) {
	rs.own(int(r >> offsetBits))
	binary.BigEndian.PutUint64(rs.at(r), math.Float64bits(score))
}

// own returns a page that may be changed.
func (rs *records) own(number int) *page {
	p := rs.pages[number]
	if p.epoch != rs.epoch {
		p = &page{epoch: rs.epoch, buf: append(make([]byte, 0, cap(p.buf)), p.buf...)}
		rs.pages[number] = p
	}
	return p
}

// add stores a record and returns where, 0 if all references are in use.
func (rs *records) add(score float64, member []byte) ref {
	number, size := rs.tail, recordLen(len(member))
	switch {
	case size > maxShared:
		number = rs.newPage(size)
	case number == 0 || len(rs.pages[number].buf)+size > cap(rs.pages[number].buf):
		// The first pages are short, as long as all before together: most sets are small.
		number = rs.newPage(max(size, int(min(max(rs.held, minPage), pageSize))))
		rs.tail = number
	}
	if number == 0 {
		return 0
	}
	p := rs.own(number)
	start := len(p.buf)
	p.buf = p.buf[:start+size]
	b := p.buf[start:]
	binary.BigEndian.PutUint64(b, math.Float64bits(score))
	at := scoreLen + binary.PutUvarint(b[scoreLen:], uint64(len(member)))
	clear(b[at+copy(b[at:], member):])
	rs.live[number] += int32(size)
	return ref(number<<offsetBits | start>>unitBits)
}

// newPage returns the number of a new page, 0 if there is none left.
func (rs *records) newPage(size int) int {
	p := &page{epoch: rs.epoch, buf: append([]byte(nil), make([]byte, size)...)[:0]}
	if n := len(rs.spare); n > 0 {
		number := int(rs.spare[n-1])
		rs.spare = rs.spare[:n-1]
		rs.pages[number] = p
		rs.held += int64(cap(p.buf))
		return number
	}
	if len(rs.pages) == maxPages {
		return 0
	}
	rs.pages, rs.live = append(rs.pages, p), append(rs.live, 0)
	rs.held += int64(cap(p.buf))
	return len(rs.pages) - 1
}

// free gives a record up. It returns the number of the record's page if more than half of
// that is free now, so that its other records should move; otherwise 0.
func (rs *records) free(r ref) (sparse int) {
	number := int(r >> offsetBits)
	size := cap(rs.pages[number].buf)
	rs.live[number] -= int32(recordLen(len(rs.member(r))))
	live := int(rs.live[number])
	switch {
	case live == 0:
		rs.pages[number] = nil
		rs.spare = append(rs.spare, int32(number))
		rs.held -= int64(size)
		if rs.tail == number {
			rs.tail = 0
		}
	case number != rs.tail && live < size/2:
		return number
	}
	return 0
}

// all yields the records of a page, with those that are free. They may be moved meanwhile.
func (rs *records) all(number int) iter.Seq2[ref, []byte] {
	buf := rs.pages[number].buf
	return func(yield func(ref, []byte) bool) {
		for at := 0; at < len(buf); {
			member := memberAt(buf[at:])
			if !yield(ref(number<<offsetBits|at>>unitBits), member) {
				return
			}
			at += recordLen(len(member))
		}
	}
}
