package network

import (
	"context"
	"net"
)

// Resolver is what a Network may have besides, if names are not resolved as the operating
// system does: it returns the addresses of a name. Config.Join asks it for "dns:name:port".
type Resolver interface {
	LookupHost(ctx context.Context, name string) (addrs []string, err error)
}

// Network opens and accepts connections.
type Network interface {
	// Listen accepts connections at addr, "host:port"; port 0 picks a free one, which the
	// listener's Addr returns.
	Listen(addr string) (net.Listener, error)
	// Dial connects to addr, "host:port". It gives up when ctx ends; the connection
	// outlives ctx.
	Dial(ctx context.Context, addr string) (net.Conn, error)
}
