package admin

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
)

// serveOK answers commands with OK, and SCAN with the end of the keys; over TLS if cfg is
// not nil.
func serveOK(t *testing.T, network *memnet.Network, cfg *tls.Config) {
	t.Helper()
	serveConns(t, network, "10.0.0.1", cfg, func(conn net.Conn) {
		defer conn.Close()
		for in := bufio.NewScanner(conn); in.Scan(); {
			switch in.Text() {
			case "SCAN":
				io.WriteString(conn, "*2\r\n$1\r\n0\r\n*0\r\n")
			case "PING", "AUTH", "INFO", "DBSIZE":
				io.WriteString(conn, "+OK\r\n")
			}
		}
	})
}

// Every connection speaks TLS if Config.TLS is set; if one end does and the other does
// not, or they do not trust each other, the error says what to do.
func TestTLS(t *testing.T) {
	ca := testcert.Default()
	mutual := ca.Server("10.0.0.1")
	mutual.ClientAuth = tls.RequireAndVerifyClientCert
	for name, c := range map[string]struct {
		server, client *tls.Config
		password       string
		says           string
	}{
		"TLS":               {server: ca.Server("10.0.0.1"), client: ca.Client()},
		"mutual":            {server: mutual, client: ca.Client(ca.Issue()), password: "secret"},
		"no certificate":    {server: mutual, client: ca.Client(), says: "--cert FILE --key FILE"},
		"no authority":      {server: mutual, client: &tls.Config{}, says: "--cacert FILE"},
		"plain":             {server: ca.Server("10.0.0.1"), says: "--tls"},
		"plain, a password": {server: ca.Server("10.0.0.1"), password: "secret", says: "--tls"},
		"none here":         {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				serveOK(t, network, c.server)
				a, err := New(Config{Dial: network.Host("10.0.0.9").Dial, TLS: c.client, Password: c.password})
				if err != nil {
					t.Fatal(err)
				}
				defer a.Close()
				_, err = a.do(t.Context(), "10.0.0.1:7000", "PING")
				var node *NodeError
				if c.says == "" && err != nil || c.says != "" &&
					(!errors.As(err, &node) || !strings.Contains(err.Error(), c.says)) {
					t.Errorf("%v; it should say %q", err, c.says)
				}
			})
		})
	}
}

// The source of an import has a TLS of its own.
func TestImportTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, ca := memnet.New(), testcert.Default()
		serveOK(t, network, ca.Server("10.0.0.1"))
		a, err := New(Config{Dial: network.Host("10.0.0.9").Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		w := newWorld(t, 3)
		_, err = a.Import(t.Context(), w.view(), Import{From: "10.0.0.1:7000", FromTLS: ca.Client()})
		if err != nil {
			t.Error(err)
		}
	})
}
