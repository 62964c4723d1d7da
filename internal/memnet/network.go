package memnet

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Network is a set of hosts and the links between them. All methods are safe for
// concurrent use.
type Network struct {
	// mu guards all below, and the hosts' listeners. It is taken before a
	// connection's mutex, never after.
	mu    sync.Mutex
	hosts map[netip.Addr]*Host
	links map[way]*link
	// changed is closed and replaced when a stalled Dial may have a chance.
	changed chan struct{}
	// The ports given out last: to listeners that ask for port 0, and to the
	// dialling ends of connections.
	lastListen, lastDial uint16
}

// Ports for listeners that ask for port 0. They leave room for a second port
// 10 000 above, where a node keeps its bus, and the dialling ends use what
// lies above that.
const (
	firstListen = 20_000
	lastListen  = 55_000
	firstDial   = 56_000
)

// way is a direction between two hosts.
type way struct{ from, to netip.Addr }

func (w way) back() way { return way{w.to, w.from} }

// link is the state of a way, and the streams that run along it.
type link struct {
	cut     bool
	delay   time.Duration
	streams map[*stream]struct{}
}

// New returns a network without hosts and faults.
func New() *Network {
	return &Network{
		hosts:      make(map[netip.Addr]*Host),
		links:      make(map[way]*link),
		changed:    make(chan struct{}),
		lastListen: firstListen - 1,
		lastDial:   firstDial - 1,
	}
}

// Host returns the host with the given IP address, such as "10.0.0.1". Calls with
// the same name return the same Host until it is killed; then a new one, on
// which a restarted node can listen. It panics if name is not an IP address.
func (n *Network) Host(name string) *Host {
	ip := parseIP(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[ip]
	if h == nil {
		h = &Host{net: n, ip: ip, listeners: make(map[netip.AddrPort]*listener)}
		n.hosts[ip] = h
	}
	return h
}

// Kill ends the process on a host as kill -9 does: its listeners and connections
// are gone, its peers read ECONNRESET once that reaches them (not through
// a cut link), dialling it is refused. The killed Host stays unusable, so that
// goroutines left over from the node can do no harm; Host returns a new one.
func (n *Network) Kill(name string) {
	ip := parseIP(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[ip]
	if h == nil {
		return
	}
	delete(n.hosts, ip)
	h.killed = true
	for _, l := range h.listeners {
		l.close()
	}
	clear(h.listeners)
	for w, l := range n.links {
		if w.from != ip {
			continue
		}
		for s := range l.streams {
			if s.wire.vanish(s) {
				n.forgetLocked(s.wire)
			}
		}
	}
	n.wakeLocked()
}

// Partition cuts every link between a host of a and a host of b, in both directions.
func (n *Network) Partition(a, b []string) {
	for _, x := range a {
		for _, y := range b {
			if x != y {
				n.Cut(x, y)
			}
		}
	}
}

// Cut stalls everything between a and b, in both directions, until healed.
func (n *Network) Cut(a, b string) {
	n.Drop(a, b)
	n.Drop(b, a)
}

// Drop stalls everything that from sends to to, until healed; the other
// direction still works.
func (n *Network) Drop(from, to string) {
	n.change(from, to, func(l *link) { l.cut = true })
}

// Join heals the link between a and b, in both directions.
func (n *Network) Join(a, b string) {
	heal := func(l *link) { l.cut = false }
	n.change(a, b, heal)
	n.change(b, a, heal)
}

// Heal heals every link. Delays stay.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.links {
		l.cut = false
		l.updateLocked()
	}
	n.wakeLocked()
}

// SetDelay makes whatever is sent between a and b from now on, in either direction,
// arrive d later. The order of bytes in a connection is kept.
func (n *Network) SetDelay(a, b string, d time.Duration) {
	set := func(l *link) { l.delay = d }
	n.change(a, b, set)
	n.change(b, a, set)
}

// Reset breaks every connection between a and b: both ends get ECONNRESET, at once.
// New connections can be made.
func (n *Network) Reset(a, b string) {
	w := way{parseIP(a), parseIP(b)}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range []way{w, w.back()} {
		for s := range n.linkLocked(w).streams {
			s.wire.reset()
		}
	}
}

func (n *Network) change(from, to string, f func(*link)) {
	w := way{parseIP(from), parseIP(to)}
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.linkLocked(w)
	f(l)
	l.updateLocked()
	n.wakeLocked()
}

func (n *Network) linkLocked(w way) *link {
	l := n.links[w]
	if l == nil {
		l = &link{streams: make(map[*stream]struct{})}
		n.links[w] = l
	}
	return l
}

// updateLocked tells the link's streams its state.
func (l *link) updateLocked() {
	for s := range l.streams {
		s.wire.mu.Lock()
		s.setLinkLocked(l.cut, l.delay)
		s.wire.mu.Unlock()
	}
}

// wakeLocked wakes every stalled Dial.
func (n *Network) wakeLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// connectLocked makes a connection and returns the dialling and the accepting end.
func (n *Network) connectLocked(from, to netip.AddrPort, w way) (dialled, accepted *conn) {
	wr := newWire(n, w)
	for i, w := range []way{w, w.back()} {
		l := n.linkLocked(w)
		l.streams[&wr.streams[i]] = struct{}{}
		wr.streams[i].cut, wr.streams[i].delay = l.cut, l.delay
	}
	local, remote := net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to)
	dialled = &conn{wire: wr, in: &wr.streams[1], out: &wr.streams[0], local: local, remote: remote}
	accepted = &conn{wire: wr, in: &wr.streams[0], out: &wr.streams[1], local: remote, remote: local}
	return dialled, accepted
}

// forget drops a connection that both ends have closed.
func (n *Network) forget(wr *wire) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forgetLocked(wr)
}

func (n *Network) forgetLocked(wr *wire) {
	delete(n.linkLocked(wr.way).streams, &wr.streams[0])
	delete(n.linkLocked(wr.way.back()).streams, &wr.streams[1])
}

func parseIP(name string) netip.Addr {
	ip, err := netip.ParseAddr(name)
	if err != nil {
		panic(fmt.Sprintf("memnet: the host name %q is not an IP address", name))
	}
	return ip.Unmap()
}
