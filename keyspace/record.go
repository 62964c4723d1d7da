package keyspace

import "encoding/binary"

// An entry in an arena:
//
//	flags 1 | access 3 | version 3 | key length 1-2 | value length 1-2 |
//	more of the version 0 or 5 | type 0 or 1 | expiry 0 or 8 | key | value
//
// Numbers are little endian. A large entry has its value (and a very long key) in an
// allocation of its own; its value length is then the number of that allocation (see
// larges). 16-byte keys with 100-byte values take 125 bytes.
const (
	flagExpires  = 1 << iota // there is an expiry
	flagWide                 // the version has 8 bytes
	flagTyped                // there is a type; it is String otherwise
	flagLarge                // the value is outside
	flagLargeKey             // the key is outside, too
	flagDue                  // parts of the value expire

	maxKey    = 512 // bytes of a key inside the arena
	versionAt = 4
	lengthsAt = 7

	narrow = 24 // bits of a version that every entry has room for
)

// LargeValue is the length in bytes up to which a value lives in its slot's arena. A
// longer one has an allocation of its own, which the store never changes in place: it may
// be kept, read only, after the transaction.
const LargeValue = 2048

// record is a decoded entry.
type record struct {
	typ      Type
	flags    byte
	access   uint32
	large    uint32 // number of the outside allocation
	expireAt int64
	version  uint64
	key      []byte
	value    []byte
	coll     *collection // nil: value is all there is
}

// shape sets the flags from the other fields.
func (r *record) shape() {
	r.flags = 0
	if r.expireAt != 0 {
		r.flags |= flagExpires
	}
	if r.version>>narrow != 0 {
		r.flags |= flagWide
	}
	if r.typ != String {
		r.flags |= flagTyped
		if r.partsDue() != never {
			r.flags |= flagDue
		}
	}
	if isLarge(len(r.key), len(r.value)) || r.coll != nil {
		r.flags |= flagLarge
		if len(r.key) > maxKey {
			r.flags |= flagLargeKey
		}
	}
}

func isLarge(key, value int) bool { return value > LargeValue || key > maxKey }

// lengths returns what stands in the two length fields.
func (r *record) lengths() (key, value int) {
	key, value = len(r.key), len(r.value)
	if r.flags&flagLarge != 0 {
		value = int(r.large)
	}
	if r.flags&flagLargeKey != 0 {
		key = 0
	}
	return key, value
}

// size returns the bytes that encode writes.
func (r *record) size() int {
	key, value := r.lengths()
	n := lengthsAt + varintLen(key) + varintLen(value) + fixedLen(r.flags) + key
	if r.flags&flagLarge == 0 {
		n += value
	}
	return n
}

// encode writes the entry to b, which has size bytes. The key and the value must not lie
// in b, where the entry's former version was.
func (r *record) encode(b []byte) {
	key, value := r.lengths()
	b[0] = r.flags
	putAccess(b, r.access)
	putVersion(b, r.version)
	at := lengthsAt + binary.PutUvarint(b[lengthsAt:], uint64(key))
	at += binary.PutUvarint(b[at:], uint64(value))
	if r.flags&flagWide != 0 {
		b[at] = byte(r.version >> narrow)
		binary.LittleEndian.PutUint32(b[at+1:], uint32(r.version>>(narrow+8)))
		at += wideLen
	}
	if r.flags&flagTyped != 0 {
		b[at] = byte(r.typ)
		at++
	}
	if r.flags&flagExpires != 0 {
		binary.LittleEndian.PutUint64(b[at:], uint64(r.expireAt))
		at += 8
	}
	at += copy(b[at:], r.key[:key])
	if r.flags&flagLarge == 0 {
		copy(b[at:], r.value)
	}
}

// head is the part of an entry that tells where the rest is.
type head struct {
	flags      byte
	key, value int // the length fields
	fixed      int // where what depends on the flags begins: version, type, expiry
}

func parseHead(b []byte) head {
	// what most entries are, small enough to be inlined
	if key, value := b[lengthsAt], b[lengthsAt+1]; (key|value)&0x80 == 0 {
		return head{b[0], int(key), int(value), lengthsAt + 2}
	}
	return parseLongHead(b)
}

func parseLongHead(b []byte) head {
	key, at := longLength(b, lengthsAt)
	value, at := longLength(b, at)
	return head{b[0], key, value, at}
}

func longLength(b []byte, at int) (length, next int) {
	v, n := binary.Uvarint(b[at:])
	return int(v), at + n
}

// keyAt returns where the key is.
func (h head) keyAt() int { return h.fixed + fixedLen(h.flags) }

// valueIn returns the value of the entry at the beginning of b, which is not large. It
// aliases b.
func (h head) valueIn(b []byte) []byte {
	at := h.keyAt() + h.key
	return b[at : at+h.value : at+h.value]
}

// size returns the bytes of the entry.
func (h head) size() int {
	n := h.keyAt() + h.key
	if h.flags&flagLarge == 0 {
		n += h.value
	}
	return n
}

// recordIn decodes the entry at the beginning of b, without the parts that are allocated
// outside of the arena.
func recordIn(b []byte, h head) record {
	rec := record{typ: h.typ(b), flags: h.flags, access: accessOf(b), expireAt: h.expireAt(b), version: h.version(b)}
	at := h.keyAt()
	rec.key = b[at : at+h.key : at+h.key]
	if h.flags&flagLarge == 0 {
		rec.value = h.valueIn(b)
	}
	return rec
}

func (h head) version(b []byte) uint64 {
	v := uint64(binary.LittleEndian.Uint32(b[versionAt:]) & (1<<narrow - 1))
	if h.flags&flagWide != 0 {
		v |= uint64(b[h.fixed])<<narrow | uint64(binary.LittleEndian.Uint32(b[h.fixed+1:]))<<(narrow+8)
	}
	return v
}

// putVersion writes the narrow part of a version.
func putVersion(b []byte, version uint64) {
	b[versionAt], b[versionAt+1], b[versionAt+2] = byte(version), byte(version>>8), byte(version>>16)
}

func (h head) typ(b []byte) Type {
	if h.flags&flagTyped == 0 {
		return String
	}
	return Type(b[h.fixed+int(h.flags&flagWide)/flagWide*wideLen])
}

func (h head) expireAt(b []byte) int64 {
	if h.flags&flagExpires == 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b[h.keyAt()-8:]))
}

const wideLen = 5 // bytes of a version beyond the narrow ones

// fixedLen returns the length of the part that depends on the flags. It branches instead
// of computing, so that a processor that predicts right reads the key before the flags
// have arrived.
func fixedLen(flags byte) int {
	if flags&(flagWide|flagTyped|flagExpires) == 0 {
		return 0
	}
	return int(flags&flagWide)/flagWide*wideLen + int(flags&flagTyped)/flagTyped + int(flags&flagExpires)*8
}

func varintLen(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func accessOf(b []byte) uint32 { return binary.LittleEndian.Uint32(b) >> 8 }

func putAccess(b []byte, access uint32) {
	binary.LittleEndian.PutUint32(b, access<<8|uint32(b[0]))
}

// larges are the allocations of a segment's large entries. An entry names its own by
// number, so that arenas stay free of pointers.
type larges struct {
	list  []large
	free  []uint32
	bytes int
}

type large struct {
	key   []byte // nil if the key is in the arena
	value []byte
	coll  *collection // nil: the value is plain
}

const largeOverhead = 56 // bytes of the struct large

func (s *segment) addLarge(g large) uint32 {
	if s.larges == nil {
		s.larges = &larges{}
	}
	return s.larges.add(g)
}

// size returns the bytes of all.
func (s *larges) size() int {
	if s == nil {
		return 0
	}
	return s.bytes
}

func (g *large) size() int {
	n := cap(g.key) + cap(g.value) + largeOverhead
	if g.coll != nil {
		n += int(g.coll.counted)
	}
	return n
}

func (s *larges) add(g large) uint32 {
	s.bytes += g.size()
	if n := len(s.free); n > 0 {
		id := s.free[n-1]
		s.free = s.free[:n-1]
		s.list[id] = g
		return id
	}
	s.list = append(s.list, g)
	return uint32(len(s.list) - 1)
}

func (s *larges) drop(id uint32) {
	s.bytes -= s.list[id].size()
	s.list[id] = large{}
	s.free = append(s.free, id)
}
