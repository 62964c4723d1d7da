package peer

import (
	"net"
	"sync"
)

// maxPending is how many bytes may wait to be written before those who send wait as well.
const maxPending = 4 << 20

// keepBuffer is the greatest write buffer that an idle connection holds on to.
const keepBuffer = 64 << 10

// outbox collects frames, so that many leave in one write.
type outbox struct {
	conn net.Conn

	mu      sync.Mutex // guards the fields below; not held while writing
	room    *sync.Cond // on mu: pending became short
	pending []byte
	spare   []byte // the buffer last written, for reuse
	writing bool
	err     error
}

func newOutbox(conn net.Conn) *outbox {
	o := &outbox{conn: conn}
	o.room = sync.NewCond(&o.mu)
	return o
}

// add appends a frame, waiting while too much is pending; the write comes with the next
// flush.
func (o *outbox) add(frame func(b []byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > maxPending && o.err == nil {
		if !o.writing { // no other goroutine will make room
			o.writeLocked()
			continue
		}
		o.room.Wait()
	}
	if o.err == nil {
		o.pending = frame(o.pending)
	}
}

// flush writes what is pending. If another goroutine is writing, that one writes it.
func (o *outbox) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.writing {
		o.writeLocked()
	}
}

func (o *outbox) writeLocked() {
	o.writing = true
	for len(o.pending) > 0 && o.err == nil {
		b := o.pending
		o.pending, o.spare = o.spare[:0], nil
		o.mu.Unlock()
		_, err := o.conn.Write(b)
		o.mu.Lock()
		if cap(b) <= keepBuffer {
			o.spare = b[:0]
		}
		if err != nil {
			o.err, o.pending = err, nil
		}
		o.room.Broadcast()
	}
	o.writing = false
}
