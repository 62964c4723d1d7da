package sender

import "sync"

// offsetMap tells which offset of the node's stream an offset of the commands stands for.
type offsetMap struct {
	mu     sync.Mutex // guards what follows
	list   []offsets  // that have not been acknowledged, in their order
	acked  int64
	stream int64 // of the last that has been
}

type offsets struct{ commands, stream int64 }

// maxOffsets bounds the list. Beyond that the last entry moves on, so that it takes a later
// acknowledgement to reach it.
const maxOffsets = 256

// put notes that the commands up to an offset make what the stream does up to another one.
func (m *offsetMap) put(commands, stream int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.list)
	switch {
	case commands <= m.acked:
		m.stream = max(m.stream, stream)
	case n > 0 && m.list[n-1].commands == commands || n == maxOffsets:
		m.list[n-1] = offsets{commands, stream}
	default:
		m.list = append(m.list, offsets{commands, stream})
	}
}

// reached notes what has been acknowledged.
func (m *offsetMap) reached(commands int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acked = max(m.acked, commands)
	n := 0
	for n < len(m.list) && m.list[n].commands <= m.acked {
		m.stream = max(m.stream, m.list[n].stream)
		n++
	}
	m.list = m.list[:copy(m.list, m.list[n:])]
}

// held returns the offset of the stream that has been acknowledged.
func (m *offsetMap) held() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stream
}
