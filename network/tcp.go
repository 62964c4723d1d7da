package network

import (
	"context"
	"crypto/tls"
	"net"
)

// TCP is the Network of the operating system.
type TCP struct {
	// TLS encrypts every connection, from clients and between nodes, if it is set. A node
	// both accepts and dials, so its configuration must serve both sides: certificates to
	// present, roots to verify peers with.
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
