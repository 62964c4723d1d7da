package clustertest

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/slotmesh/slotmesh"
)

// tcpHost is the network of a node over real TCP, which can die as a process does: all of
// it at once. The connections are the operating system's own, unwrapped, so that a node
// treats them as it would outside of tests.
type tcpHost struct {
	mu   sync.Mutex // guards the fields below
	dead bool
	made []io.Closer // listeners and connections, open or closed by now
}

func (h *tcpHost) Listen(addr string) (net.Listener, error) {
	ln, err := slotmesh.TCP{}.Listen(addr)
	if err != nil {
		return nil, err
	}
	return &tcpListener{ln, h}, h.add(ln)
}

func (h *tcpHost) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := slotmesh.TCP{}.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return conn, h.add(conn)
}

func (h *tcpHost) add(c io.Closer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead {
		c.Close()
		return net.ErrClosed
	}
	h.made = append(h.made, c)
	return nil
}

// kill breaks everything: peers read ECONNRESET.
func (h *tcpHost) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead = true
	for _, c := range h.made {
		if conn, ok := c.(*net.TCPConn); ok {
			conn.SetLinger(0)
		}
		c.Close()
	}
}

type tcpListener struct {
	net.Listener
	host *tcpHost
}

func (l *tcpListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn, l.host.add(conn)
}
