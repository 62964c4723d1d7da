package tlsdial

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
)

// Dial connects to addr, "host:port", by dial, and shakes hands on the connection as cfg
// says. If cfg names no ServerName, the certificate must be valid for the host of addr. A
// nil cfg leaves the connection as it is, without TLS.
//
// The error of a handshake that fails for a reason which TLS explains is an *[Error], and
// so is that of a later Read or Write as long as nothing has been read.
func Dial(ctx context.Context, dial func(context.Context, string) (net.Conn, error), addr string,
	cfg *tls.Config) (net.Conn, error) {
	conn, err := dial(ctx, addr)
	if err != nil || cfg == nil {
		return conn, err
	}
	return Client(ctx, conn, addr, cfg)
}

// Client is Dial on an open connection, which it closes if the handshake fails or ctx ends
// meanwhile.
func Client(ctx context.Context, raw net.Conn, addr string, cfg *tls.Config) (net.Conn, error) {
	c := &conn{}
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = serverName(addr)
	}
	c.choose = cfg.GetClientCertificate
	if c.choose == nil {
		c.choose = firstOf(cfg.Certificates)
	}
	cfg.GetClientCertificate = c.certificate
	c.Conn = tls.Client(raw, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, c.explain(err, true)
	}
	return c, nil
}

// serverName returns the host of addr, without the zone that only this machine knows.
func serverName(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}

// conn is a TLS connection that knows what went before, until it has been read from: that
// is when a server has taken what the client presented.
type conn struct {
	*tls.Conn
	choose func(*tls.CertificateRequestInfo) (*tls.Certificate, error)
	asked  bool        // the server wants a certificate; set during the handshake, as gave is
	gave   bool        // one was sent
	heard  atomic.Bool // something has been read
}

// certificate implements tls.Config.GetClientCertificate.
func (c *conn) certificate(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	cert, err := c.choose(info)
	c.asked, c.gave = true, cert != nil && len(cert.Certificate) > 0
	return cert, err
}

// firstOf presents the first certificate that the server takes, as package tls does if
// there is no GetClientCertificate.
func firstOf(list []tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		for i := range list {
			if info.SupportsCertificate(&list[i]) == nil {
				return &list[i], nil
			}
		}
		return &tls.Certificate{}, nil
	}
}

// Read reads as tls.Conn does.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil || c.heard.Load() {
		c.heard.Store(true)
		return n, err
	}
	return n, c.explain(err, false)
}

// Write writes as tls.Conn does.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil || c.heard.Load() {
		return n, err
	}
	return n, c.explain(err, false)
}
