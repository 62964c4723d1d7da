package bus

import (
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// exhausted is a listener that has no file descriptor for its first connections.
type exhausted struct {
	failures int
	conns    chan net.Conn
	closed   chan struct{}
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *exhausted) Close() error {
	close(l.closed)
	return nil
}

func (l *exhausted) Addr() net.Addr { return &net.TCPAddr{} }

// A node that ran out of file descriptors for a moment must not be deaf to its peers ever
// after.
func TestBusOutlastsExhaustion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &exhausted{failures: 12, conns: make(chan net.Conn), closed: make(chan struct{})}
		heard := make(chan net.Conn, 1)
		b := listening(t, ln)
		b.Handle(Gossip, func(c net.Conn, _ slots.NodeID) { heard <- c })
		b.Start()
		near, far := net.Pipe()
		defer near.Close()
		began := time.Now()
		ln.conns <- far
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it accepts again after %v", took)
		}
		if _, err := near.Write(first(Gossip, 9)); err != nil {
			t.Fatal(err)
		}
		(<-heard).Close()
		b.StopListening()

		// StopListening does not wait for the next try.
		ln = &exhausted{failures: 1 << 30, closed: make(chan struct{})}
		b = listening(t, ln)
		b.Start()
		time.Sleep(time.Minute)
		began = time.Now()
		if b.StopListening(); time.Since(began) > 0 {
			t.Errorf("StopListening took %v", time.Since(began))
		}
	})
}
