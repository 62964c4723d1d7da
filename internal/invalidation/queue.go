package invalidation

// queue holds what is to be written to the other end of a connection. Its owner guards it.
type queue struct {
	b    []byte
	wake chan struct{} // has room for one: there is something to write
	over bool          // nothing is written any more
}

// maxQueue bounds a queue in bytes.
const maxQueue = 256 << 10

func newQueue() queue { return queue{wake: make(chan struct{}, 1)} }

// add appends a message. It returns false, and appends nothing, if the queue is full.
func (q *queue) add(m *Message) bool {
	if q.over {
		return true
	}
	if len(q.b)+len(m.Key) > maxQueue {
		return false
	}
	q.b = m.append(q.b)
	q.signal()
	return true
}

// replace leaves only m in the queue.
func (q *queue) replace(m *Message) {
	q.b = m.append(q.b[:0])
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// drain returns what is in the queue, and leaves spare for what comes next.
func (q *queue) drain(spare []byte) []byte {
	b := q.b
	q.b = spare[:0]
	return b
}

// end drops what is in the queue, and what would come.
func (q *queue) end() { q.b, q.over = nil, true }
