package interop

import (
	"crypto/tls"
	"testing"

	"github.com/slotmesh/slotmesh/internal/testcert"
)

// certificates are what the servers and clients of a test show each other. A nil one is
// for plain text.
type certificates struct {
	ca     *testcert.Authority
	server testcert.Files
	client testcert.Files // empty if servers do not ask for certificates
}

// newCertificates makes certificates for 127.0.0.1; if mutual is set, for clients too.
func newCertificates(t *testing.T, mutual bool) *certificates {
	t.Helper()
	c := &certificates{ca: testcert.Default()}
	dir := t.TempDir()
	c.server = c.ca.Write(dir, "server", c.ca.Issue("127.0.0.1"))
	if mutual {
		c.client = c.ca.Write(dir, "client", c.ca.Issue())
	}
	return c
}

// directives returns those of a server, tls-port apart.
func (c *certificates) directives() []string {
	auth := "no"
	if c.client.Cert != "" {
		auth = "yes"
	}
	return []string{"--tls-cert-file", c.server.Cert, "--tls-key-file", c.server.Key, "--tls-ca-cert-file", c.server.CA,
		"--tls-auth-clients", auth, "--tls-cluster", "yes", "--tls-replication", "yes"}
}

// cli returns the flags of redis-cli, which are those of slotmesh.
func (c *certificates) cli() []string {
	if c == nil {
		return nil
	}
	flags := []string{"--tls", "--cacert", c.server.CA}
	if c.client.Cert != "" {
		flags = append(flags, "--cert", c.client.Cert, "--key", c.client.Key)
	}
	return flags
}

// config returns the same for clients in Go.
func (c *certificates) config() *tls.Config {
	if c.client.Cert != "" {
		return c.ca.Client(c.ca.Issue())
	}
	return c.ca.Client()
}
