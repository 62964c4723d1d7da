package clustertest

import (
	"crypto/tls"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/testcert"
)

// secure makes what a node says unreadable for others.
func (m *member) secure(cfg *slotmesh.Config) {
	cfg.TLS = testcert.Default().Server(m.host)
	cfg.TLS.ClientAuth = tls.RequireAndVerifyClientCert
}

// ClientTLS returns what a client of a Secure cluster connects with: trust in the authority
// that has signed the nodes' certificates, and a certificate of the client's own. It is nil
// for other clusters, whose nodes do not speak TLS. The caller may change it.
func (c *Cluster) ClientTLS() *tls.Config {
	if !c.cfg.Secure {
		return nil
	}
	ca := testcert.Default()
	return ca.Client(ca.Issue())
}
