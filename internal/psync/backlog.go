package psync

// Backlog keeps the last bytes of a stream of commands, for a follower that comes back. The
// zero value keeps none.
type Backlog struct {
	size int    // bytes to keep
	ring []byte // grows up to size
	from int    // where the oldest byte is in ring
	held int    // bytes that are
	end  int64  // of the stream
}

// NewBacklog returns an empty Backlog that keeps size bytes.
func NewBacklog(size int) *Backlog { return &Backlog{size: max(size, 0)} }

// Start returns the offset of the oldest byte held.
func (b *Backlog) Start() int64 { return b.end - int64(b.held) }

// End returns the number of bytes of the stream.
func (b *Backlog) End() int64 { return b.end }

// Has reports whether what follows offset is held to the end.
func (b *Backlog) Has(offset int64) bool { return offset >= b.Start() && offset <= b.end }

const firstRing = 4 << 10

// Write continues the stream. It never fails.
func (b *Backlog) Write(p []byte) (int, error) {
	n := len(p)
	b.end += int64(n)
	if len(p) >= b.size {
		p = p[len(p)-b.size:]
		b.held, b.from = 0, 0
	}
	if need := b.held + len(p); need > len(b.ring) && len(b.ring) < b.size {
		b.resize(min(b.size, max(need, 2*len(b.ring), firstRing)))
	}
	for len(p) > 0 {
		at := (b.from + b.held) % len(b.ring)
		k := copy(b.ring[at:], p)
		p = p[k:]
		b.held += k
		if over := b.held - len(b.ring); over > 0 {
			b.from = (b.from + over) % len(b.ring)
			b.held = len(b.ring)
		}
	}
	return n, nil
}

// resize changes the length of the ring, and keeps the newest bytes that have room there.
func (b *Backlog) resize(n int) {
	ring := make([]byte, n)
	keep := min(b.held, n)
	b.Read(b.end-int64(keep), ring[:keep])
	b.ring, b.from, b.held = ring, 0, keep
}

// SetSize changes how many bytes are kept.
func (b *Backlog) SetSize(size int) {
	if b.size = max(size, 0); len(b.ring) > b.size {
		b.resize(b.size)
	}
}

// Read copies what follows offset, which it must have, into dst, and returns how many bytes.
func (b *Backlog) Read(offset int64, dst []byte) (n int) {
	skip := int(offset - b.Start())
	for n < len(dst) && skip < b.held {
		at := (b.from + skip) % len(b.ring)
		k := copy(dst[n:], b.ring[at:min(len(b.ring), at+b.held-skip)])
		n += k
		skip += k
	}
	return n
}
