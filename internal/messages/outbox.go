package messages

import (
	"net"
	"runtime"
	"sync"
)

const (
	// chunkSize is about how much is written at a time, so that what is urgent does not wait
	// behind megabytes.
	chunkSize = 64 << 10
	// keepBuffer is the greatest buffer that an idle link holds on to.
	keepBuffer = 16 << 10
)

// outbox is what waits to be written to a link. A goroutine writes only while there is
// something.
type outbox struct {
	conn  net.Conn
	limit int // bytes of messages
	// more appends what is due besides, such as changes of the interest; may be nil. It is
	// called by one goroutine at a time.
	more  func(b []byte) []byte
	spawn func(func()) bool

	mu      sync.Mutex // guards the fields below; not held while writing
	urgent  []byte
	chunks  []chunk // of messages, the oldest first
	bytes   int     // of chunks
	spare   []byte
	asking  bool // more is to be asked
	writing bool
	closed  bool
}

// chunk is some frames in a row.
type chunk struct {
	bytes    []byte
	messages int
}

// push queues frames before all messages. It reports whether the link is open.
func (o *outbox) push(add func(b []byte) []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.urgent = add(o.urgent)
	o.startLocked()
	return true
}

// poke makes the writer ask more.
func (o *outbox) poke() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.asking = true
		o.startLocked()
	}
}

// post queues a message. It reports whether it was taken: there was room, or the outbox was
// empty, so that a message of any size can be sent.
func (o *outbox) post(kind byte, channel, payload []byte) bool {
	size := messageSize(channel, payload)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.bytes > 0 && o.bytes+size > o.limit {
		return false
	}
	last := len(o.chunks) - 1
	if last < 0 || len(o.chunks[last].bytes)+size > chunkSize {
		o.chunks = append(o.chunks, chunk{bytes: o.spare})
		o.spare = nil
		last++
	}
	c := &o.chunks[last]
	before := len(c.bytes)
	c.bytes = appendMessage(c.bytes, kind, channel, payload)
	c.messages++
	o.bytes += len(c.bytes) - before
	o.startLocked()
	return true
}

func (o *outbox) startLocked() {
	if !o.writing {
		o.writing = o.spawn(o.write)
	}
}

// write writes until there is nothing left, or the link is closed.
func (o *outbox) write() {
	var buf []byte
	for {
		// Messages that others are about to publish go with the same write. This makes
		// nothing slower: while nobody else runs, it returns at once.
		runtime.Gosched()
		b, again := o.next(buf)
		if !again {
			return
		}
		if len(b) == 0 {
			continue
		}
		if _, err := o.conn.Write(b); err != nil {
			o.conn.Close() // the reader ends, too
			return
		}
		if buf = b[:0]; cap(buf) > 2*chunkSize {
			buf = nil
		}
	}
}

// next returns what is to be written now; buf was written last. again is false when the
// goroutine has to end.
func (o *outbox) next(buf []byte) (b []byte, again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return nil, false
	case len(o.urgent) > 0:
		b, o.urgent = o.urgent, buf
		return b, true
	case o.asking:
		o.asking = false
		o.mu.Unlock()
		b = o.more(buf)
		o.mu.Lock()
		o.asking = o.asking || len(b) > 0
		return b, true
	case len(o.chunks) > 0:
		if o.spare == nil && buf != nil {
			o.spare = buf
		}
		b = o.chunks[0].bytes
		o.chunks[0] = chunk{}
		if o.chunks = o.chunks[1:]; len(o.chunks) == 0 {
			o.chunks = nil
		}
		o.bytes -= len(b)
		return b, true
	}
	o.writing = false
	if o.spare == nil && buf != nil && cap(buf) <= keepBuffer {
		o.spare = buf
	}
	return nil, false
}

// close ends the outbox and its connection, and returns how many messages are lost.
func (o *outbox) close() (lost int) {
	o.mu.Lock()
	o.closed = true
	for _, c := range o.chunks {
		lost += c.messages
	}
	o.urgent, o.chunks, o.bytes, o.spare = nil, nil, 0, nil
	o.mu.Unlock()
	o.conn.Close()
	return lost
}
