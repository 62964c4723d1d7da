package migrator

import (
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"

	"github.com/slotmesh/slotmesh/migrate"
)

// wire is a connection that carries messages. Sending never blocks: messages are
// collected, and a goroutine writes what there is at once.
type wire struct {
	conn   net.Conn
	reader *frame.Reader

	mu      sync.Mutex // guards all below
	changed sync.Cond
	out     []byte // frames to be written
	spare   []byte // the buffer written last, to be filled next
	closed  bool
	ended   chan struct{} // closed when the writer has ended
}

// writeTimeout is how long a write may take before the connection counts as lost.
const writeTimeout = 10 * time.Second

// keepWire is the largest buffer that is kept between two writes, in bytes.
const keepWire = 2 << 20

func newWire(conn net.Conn) *wire {
	w := &wire{conn: conn, ended: make(chan struct{})}
	w.changed.L = &w.mu
	go w.write()
	return w
}

// send appends a message to what is to be written.
func (w *wire) send(m *migrate.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	b, start := frame.Begin(w.out)
	w.out = frame.Finish(migrate.AppendMessage(b, m), start)
	w.changed.Signal()
}

// flushed waits until no more than some bytes are waiting to be written, or the
// connection is closed.
func (w *wire) flushed(atMost int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.out) > atMost && !w.closed {
		w.changed.Wait()
	}
}

// write is the writer's goroutine.
func (w *wire) write() {
	defer close(w.ended)
	for {
		w.mu.Lock()
		for len(w.out) == 0 && !w.closed {
			w.changed.Wait()
		}
		if w.closed && len(w.out) == 0 {
			w.mu.Unlock()
			w.conn.Close()
			return
		}
		b := w.out
		w.out, w.spare = w.spare[:0], nil
		w.changed.Broadcast()
		w.deadlineLocked()
		w.mu.Unlock()

		if _, err := w.conn.Write(b); err != nil {
			w.conn.Close() // the reader will notice
			w.fail()
			return
		}
		if cap(b) <= keepWire {
			w.mu.Lock()
			w.spare = b
			w.mu.Unlock()
		}
	}
}

// deadlineLocked bounds the write under way.
func (w *wire) deadlineLocked() {
	timeout := writeTimeout
	if w.closed {
		timeout = closeTimeout
	}
	w.conn.SetWriteDeadline(time.Now().Add(timeout))
}

func (w *wire) fail() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed, w.out = true, nil
	w.changed.Broadcast()
}

// receive returns the next message; what it points to is valid until the next call.
func (w *wire) receive(maxFrame int) (migrate.Message, error) {
	if w.reader == nil {
		w.reader = frame.NewReader(w.conn, maxFrame)
		if maxFrame > 1<<20 { // a smaller one is bounded by the deadline of its reader
			w.reader.Bound(w.conn, frame.ProgressTimeout)
		}
	}
	b, err := w.reader.Next()
	if err != nil {
		return migrate.Message{}, err
	}
	return migrate.DecodeMessage(b)
}

// close writes what is waiting, for closeTimeout at most, closes the connection and waits
// for the writer.
func (w *wire) close() {
	w.conn.SetReadDeadline(time.Unix(1, 0))
	w.mu.Lock()
	w.closed = true
	w.deadlineLocked()
	w.changed.Broadcast()
	w.mu.Unlock()
	<-w.ended
}

// closeTimeout is how long close tries to get rid of what is waiting.
const closeTimeout = 100 * time.Millisecond
