package memnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Host is one host of a Network. Its methods are safe for concurrent use.
type Host struct {
	net       *Network
	ip        netip.Addr
	listeners map[netip.AddrPort]*listener // guarded by net.mu; the zero Addr stands for all of the host's
	killed    bool                         // guarded by net.mu
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// String returns the host's IP address.
func (h *Host) String() string { return h.ip.String() }

// Listen listens on "ip:port" or ":port"; port 0 picks a free one. The IP is the
// host's own, a loopback address, which only the host itself can reach, or empty
// or unspecified for both. The error matches EADDRINUSE or EADDRNOTAVAIL.
func (h *Host) Listen(addr string) (net.Listener, error) {
	at, err := h.resolve(addr)
	if err != nil {
		return nil, opError("listen", nil, nil, err)
	}
	if at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(netip.Addr{}, at.Port())
	}
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	switch shown := h.show(at); {
	case h.killed:
		return nil, opError("listen", nil, shown, net.ErrClosed)
	case at.Addr().IsValid() && !h.owns(at.Addr()):
		return nil, opError("listen", nil, shown, os.NewSyscallError("bind", syscall.EADDRNOTAVAIL))
	case at.Port() == 0:
		at = netip.AddrPortFrom(at.Addr(), h.freePortLocked())
	case h.takenLocked(at):
		return nil, opError("listen", nil, shown, os.NewSyscallError("bind", syscall.EADDRINUSE))
	}
	l := newListener(h, at)
	h.listeners[at] = l
	return l, nil
}

// Dial connects to "ip:port". It stalls while the link is cut in either direction, or
// the listener's backlog is full, until ctx ends. The error matches ECONNREFUSED if
// nobody listens there, or ctx.Err().
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	to, err := h.resolve(addr)
	if err != nil {
		return nil, opError("dial", nil, nil, err)
	}
	if to.Addr().IsUnspecified() {
		to = netip.AddrPortFrom(loopback, to.Port())
	}
	w, from := way{h.ip, to.Addr()}, h.ip
	if to.Addr().IsLoopback() {
		w.to, from = h.ip, to.Addr()
	}
	remote := net.TCPAddrFromAddrPort(to)
	for {
		c, delay, held, err := h.dial(w, from, to)
		if held != nil {
			select {
			case <-held:
				continue
			case <-ctx.Done():
				return nil, opError("dial", nil, remote, ctx.Err())
			}
		}
		// The handshake's round trip. The other end may see the connection
		// that much too early, which no protocol can tell.
		if werr := wait(ctx, 2*delay); werr != nil {
			if c != nil {
				c.Close()
			}
			return nil, opError("dial", nil, remote, werr)
		}
		if err != nil {
			return nil, opError("dial", nil, remote, err)
		}
		return c, nil
	}
}

// dial makes one attempt. If stalled is not nil, try again once it is closed.
func (h *Host) dial(w way, from netip.Addr, to netip.AddrPort) (c *conn, delay time.Duration, held <-chan struct{},
	err error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if h.killed {
		return nil, 0, nil, net.ErrClosed
	}
	there, back := n.linkLocked(w), n.linkLocked(w.back())
	if there.cut || back.cut {
		return nil, 0, n.changed, nil
	}
	delay = there.delay
	var l *listener
	if peer := n.hosts[w.to]; peer != nil {
		l = peer.listenerLocked(to)
	}
	if l == nil {
		return nil, delay, nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	if l.full() {
		return nil, 0, n.changed, nil
	}
	n.lastDial = max(n.lastDial+1, firstDial) // wraps to 0, so to firstDial
	c, accepted := n.connectLocked(netip.AddrPortFrom(from, n.lastDial), to, w)
	l.push(accepted)
	return c, delay, nil, nil
}

func (h *Host) listenerLocked(to netip.AddrPort) *listener {
	if l := h.listeners[to]; l != nil {
		return l
	}
	return h.listeners[netip.AddrPortFrom(netip.Addr{}, to.Port())]
}

// takenLocked reports whether a listener stands in the way of one at addr.
func (h *Host) takenLocked(at netip.AddrPort) bool {
	for have := range h.listeners {
		if have.Port() == at.Port() && (have == at || !have.Addr().IsValid() || !at.Addr().IsValid()) {
			return true
		}
	}
	return false
}

func (h *Host) freePortLocked() uint16 {
	n := h.net
	for {
		n.lastListen++
		if n.lastListen > lastListen {
			n.lastListen = firstListen
		}
		if !h.takenLocked(netip.AddrPortFrom(netip.Addr{}, n.lastListen)) {
			return n.lastListen
		}
	}
}

func (h *Host) owns(ip netip.Addr) bool { return ip == h.ip || ip.IsLoopback() }

// show returns the address of a listener as a *net.TCPAddr.
func (h *Host) show(at netip.AddrPort) *net.TCPAddr {
	if !at.Addr().IsValid() {
		at = netip.AddrPortFrom(h.ip, at.Port())
	}
	return net.TCPAddrFromAddrPort(at)
}

// resolve parses an address; an empty host is the unspecified address.
func (h *Host) resolve(addr string) (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q in %q is not a port (0 to 65535)", service, addr)
	}
	ip := netip.IPv4Unspecified()
	switch host {
	case "":
	case "localhost":
		ip = loopback
	default:
		if ip, err = netip.ParseAddr(host); err != nil {
			return netip.AddrPort{}, fmt.Errorf("%q in %q is not an IP address", host, addr)
		}
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// opError wraps err the way package net does, so that callers' errors.Is,
// errors.As and Timeout() work alike on both.
func opError(op string, source, addr *net.TCPAddr, err error) error {
	var nested *net.OpError
	if errors.As(err, &nested) {
		return err
	}
	e := &net.OpError{Op: op, Net: "tcp", Err: err}
	if source != nil {
		e.Source = source
	}
	if addr != nil {
		e.Addr = addr
	}
	return e
}
