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

// peerConn is a connection as the Member sees it. A goroutine writes only while something is
// pending, so that an idle cluster of n nodes has n-1 goroutines a node.
type peerConn struct {
	conn net.Conn

	mu      sync.Mutex // guards the fields below; not held while writing
	pending []byte
	spare   []byte // the buffer last written, for reuse
	writing bool
	closing bool // no more writes; closed once pending is empty
	spawn   func(func()) bool
}

// Accept takes an incoming connection, which the Dial of another member opened.
func (m *Member) Accept(conn net.Conn) {
	if !m.spawn(func() { m.serve(conn, slots.Addr{}) }) {
		conn.Close()
	}
}

// serve reads a connection until its end. dialled is zero for an accepted one.
func (m *Member) serve(conn net.Conn, dialled slots.Addr) {
	c := &peerConn{conn: conn, spawn: m.spawn}
	defer c.close()
	m.links.Add(1)
	defer m.links.Add(-1)
	defer context.AfterFunc(m.ctx, c.close)() // ends a blocked read on Close
	id := gossip.LinkID(m.lastLink.Add(1))
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		host = conn.RemoteAddr().String()
	}
	ok := m.input(func(now time.Time) {
		m.conns[id] = c
		m.core.LinkUp(now, id, dialled, host)
	})
	if !ok {
		return
	}
	err = m.read(conn, id)
	m.input(func(now time.Time) {
		delete(m.conns, id)
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
func (c *peerConn) write(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	if len(c.pending)+len(frame) > maxPending {
		c.closing = true
		c.pending = nil
		c.conn.Close()
		return
	}
	c.pending = append(c.pending, frame...)
	if !c.writing {
		c.writing = c.spawn(c.flush)
	}
}

// flush writes until nothing is pending.
func (c *peerConn) flush() {
	for {
		c.mu.Lock()
		if len(c.pending) == 0 {
			c.writing = false
			closing := c.closing
			c.mu.Unlock()
			if closing {
				c.conn.Close()
			}
			return
		}
		b := c.pending
		c.pending, c.spare = c.spare[:0], nil
		c.mu.Unlock()
		_, err := c.conn.Write(b)
		c.mu.Lock()
		if cap(b) <= keepBuffer {
			c.spare = b[:0]
		}
		if err != nil {
			c.closing, c.pending = true, nil
		}
		c.mu.Unlock()
	}
}

// keepBuffer is the greatest write buffer that an idle connection holds on to.
const keepBuffer = 4 << 10

// closeAfterFlush closes the connection once everything queued was written, or lingerTime
// has passed.
func (c *peerConn) closeAfterFlush() {
	c.conn.SetWriteDeadline(time.Now().Add(lingerTime))
	c.mu.Lock()
	c.closing = true
	idle := !c.writing
	c.mu.Unlock()
	if idle {
		c.conn.Close()
	}
}

func (c *peerConn) close() {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.conn.Close()
}
