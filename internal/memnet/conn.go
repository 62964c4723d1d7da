package memnet

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is one end of a wire, a net.Conn.
type conn struct {
	wire          *wire
	in, out       *stream
	local, remote *net.TCPAddr
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	if err != nil && err != io.EOF {
		err = opError("read", c.local, c.remote, err)
	}
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	if err != nil {
		err = opError("write", c.local, c.remote, err)
	}
	return n, err
}

// Close ends both directions. The peer reads what was written before, then
// io.EOF; what it writes after that fails with EPIPE.
func (c *conn) Close() error {
	c.wire.mu.Lock()
	last, err := c.wire.closeLocked(c.out, io.EOF)
	c.wire.mu.Unlock()
	if last {
		c.wire.net.forget(c.wire)
	}
	if err != nil {
		return opError("close", c.local, c.remote, err)
	}
	return nil
}

// closeLocked closes the end that writes out, and sends end to the other one.
func (wr *wire) closeLocked(out *stream, end error) (last bool, err error) {
	if out.writeErr == net.ErrClosed {
		return false, net.ErrClosed
	}
	in := wr.reverse(out)
	out.writeErr, in.readErr = net.ErrClosed, net.ErrClosed
	in.dropLocked()
	stopTimers(out.writeTimer, in.readTimer)
	in.readChanged.Broadcast()
	out.writeChanged.Broadcast()
	if wr.closed++; wr.closed == 2 {
		out.dropLocked()
		return true, nil
	}
	out.sendLocked(segment{end: end})
	return false, nil
}

// vanish closes the end that writes out, as the death of its process does. last says
// that both ends are closed now.
func (wr *wire) vanish(out *stream) (last bool) {
	wr.mu.Lock()
	defer wr.mu.Unlock()
	last, _ = wr.closeLocked(out, syscall.ECONNRESET)
	return last
}

// reset breaks the connection at both ends.
func (wr *wire) reset() {
	wr.mu.Lock()
	defer wr.mu.Unlock()
	for i := range wr.streams {
		s := &wr.streams[i]
		s.dropLocked()
		s.endLocked(syscall.ECONNRESET)
	}
}

// writeErrorFor returns what a writer gets when the other end ended the
// connection with err.
func writeErrorFor(err error) error {
	if err == io.EOF {
		return syscall.EPIPE
	}
	return err
}

func (s *stream) read(b []byte) (int, error) {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	for {
		switch {
		case s.readErr == net.ErrClosed:
			return 0, net.ErrClosed
		case expired(s.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case s.ready > 0:
			n := s.buf.read(b[:min(len(b), s.ready)])
			s.ready -= n
			s.writeChanged.Broadcast()
			return n, nil
		case s.readErr != nil:
			return 0, s.readErr
		}
		s.readChanged.Wait()
	}
}

// write returns once all of b is in the stream's buffer. Like the operating
// system's, a Write is not mixed with another one.
func (s *stream) write(b []byte) (n int, err error) {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	mine := false
	for {
		if s.writeErr != nil {
			err = s.writeErr
			break
		}
		if expired(s.writeBy) {
			err = os.ErrDeadlineExceeded
			break
		}
		if mine || !s.writing {
			mine, s.writing = true, true
			n += s.appendLocked(b[n:])
			if n == len(b) {
				break
			}
		}
		s.writeChanged.Wait()
	}
	if mine {
		s.writing = false
		s.writeChanged.Broadcast()
	}
	return n, err
}

func expired(by time.Time) bool { return !by.IsZero() && !time.Now().Before(by) }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	s := c.in
	if s.readErr == net.ErrClosed {
		return opError("set", c.local, c.remote, net.ErrClosed)
	}
	s.readBy = t
	s.readTimer = deadlineTimer(s.readTimer, t, s.wakeReaders)
	s.readChanged.Broadcast()
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	s := c.out
	if s.writeErr == net.ErrClosed {
		return opError("set", c.local, c.remote, net.ErrClosed)
	}
	s.writeBy = t
	s.writeTimer = deadlineTimer(s.writeTimer, t, s.wakeWriters)
	s.writeChanged.Broadcast()
	return nil
}

// Readers and writers look at the clock themselves when they are woken, so a timer
// that fires after its deadline was moved does no harm.
func (s *stream) wakeReaders() {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	s.readChanged.Broadcast()
}

func (s *stream) wakeWriters() {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	s.writeChanged.Broadcast()
}

// deadlineTimer arms t, if there is anything to wait for. For a deadline that is over
// there is not: the caller wakes who waits. (A timer in a synctest bubble that is due at
// once also crashes the race detector of Go 1.26, once in a while.)
func deadlineTimer(t *time.Timer, by time.Time, wake func()) *time.Timer {
	if d := time.Until(by); !by.IsZero() && d > 0 {
		return resetTimer(t, d, wake)
	}
	stopTimers(t)
	return t
}

func stopTimers(list ...*time.Timer) {
	for _, t := range list {
		if t != nil {
			t.Stop()
		}
	}
}
