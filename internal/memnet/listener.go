package memnet

import (
	"net"
	"net/netip"
	"sync"
)

// backlog is how many connections wait to be accepted before dialling stalls.
const backlog = 1024

// listener is a net.Listener. Lock order: Network.mu, then listener.mu.
type listener struct {
	host *Host
	at   netip.AddrPort
	addr *net.TCPAddr

	mu     sync.Mutex // guards queue and closed
	ready  sync.Cond  // queue or closed changed
	queue  []*conn
	closed bool
}

func newListener(h *Host, at netip.AddrPort) *listener {
	l := &listener{host: h, at: at, addr: h.show(at)}
	l.ready.L = &l.mu
	return l
}

func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	for len(l.queue) == 0 && !l.closed {
		l.ready.Wait()
	}
	if l.closed {
		l.mu.Unlock()
		return nil, opError("accept", nil, l.addr, net.ErrClosed)
	}
	wasFull := len(l.queue) >= backlog
	c := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	l.mu.Unlock()
	if wasFull {
		n := l.host.net
		n.mu.Lock()
		n.wakeLocked()
		n.mu.Unlock()
	}
	return c, nil
}

// Close stops listening; connections that nobody accepted are reset.
func (l *listener) Close() error {
	n := l.host.net
	n.mu.Lock()
	if l.host.listeners[l.at] == l {
		delete(l.host.listeners, l.at)
	}
	n.wakeLocked()
	n.mu.Unlock()
	for _, c := range l.close() {
		c.wire.reset()
		c.Close()
	}
	return nil
}

func (l *listener) Addr() net.Addr { return l.addr }

// close wakes Accept and returns the connections that nobody will accept now.
func (l *listener) close() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.queue
	l.queue, l.closed = nil, true
	l.ready.Broadcast()
	return rest
}

func (l *listener) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) >= backlog
}

// push is called under Network.mu, where the listener is known to be open.
func (l *listener) push(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, c)
	l.ready.Signal()
}
