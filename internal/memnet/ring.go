package memnet

// ring is a queue of bytes that grows on demand. The zero value is empty.
type ring struct {
	buf   []byte // its length is 0 or a power of two
	start int    // of the oldest byte
	n     int
}

// firstRing is the least buffer: a heartbeat fits, and most connections of an idle
// cluster never carry more.
const firstRing = 512

func (r *ring) len() int { return r.n }

func (r *ring) write(b []byte) {
	if r.n+len(b) > len(r.buf) {
		r.grow(r.n + len(b))
	}
	end := (r.start + r.n) & (len(r.buf) - 1)
	k := copy(r.buf[end:], b)
	copy(r.buf, b[k:])
	r.n += len(b)
}

// read takes up to len(b) bytes out.
func (r *ring) read(b []byte) int {
	b = b[:min(len(b), r.n)]
	if len(b) == 0 {
		return 0
	}
	k := copy(b, r.buf[r.start:])
	copy(b[k:], r.buf)
	r.start = (r.start + len(b)) & (len(r.buf) - 1)
	r.n -= len(b)
	return len(b)
}

func (r *ring) grow(need int) {
	size := max(firstRing, len(r.buf))
	for size < need {
		size *= 2
	}
	grown := make([]byte, size)
	n := r.read(grown)
	*r = ring{buf: grown, n: n}
}
