package conf

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// Bind is the directive "bind" as a network: TCP that listens on several addresses at
// once.
type Bind struct{ addrs []bindAddr }

// bindAddr is one word of the directive "bind".
type bindAddr struct {
	network  string // tcp for both families, tcp4 or tcp6
	host     string // "" for all addresses
	optional bool   // -: it is no error if this machine has no such address
}

// Bind returns where to listen.
func (s *Settings) Bind() *Bind {
	b := &Bind{}
	for _, w := range s.List("bind") {
		b.addrs = append(b.addrs, parseBind(w))
	}
	b.joinFamilies()
	return b
}

// joinFamilies makes one socket of "all IPv4" and "all IPv6", as the system does.
func (b *Bind) joinFamilies() {
	all := func(network string) func(bindAddr) bool {
		return func(a bindAddr) bool { return a.network == network && a.host == "" }
	}
	if slices.ContainsFunc(b.addrs, all("tcp4")) && slices.ContainsFunc(b.addrs, all("tcp6")) {
		b.addrs = []bindAddr{{network: "tcp"}}
	}
}

func parseBind(word string) bindAddr {
	host, optional := strings.CutPrefix(word, "-")
	switch host {
	case "*", "0.0.0.0":
		return bindAddr{"tcp4", "", optional}
	case "::*", "::":
		return bindAddr{"tcp6", "", optional}
	}
	a := bindAddr{"tcp", host, optional}
	if ip, err := netip.ParseAddr(host); err == nil {
		a.network = "tcp4"
		if ip.Is6() {
			a.network = "tcp6"
		}
	}
	return a
}

// Exposed reports whether other machines can reach one of the addresses.
func (b *Bind) Exposed() bool {
	return slices.ContainsFunc(b.addrs, func(a bindAddr) bool {
		return !IsLoopback(a.host)
	})
}

// IsLoopback reports whether only this machine reaches a host. Of names it knows one.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// Host is the host to know the node by: the first that other machines can reach, if there
// is one; 0.0.0.0 or :: if it listens on all addresses.
func (b *Bind) Host() string {
	for _, a := range b.addrs {
		switch {
		case a.host == "" && a.network == "tcp6":
			return "::"
		case a.host == "":
			return "0.0.0.0"
		case !IsLoopback(a.host):
			return a.host
		}
	}
	if len(b.addrs) == 0 {
		return "127.0.0.1"
	}
	return b.addrs[0].host
}

// Dial connects to addr by TCP.
func (b *Bind) Dial(ctx context.Context, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

// Listen listens on the port of addr: on each address of "bind" if its host is that of
// Host, or empty, otherwise on that host only. Port 0 is a free port that is the same on
// all of them.
func (b *Bind) Listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if host != "" && host != b.Host() {
		b = &Bind{addrs: []bindAddr{parseBind(host)}}
	}
	const attempts = 10 // for a port that is free on the first address may be taken on the second
	for range attempts {
		var l net.Listener
		if l, err = b.listen(port); err == nil || port != "0" || !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
	}
	return nil, err
}

func (b *Bind) listen(port string) (net.Listener, error) {
	var list []net.Listener
	for _, a := range b.addrs {
		l, err := net.Listen(a.network, net.JoinHostPort(a.host, port))
		if err != nil {
			if a.optional && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)) {
				continue
			}
			closeAll(list)
			return nil, err
		}
		list = append(list, l)
		_, port, _ = net.SplitHostPort(l.Addr().String())
	}
	switch len(list) {
	case 0:
		return nil, errors.New(`none of the addresses of the directive "bind" is one of this machine's`)
	case 1:
		return list[0], nil
	}
	return join(list, b.Host()), nil
}

func closeAll(list []net.Listener) (err error) {
	for _, l := range list {
		err = errors.Join(err, l.Close())
	}
	return err
}
