package keyspace

import "math"

const (
	// A segment that holds more is split; both bounds keep the longest pause of a write (one
	// split or one compaction) in the tens of microseconds.
	splitBytes   = 64 << 10
	splitEntries = 1024
	// segmentOverhead is what a segment costs besides its index, arena and large values.
	segmentOverhead = 136
	// never is the due time of what has no expiry.
	never = math.MaxInt64
)

// segment holds the entries of one slot whose hashes begin with the same bits: an index,
// an arena and the outside allocations of large entries. A small slot is one segment; a
// slot that grows splits its segments one at a time (extendible hashing), so that no
// write ever waits for more than one segment's worth of work.
type segment struct {
	// What every lookup needs comes first, in one cache line.
	index  index
	arena  arena
	larges *larges // nil: there are none

	live      int32  // bytes of the arena that entries use; arena.used-live are abandoned
	volatiles int32  // entries with an expiry
	due       int64  // no entry expires before; may be too early, never too late
	deleted   uint64 // version of the last removal

	prefix uint32 // the hash bits that all keys share, left-aligned in prefixBits
	depth  uint8  // how many these are
	stuck  uint8  // how often a split would have separated nothing
}

func newSegment(prefix uint32, depth uint8, deleted uint64) *segment {
	return &segment{prefix: prefix, depth: depth, deleted: deleted, due: never}
}

// bytes returns the memory that entries use, held what is reserved for them.
func (s *segment) bytes() int64 {
	return int64(segmentOverhead + int(s.live) + cap(s.index.cells)*4 + s.larges.size())
}

func (s *segment) held() int64 {
	return int64(segmentOverhead + int(s.arena.held) + cap(s.index.cells)*4 + s.larges.size())
}

// find returns the position of key in the index, -1 if it is not there.
func (s *segment) find(tag uint32, key []byte) int {
	at, _, _ := s.locate(tag, key)
	return at
}

// locate is find that also returns the entry's bytes, to the end of its page, and its
// head.
func (s *segment) locate(tag uint32, key []byte) (at int, b []byte, h head) {
	cells := s.index.cells
	if len(cells) == 0 {
		return -1, nil, h
	}
	for at := s.index.home(tag); at < len(cells); at++ {
		cell := cells[at]
		if cell == 0 || cellTag(cell) > tag {
			break
		}
		if cellTag(cell) != tag {
			continue
		}
		b := s.arena.at(cellRef(cell))
		h := parseHead(b)
		from := h.keyAt()
		if h.flags&flagLargeKey == 0 && string(b[from:from+h.key]) == string(key) ||
			h.flags&flagLargeKey != 0 && string(s.larges.list[h.value].key) == string(key) {
			return at, b, h
		}
	}
	return -1, nil, h
}

// key returns the key of the entry at r. It aliases the segment.
func (s *segment) key(r ref) []byte {
	b := s.arena.at(r)
	h := parseHead(b)
	if h.flags&flagLargeKey != 0 {
		return s.larges.list[h.value].key
	}
	at := h.keyAt()
	return b[at : at+h.key : at+h.key]
}

// record decodes the entry at r. Key and value alias the segment.
func (s *segment) record(r ref) record {
	b := s.arena.at(r)
	h := parseHead(b)
	return s.recordAt(b, h)
}

func (s *segment) recordAt(b []byte, h head) record {
	rec := recordIn(b, h)
	if h.flags&flagLarge == 0 {
		return rec
	}
	rec.large = uint32(h.value)
	outside := s.larges.list[rec.large]
	rec.value, rec.coll = outside.value, outside.coll
	if h.flags&flagLargeKey != 0 {
		rec.key = outside.key
	}
	return rec
}

// put stores rec, whose shape is set, in place of the entry at position at, or as a new
// one if at is -1. Large keys and values are kept, all else is copied. It returns
// false if the arena is full, which takes a flood of keys with equal hash bits.
func (s *segment) put(at int, tag uint32, rec *record) bool {
	var entry []byte
	var oldSize int
	var oldHead head
	if at >= 0 {
		entry = s.arena.at(cellRef(s.index.cells[at]))
		oldHead = parseHead(entry)
		oldSize = oldHead.size()
	}
	if rec.flags&flagLarge != 0 {
		outside := large{value: rec.value, coll: rec.coll}
		if rec.flags&flagLargeKey != 0 {
			outside.key = rec.key
		}
		rec.large = s.addLarge(outside)
	}
	size := rec.size()
	if at < 0 || size > oldSize {
		r, b, ok := s.arena.alloc(size, size)
		if !ok {
			if rec.flags&flagLarge != 0 {
				s.larges.drop(rec.large)
			}
			return false
		}
		entry = b
		if at < 0 {
			s.index.insert(cellOf(tag, r))
		} else {
			s.index.cells[at] = cellOf(tag, r)
		}
	}
	if at >= 0 {
		s.forget(oldHead)
	}
	rec.encode(entry)
	s.live += int32(size)
	if rec.flags&flagExpires != 0 {
		s.volatiles++
		s.due = min(s.due, rec.expireAt)
	}
	if rec.flags&flagDue != 0 {
		s.due = min(s.due, rec.partsDue())
	}
	return true
}

// forget subtracts an entry from the totals.
func (s *segment) forget(h head) {
	s.live -= int32(h.size())
	if h.flags&flagExpires != 0 {
		s.volatiles--
	}
	if h.flags&flagLarge != 0 {
		s.larges.drop(uint32(h.value))
	}
}

// remove removes the entry at position at.
func (s *segment) remove(at int) {
	h := parseHead(s.arena.at(cellRef(s.index.cells[at])))
	s.forget(h)
	s.index.remove(at)
}

// full reports whether the segment should be split before it takes another entry. After a
// split that was no use, the next attempt is made at twice the size.
func (s *segment) full() bool {
	return int(s.live) >= splitBytes<<s.stuck || int(s.index.n) >= splitEntries<<s.stuck
}

// wasteful reports whether compaction pays after a put: a quarter of the live bytes is
// abandoned.
func (s *segment) wasteful() bool {
	return s.arena.used-s.live > s.live/4+512 || s.index.sparse()
}

// hollow is wasteful after a removal, with a lower bound: a caller that removes keys
// expects to get memory back, and puts are more frequent.
func (s *segment) hollow() bool {
	return s.arena.used-s.live > s.live/8+256 || s.index.sparse()
}

// compact moves all entries together and gives the gaps back.
func (s *segment) compact() {
	old := s.arena
	s.arena = arena{}
	left := int(s.live)
	for i, cell := range s.index.cells {
		if cell == 0 {
			continue
		}
		b := old.at(cellRef(cell))
		h := parseHead(b)
		size := h.size()
		r, room, ok := s.arena.alloc(size, left)
		if !ok { // cannot be: the same entries fitted before, with gaps
			panic("keyspace: entries outgrew their arena while moving together")
		}
		copy(room, b[:size])
		s.index.cells[i] = cellOf(cellTag(cell), r)
		left -= size
	}
	if s.index.sparse() {
		s.index.resize(int(s.index.n))
	}
}

// builder fills a new segment with entries of other segments, in tag order.
type builder struct {
	*segment
	next int // see index.push
	left int // bytes still to come
}

// move moves an entry of from into the segment. from is given up afterwards.
func (b *builder) move(from *segment, cell uint32) {
	src := from.arena.at(cellRef(cell))
	h := parseHead(src)
	if h.flags&flagLarge == 0 {
		b.copy(cell, src[:h.size()])
	} else {
		rec := from.record(cellRef(cell))
		rec.large = b.addLarge(from.larges.list[rec.large])
		encoded := make([]byte, rec.size())
		rec.encode(encoded)
		b.copy(cell, encoded)
	}
	if h.flags&flagExpires != 0 {
		b.volatiles++
		b.due = min(b.due, h.expireAt(src))
	}
	if h.flags&flagDue != 0 {
		rec := from.record(cellRef(cell))
		b.due = min(b.due, rec.partsDue())
	}
}

func (b *builder) copy(cell uint32, entry []byte) {
	r, room, ok := b.arena.alloc(len(entry), max(b.left, len(entry)))
	if !ok { // cannot be: see splitBytes and mergeable
		panic("keyspace: entries outgrew their arena while changing segments")
	}
	copy(room, entry)
	b.left -= len(entry)
	b.live += int32(len(entry))
	b.next = b.index.push(b.next, cellOf(cellTag(cell), r))
}

// split returns two segments, by the next bit of the keys' hashes. ok is false if that
// bit is the same for all.
func (s *segment) split(hash func(key []byte) uint64) (low, high *segment, ok bool) {
	var half [2]builder
	var count [2]int
	side := make([]uint8, len(s.index.cells))
	for i, cell := range s.index.cells {
		if cell == 0 {
			continue
		}
		b := s.arena.at(cellRef(cell))
		h := parseHead(b)
		k := hash(s.key(cellRef(cell))) << s.depth >> 63
		side[i] = uint8(k)
		half[k].left += h.size()
		count[k]++
	}
	if count[0] == 0 || count[1] == 0 {
		return nil, nil, false
	}
	step := uint32(1) << (prefixBits - 1 - s.depth)
	half[0].segment = newSegment(s.prefix, s.depth+1, s.deleted)
	half[1].segment = newSegment(s.prefix|step, s.depth+1, s.deleted)
	half[0].index.reserve(count[0])
	half[1].index.reserve(count[1])
	for i, cell := range s.index.cells {
		if cell != 0 {
			half[side[i]].move(s, cell)
		}
	}
	return half[0].segment, half[1].segment, true
}

// mergeable reports whether both halves of a split are so small that one segment
// holds them with room to spare.
func mergeable(a, b *segment) bool {
	return a.depth == b.depth && a.live+b.live <= splitBytes/2 && int(a.index.n+b.index.n) <= splitEntries/2
}

// merge undoes a split.
func merge(low, high *segment) *segment {
	b := builder{segment: newSegment(low.prefix, low.depth-1, max(low.deleted, high.deleted)),
		left: int(low.live + high.live)}
	b.index.reserve(int(low.index.n + high.index.n))
	l, h := nextCell(low, 0), nextCell(high, 0)
	for l < len(low.index.cells) || h < len(high.index.cells) {
		fromLow := h == len(high.index.cells) ||
			l < len(low.index.cells) && cellTag(low.index.cells[l]) <= cellTag(high.index.cells[h])
		if fromLow {
			b.move(low, low.index.cells[l])
			l = nextCell(low, l+1)
		} else {
			b.move(high, high.index.cells[h])
			h = nextCell(high, h+1)
		}
	}
	return b.segment
}

// nextCell returns the first position from at on that is in use.
func nextCell(s *segment, at int) int {
	for at < len(s.index.cells) && s.index.cells[at] == 0 {
		at++
	}
	return at
}
