package slotmesh

import (
	"context"
	"crypto/tls"
	"net"
)

// Network is how a node reaches others and is reached: client port, bus,
// replication and migration all go through it. [TCP] is the usual one; package
// clustertest has one in memory.
type Network interface {
	// Listen accepts connections at addr, "host:port"; port 0 picks a free one.
	Listen(addr string) (net.Listener, error)
	// Dial connects to addr, "host:port", until ctx ends.
	Dial(ctx context.Context, addr string) (net.Conn, error)
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
