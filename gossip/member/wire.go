package member

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	// maxPending is how many bytes may wait for a peer that does not read; more of them
	// means that it is better off with a new connection.
	maxPending = 4 << 20
	// lingerTime is how long a closing connection may take for what it still has to send.
	lingerTime = time.Second
)

// wire is a connection as the Member sees it. A goroutine writes only while something is
// pending, so that an idle cluster of n nodes has n-1 goroutines a node.
type wire struct {
	conn net.Conn

	mu      sync.Mutex // guards the fields below; not held while writing
	pending []byte
	spare   []byte // the buffer last written, for reuse
	writing bool
	closing bool // no more writes; closed once pending is empty
	spawn   func(func()) bool
}

// Accept takes an incoming gossip connection whose preamble has been read.
func (m *Member) Accept(conn net.Conn) {
	if !m.spawn(func() { m.serve(conn, slots.Addr{}) }) {
		conn.Close()
	}
}

// serve reads a connection until its end. dialled is zero for an accepted one.
func (m *Member) serve(conn net.Conn, dialled slots.Addr) {
	w := &wire{conn: conn, spawn: m.spawn}
	defer w.close()
	m.links.Add(1)
	defer m.links.Add(-1)
	defer context.AfterFunc(m.ctx, w.close)() // ends a blocked read on Close
	id := gossip.LinkID(m.lastLink.Add(1))
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		host = conn.RemoteAddr().String()
	}
	ok := m.input(func(now time.Time) {
		m.wires[id] = w
		m.core.LinkUp(now, id, dialled, host)
	})
	if !ok {
		return
	}
	err = m.read(conn, id)
	m.input(func(now time.Time) {
		delete(m.wires, id)
		m.core.LinkDown(now, id, err)
	})
}

func (m *Member) read(conn net.Conn, id gossip.LinkID) error {
	frames := frame.NewReader(conn, gossip.MaxMessage)
	frames.Bound(conn, frame.ProgressTimeout)
	for {
		payload, err := frames.Next()
		if err != nil {
			return err
		}
		m.bytes.received.Add(uint64(len(payload) + frame.HeaderSize))
		msg, err := gossip.DecodeMessage(payload)
		if err != nil {
			m.log.Warn("closing a bus connection", "peer", conn.RemoteAddr(), "error", err)
			return err
		}
		if !m.input(func(now time.Time) { m.core.Step(now, id, msg) }) {
			return ErrClosed
		}
	}
}

// write queues a copy of frame. It never blocks: a peer that lets too much pile up is cut
// off.
func (w *wire) write(frame []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		return
	}
	if len(w.pending)+len(frame) > maxPending {
		w.closing = true
		w.pending = nil
		w.conn.Close()
		return
	}
	w.pending = append(w.pending, frame...)
	if !w.writing {
		w.writing = w.spawn(w.flush)
	}
}

// flush writes until nothing is pending.
func (w *wire) flush() {
	for {
		w.mu.Lock()
		if len(w.pending) == 0 {
			w.writing = false
			closing := w.closing
			w.mu.Unlock()
			if closing {
				w.conn.Close()
			}
			return
		}
		b := w.pending
		w.pending, w.spare = w.spare[:0], nil
		w.mu.Unlock()
		_, err := w.conn.Write(b)
		w.mu.Lock()
		if cap(b) <= keepBuffer {
			w.spare = b[:0]
		}
		if err != nil {
			w.closing, w.pending = true, nil
		}
		w.mu.Unlock()
	}
}

// keepBuffer is the greatest write buffer that an idle connection holds on to.
const keepBuffer = 4 << 10

// closeAfterFlush closes the connection once everything queued was written, or lingerTime
// has passed.
func (w *wire) closeAfterFlush() {
	w.conn.SetWriteDeadline(time.Now().Add(lingerTime))
	w.mu.Lock()
	w.closing = true
	idle := !w.writing
	w.mu.Unlock()
	if idle {
		w.conn.Close()
	}
}

func (w *wire) close() {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.conn.Close()
}
