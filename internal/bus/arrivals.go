package bus

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

const (
	// maxArrivals is how many connections may be unfinished: their dialling ends have not yet
	// proved what they must, or not said what they are for. Each costs a few tens of KiB.
	maxArrivals = 256
	// maxGreeting is how many bytes an unfinished connection may send: room for a chain of
	// certificates.
	maxGreeting = 64 << 10
)

// arrivals are the unfinished connections. When there are too many, the oldest of the
// address that has the most of them makes room: a stranger shuts out itself, and members,
// which take a few milliseconds, come through.
type arrivals struct {
	mu     sync.Mutex // guards the fields below
	closed bool
	order  list.List // of *arrival, the oldest first
	byConn map[net.Conn]*list.Element
	count  map[netip.Addr]int
}

type arrival struct {
	conn net.Conn
	from netip.Addr
}

func newArrivals() *arrivals {
	return &arrivals{byConn: make(map[net.Conn]*list.Element), count: make(map[netip.Addr]int)}
}

// add takes a connection, and returns one that has to be closed to make room for it, or
// nil; ok is false after close.
func (a *arrivals) add(conn net.Conn) (evicted net.Conn, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, false
	}
	from := source(conn)
	a.byConn[conn] = a.order.PushBack(&arrival{conn, from})
	a.count[from]++
	if len(a.byConn) <= maxArrivals {
		return nil, true
	}
	evicted = a.excessLocked()
	a.removeLocked(evicted)
	return evicted, true
}

// excessLocked returns the oldest connection of the address that has the most.
func (a *arrivals) excessLocked() net.Conn {
	most := 0
	for _, n := range a.count {
		most = max(most, n)
	}
	for e := a.order.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*arrival); a.count[c.from] == most {
			return c.conn
		}
	}
	return nil
}

// remove reports whether the connection was still there: not evicted, and not closed.
func (a *arrivals) remove(conn net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.removeLocked(conn)
}

func (a *arrivals) removeLocked(conn net.Conn) bool {
	e := a.byConn[conn]
	if e == nil {
		return false
	}
	from := a.order.Remove(e).(*arrival).from
	delete(a.byConn, conn)
	if a.count[from]--; a.count[from] == 0 {
		delete(a.count, from)
	}
	return true
}

// close closes all connections, and takes no more.
func (a *arrivals) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for e := a.order.Front(); e != nil; e = a.order.Front() {
		conn := e.Value.(*arrival).conn
		a.removeLocked(conn)
		conn.Close()
	}
}

// source is the address that a connection counts for: a machine has the whole of an IPv6
// network to choose from.
func source(conn net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return ip
}

// greeting is an unfinished connection: it reads only so much.
type greeting struct {
	net.Conn
	first []byte // read already, to be read again
	left  int    // bytes; -1: no limit any more
}

// Read implements net.Conn.
func (g *greeting) Read(b []byte) (int, error) {
	if len(g.first) > 0 {
		n := copy(b, g.first)
		g.first = g.first[n:]
		return n, nil
	}
	if g.left < 0 {
		return g.Conn.Read(b)
	}
	if g.left == 0 {
		return 0, errTalkative
	}
	n, err := g.Conn.Read(b[:min(len(b), g.left)])
	g.left -= n
	return n, err
}
