package stream

// Redis keeps the entries of a node in a listpack, and begins another node by its size.
// Entries are not packed so here; but a node knows the size that it would have there, so
// that trimming whole nodes removes what it removes in Redis.

// Limits are where a node ends. 0 is no limit.
type Limits struct {
	Bytes   int // stream-node-max-bytes
	Entries int // stream-node-max-entries, deleted ones counted
}

// DefaultLimits returns the limits that Redis has by default.
func DefaultLimits() Limits { return Limits{Bytes: 4096, Entries: 100} }

const (
	// listpackFrame is the header and the end of a listpack.
	listpackFrame = 7
	// maxNodeBytes is the greatest size of a node.
	maxNodeBytes = 1 << 30
)

// listpackInt returns the size of an integer.
func listpackInt(v int64) int {
	switch {
	case v >= 0 && v <= 127:
		return 2
	case v >= -1<<12 && v < 1<<12:
		return 3
	case v >= -1<<15 && v < 1<<15:
		return 4
	case v >= -1<<23 && v < 1<<23:
		return 5
	case v >= -1<<31 && v < 1<<31:
		return 6
	}
	return 10
}

// listpackString returns the size of a string of n bytes that is no integer.
func listpackString(n int) int {
	switch {
	case n < 1<<6:
		n++
	case n < 1<<12:
		n += 2
	default:
		n += 5
	}
	switch { // its length behind it
	case n <= 127:
		return n + 1
	case n < 1<<14-1:
		return n + 2
	case n < 1<<21-1:
		return n + 3
	case n < 1<<28-1:
		return n + 4
	}
	return n + 5
}

// listpackField returns the size of a string.
func listpackField(s []byte) int {
	if v, ok := parseInt(s); ok {
		return listpackInt(v)
	}
	return listpackString(len(s))
}

// listpackDelta returns the size of an ID in a node that began with another one.
func listpackDelta(id, key ID) int {
	return listpackInt(int64(id.Ms-key.Ms)) + listpackInt(int64(id.Seq-key.Seq))
}
