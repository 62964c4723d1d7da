package slotmesh

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Network is how a node reaches others and is reached: client port, bus,
// replication and migration all go through it. [TCP] is the usual one; package
// clustertest has one in memory.
//
// A Network that also has a method Now() time.Time is the machine's clock as well: keys expire by it, not by time.Now.
type Network interface {
	// Listen accepts connections at addr, "host:port"; port 0 picks a free one.
	Listen(addr string) (net.Listener, error)
	// Dial connects to addr, "host:port", until ctx ends.
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// clockOf returns the clock of a simulated machine, nil for the usual one.
func clockOf(network Network) func() time.Time {
	if machine, ok := network.(interface{ Now() time.Time }); ok {
		return machine.Now
	}
	return nil
}

// TCP is the Network of the operating system. With TLS set, every connection of
// the node, from clients and between nodes, is encrypted; the configuration must
// then serve both sides (certificates to present, roots to verify peers with).
type TCP struct {
	TLS *tls.Config
}

// Listen implements Network.
func (t TCP) Listen(addr string) (net.Listener, error) {
	if t.TLS != nil {
		return tls.Listen("tcp", addr, t.TLS)
	}
	return net.Listen("tcp", addr)
}

// Dial implements Network.
func (t TCP) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if t.TLS != nil {
		return (&tls.Dialer{Config: t.TLS}).DialContext(ctx, "tcp", addr)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
}
