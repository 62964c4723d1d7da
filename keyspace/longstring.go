package keyspace

import "slices"

// longString is a large string that has been changed in part. It is cut into chunks, so a
// change costs the chunks that it touches, whatever the length of the string. As an object
// its parts are ranges of bytes, each named by its offset, see [Op].
//
// Bytes that were handed out are never changed in place, see [LargeValue]: a chunk that the
// string does not own is copied before it is overwritten. Nobody has been given the memory
// behind the end, so an append needs no copy.
type longString struct {
	chunks []chunk // of chunkSize bytes each, but for the last
	length int
	held   int64  // bytes of the chunks' allocations
	flat   []byte // the allocation that lent chunks are in, nil if there are none
	lent   int    // how many chunks are in flat
}

type chunk struct {
	b    []byte // nil: chunkSize zeros, which take no memory
	own  bool   // b may be overwritten
	room bool   // what is behind b, up to its capacity, may be written
	lent bool   // b is in flat
}

const (
	chunkSize = 64 << 10

	chunkOverhead = 32 // bytes of the struct chunk
	stringFixed   = 96 // bytes of the struct longString
)

// zeros is what a chunk without memory holds.
var zeros [chunkSize]byte

// newLongString returns a longString of value, which it keeps and never changes.
func newLongString(value []byte) *longString {
	s := &longString{}
	s.alias(value)
	return s
}

// alias makes value, which nobody changes any more, the content.
func (s *longString) alias(value []byte) {
	s.length, s.flat, s.held = len(value), value, int64(cap(value))
	s.chunks = make([]chunk, 0, (len(value)+chunkSize-1)/chunkSize)
	for piece := range slices.Chunk(value, chunkSize) {
		s.chunks = append(s.chunks, chunk{b: piece, lent: true})
	}
	s.lent = len(s.chunks)
}

// contiguous returns the string as one value, which may be kept. If that has to be put
// together, it stays so until the next change.
func (s *longString) contiguous() []byte {
	if len(s.chunks) == 1 && s.chunks[0].b != nil {
		c := &s.chunks[0]
		c.own = false
		return c.b[:len(c.b):len(c.b)]
	}
	if s.lent < len(s.chunks) {
		s.alias(s.appendTo(make([]byte, 0, s.length), 0, s.length))
	}
	return s.flat[:s.length:s.length]
}

// at returns a byte that is within the string.
func (s *longString) at(i int) byte { return s.chunks[i/chunkSize].bytes()[i%chunkSize] }

// appendTo appends the bytes between two offsets, which are within the string, to dst.
func (s *longString) appendTo(dst []byte, from, to int) []byte {
	dst = slices.Grow(dst, to-from)
	for from < to {
		b := s.chunks[from/chunkSize].bytes()[from%chunkSize:]
		n := min(to-from, len(b))
		dst = append(dst, b[:n]...)
		from += n
	}
	return dst
}

func (c *chunk) bytes() []byte {
	if c.b == nil {
		return zeros[:]
	}
	return c.b
}

// write makes the bytes at offset those of value. What lies between the end and offset
// becomes zeros, of which whole chunks take no memory.
func (s *longString) write(offset int, value []byte) {
	if len(value) == 0 {
		return
	}
	for s.length < offset {
		at := s.length % chunkSize
		n := min(offset-s.length, chunkSize-at)
		if n == chunkSize {
			s.chunks = append(s.chunks, chunk{})
		} else {
			s.writeChunk(s.length/chunkSize, at, zeros[:n])
		}
		s.length += n
	}
	s.length = max(s.length, offset+len(value))
	for len(value) > 0 {
		n := min(len(value), chunkSize-offset%chunkSize)
		s.writeChunk(offset/chunkSize, offset%chunkSize, value[:n])
		offset, value = offset+n, value[n:]
	}
}

// writeChunk writes value at a place in chunk i, which is not behind its end. The chunk may
// be the one to come.
func (s *longString) writeChunk(i, at int, value []byte) {
	if i == len(s.chunks) {
		s.chunks = append(s.chunks, chunk{b: []byte{}})
	}
	c := &s.chunks[i]
	had, end := len(c.bytes()), at+len(value)
	if at < had && !c.own || end > had && !c.room || end > cap(c.b) {
		s.replace(c, end)
	}
	c.b = c.b[:max(had, end)]
	copy(c.b[at:], value)
}

// replace gives a chunk an allocation of its own, with room for end bytes: for some more if
// it grows, since what was appended to will be appended to again.
func (s *longString) replace(c *chunk, end int) {
	old := c.bytes()
	size := len(old)
	if end > size {
		size = min(chunkSize, max(end+end/4, 512))
	}
	b := make([]byte, len(old), size)
	copy(b, old)
	s.release(c)
	*c = chunk{b: b, own: true, room: true}
	s.held += int64(size)
}

// release subtracts what a chunk takes. All of flat counts until no chunk is in it.
func (s *longString) release(c *chunk) {
	if !c.lent {
		s.held -= int64(cap(c.b))
		return
	}
	if s.lent--; s.lent == 0 {
		s.held -= int64(cap(s.flat))
		s.flat = nil
	}
}

// truncate shortens the string. Bytes behind the new end may have been handed out, so they
// are not overwritten.
func (s *longString) truncate(length int) {
	n := (length + chunkSize - 1) / chunkSize
	for i := n; i < len(s.chunks); i++ {
		s.release(&s.chunks[i])
		s.chunks[i] = chunk{}
	}
	s.chunks = s.chunks[:n]
	s.length = length
	if rest := length % chunkSize; rest > 0 {
		c := &s.chunks[n-1]
		c.b, c.room = c.bytes()[:rest], false
	}
}

// written is what a write replaced.
type written struct {
	offset, length int // of the write, and of the string before it
	bytes          []byte
}

// before returns what a write of n bytes at offset will replace; room is where its bytes
// are kept, if they fit.
func (s *longString) before(offset, n int, room []byte) written {
	w := written{offset: offset, length: s.length}
	if end := min(offset+n, s.length); offset < end {
		w.bytes = s.appendTo(room[:0], offset, end)
	}
	return w
}

// undo makes the content what it was before a write.
func (s *longString) undo(w written) {
	s.truncate(w.length)
	s.write(w.offset, w.bytes)
}
