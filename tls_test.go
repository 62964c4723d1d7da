package slotmesh_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
	"github.com/slotmesh/slotmesh/slots"
)

// tlsNode starts a node at 10.0.0.1, as a file with these lines configures it, and returns
// where its certificate is.
func tlsNode(t *testing.T, network *memnet.Network, lines string) (*slotmesh.Node, testcert.Files) {
	t.Helper()
	return tlsNodeAt(t, network, "10.0.0.1", lines)
}

func tlsNodeAt(t *testing.T, network *memnet.Network, host, lines string) (*slotmesh.Node, testcert.Files) {
	t.Helper()
	dir, a := t.TempDir(), testcert.Default()
	files := a.Write(dir, "node", a.Sign(nil, host))
	file := filepath.Join(dir, "node.conf")
	lines += fmt.Sprintf("\ndir %s\nprotected-mode no\nsave \"\"\ntls-cert-file %s\ntls-key-file %s\n"+
		"tls-ca-cert-file %s\n", dir, files.Cert, files.Key, files.CA)
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, warnings, err := slotmesh.LoadConfig(file)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, warnings %q", err, warnings)
	}
	for _, addr := range []*string{&cfg.Addr, &cfg.BusAddr, &cfg.Clients.TLSAddr} {
		if _, port, err := net.SplitHostPort(*addr); err == nil {
			*addr = net.JoinHostPort(host, port)
		}
	}
	cfg.Network = network.Host(host)
	return e2e.StartNode(t, cfg), files
}

// tlsConn is a client of 10.0.0.1.
type tlsConn struct {
	*tls.Conn
	r *bufio.Reader
}

func dialTLS(t *testing.T, network *memnet.Network, port int, certs ...tls.Certificate) (*tlsConn, error) {
	t.Helper()
	conn, err := network.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	cfg := testcert.Default().Client(certs...)
	cfg.ServerName = "10.0.0.1"
	c := tls.Client(conn, cfg)
	return &tlsConn{c, bufio.NewReader(c)}, nil
}

// ask returns the first line of the answer, or "closed".
func (c *tlsConn) ask(command string) string {
	io.WriteString(c, command+"\r\n")
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "closed"
	}
	return strings.TrimSuffix(line, "\r\n")
}

// TestWhatIsAskedOfClientsWithTLS: tls-auth-clients, from the file and at run time.
func TestWhatIsAskedOfClientsWithTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		n, _ := tlsNode(t, network, "port 7000\ntls-port 7001")
		known := testcert.Default().Issue("client")
		for _, c := range []struct{ auth, without string }{
			{"yes", "closed"}, {"optional", "+PONG"}, {"no", "+PONG"}, {"yes", "closed"},
		} {
			if err := slotmesh.SetDirective(n, "tls-auth-clients", c.auth); err != nil {
				t.Fatal(err)
			}
			for _, certs := range [][]tls.Certificate{nil, {known}} {
				conn, err := dialTLS(t, network, 7001, certs...)
				if err != nil {
					t.Fatal(err)
				}
				want := "+PONG"
				if certs == nil {
					want = c.without
				}
				if got := conn.ask("PING"); got != want {
					t.Errorf("tls-auth-clients %s, %d certificates: %q, want %q", c.auth, len(certs), got, want)
				}
			}
		}
	})
}

// TestCertificateIsReplaced: clients that are connected go on, others see the new one.
func TestCertificateIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, a := memnet.New(), testcert.Default()
		n, files := tlsNode(t, network, "port 0\ntls-port 7001\ntls-auth-clients no")
		if addr := n.Addr(); addr.Port != 0 || addr.TLSPort != 7001 || addr.Client() != "10.0.0.1:7001" {
			t.Errorf("it listens on %#v", addr)
		}
		var conns []*tlsConn
		serial := func() string {
			t.Helper()
			c, err := dialTLS(t, network, 7001)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
			for _, c := range conns {
				if got := c.ask("PING"); got != "+PONG" {
					t.Errorf("a client that is connected: %q", got)
				}
			}
			return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
		}
		seen := map[string]bool{serial(): true}
		for _, replace := range []func() error{
			func() error { // by the files
				a.Write(filepath.Dir(files.Cert), "node", a.Sign(nil, "10.0.0.1"))
				time.Sleep(time.Second)
				return nil
			},
			func() error { // by CONFIG SET, which reads at once
				a.Write(filepath.Dir(files.Cert), "node", a.Sign(nil, "10.0.0.1"))
				return slotmesh.SetDirective(n, "tls-cert-file", files.Cert)
			},
		} {
			if err := replace(); err != nil {
				t.Fatal(err)
			}
			now := serial()
			if seen[now] {
				t.Error("a new client is shown a certificate from before")
			}
			seen[now] = true
		}
		err := slotmesh.SetDirective(n, "tls-key-file", "/does/not/exist")
		if want := "CONFIG SET failed (possibly related to argument 'tls-key-file') - Unable to update TLS configuration. " +
			"Check server logs."; err == nil || err.Error() != want {
			t.Errorf("CONFIG SET of a wrong file: %v, want %s", err, want)
		}
		if now := serial(); !seen[now] {
			t.Error("a wrong file was taken")
		}
	})
}

// TestTLSPortIsMoved: by CONFIG SET, as in Redis; the other nodes hear of it.
func TestTLSPortIsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		n, _ := tlsNode(t, network, "port 7000\ncluster-enabled yes\ntls-auth-clients no")
		peer := e2e.StartNode(t, slotmesh.Config{Addr: "10.0.0.2:7000", Network: network.Host("10.0.0.2"), OpenBus: true})
		if err := n.Join(t.Context(), "10.0.0.2:7000"); err != nil {
			t.Fatal(err)
		}
		var before *tlsConn
		for _, port := range []int{7001, 7002, 0} {
			if err := slotmesh.SetDirective(n, "tls-port", strconv.Itoa(port)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			told := peer.Map().Node(n.ID()).Addr
			if int(told.TLSPort) != port || told.Port != 7000 || told != n.Addr() {
				t.Errorf("after tls-port %d the other node knows of %#v", port, told)
			}
			for _, p := range []int{7001, 7002} {
				c, err := dialTLS(t, network, p)
				if (err == nil) != (p == port) {
					t.Errorf("after tls-port %d: dialling %d: %v", port, p, err)
				} else if err == nil && c.ask("PING") != "+PONG" {
					t.Errorf("after tls-port %d: no answer", port)
				}
				if err == nil && before == nil {
					before = c
				}
			}
			if got := before.ask("PING"); got != "+PONG" {
				t.Errorf("after tls-port %d, a client that is connected: %q", port, got)
			}
		}
		want := "CONFIG SET failed (possibly related to argument 'tls-port') - Unable to listen on this port. " +
			"Check server logs."
		if err := slotmesh.SetDirective(n, "tls-port", "7000"); err == nil || err.Error() != want {
			t.Errorf("a port in use: %v, want %s", err, want)
		}
	})
}

// TestReplicationWithTLS: nodes that talk with TLS show each other at the ports that use
// it, as in Redis.
func TestReplicationWithTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		const lines = "port 7000\ntls-port 7001\ntls-auth-clients no\ncluster-enabled yes\ntls-cluster yes\n" +
			"tls-replication yes"
		master, _ := tlsNode(t, network, lines)
		replica, _ := tlsNodeAt(t, network, "10.0.0.2", lines)
		if err := master.AddSlots(t.Context(), slots.Full()); err != nil {
			t.Fatal(err)
		}
		if err := replica.Join(t.Context(), "10.0.0.1:7000"); err != nil {
			t.Fatal(err)
		}
		if addr := replica.Addr(); addr.BusPort != 17001 {
			t.Errorf("the bus is at %d, want 10,000 above tls-port", addr.BusPort)
		}
		if err := replica.Replicate(t.Context(), master.ID()); err != nil {
			t.Fatal(err)
		}
		if err := replica.WaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
		for addr, want := range map[string]string{
			"10.0.0.1:7000": "\r\nslave0:ip=10.0.0.2,port=7001,", "10.0.0.2:7000": "\r\nmaster_port:7001\r\n",
		} {
			conn, err := network.Host("10.0.0.9").Dial(t.Context(), addr)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, "INFO replication\r\nQUIT\r\n")
			if info, err := io.ReadAll(conn); err != nil || !strings.Contains(string(info), want) {
				t.Errorf("%s, %v; want %q", info, err, want)
			}
		}
	})
}

// TestTLSOfTheProgram: a Config without files.
func TestTLSOfTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		n := e2e.StartNode(t, slotmesh.Config{Standalone: true, Addr: "10.0.0.1:7000", Network: network.Host("10.0.0.1"),
			TLS: testcert.Default().Server("10.0.0.1"), Clients: slotmesh.ClientConfig{Open: true}})
		if addr := n.Addr(); addr.Port != 0 || addr.TLSPort != 7000 {
			t.Errorf("it listens on %#v", addr)
		}
		c, err := dialTLS(t, network, 7000)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ask("PING"); got != "+PONG" {
			t.Error(got)
		}
		if got := c.ask("CONFIG GET tls-port"); got != "*2" {
			t.Error(got)
		}
		for name, want := range map[string]string{"tls-port": "", "tls-cert-file": "the program that runs this node"} {
			err := slotmesh.SetDirective(n, name, "7000")
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("CONFIG SET %s: %v, want %q", name, err, want)
			}
		}
	})
}

func TestTLSOfAFileThatIsWrong(t *testing.T) {
	dir, a := t.TempDir(), testcert.Default()
	files := a.Write(dir, "node", a.Issue("node"))
	good := fmt.Sprintf("tls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\n", files.Cert, files.Key, files.CA)
	for _, c := range []struct{ lines, want string }{
		{"tls-port 7001", `:1: tls-cert-file: no certificate is configured`},
		{good + "tls-port 7001\ntls-key-file /none", `:5: tls-key-file "/none": open /none: no such file`},
		{good + "tls-cluster yes\ntls-protocols SSLv3", `:5: tls-protocols "SSLv3": "SSLv3" is no protocol`},
		{good + "tls-replication yes\ntls-ca-cert-file \"\"\ntls-auth-clients no", `:5: tls-ca-cert-file: either`},
		{good + "port 7001\ntls-port 7001", `:5: tls-port "7001": it is the port of clients without TLS too`},
		{"port 0", `:1: port "0": the node would not listen anywhere`},
	} {
		file := filepath.Join(dir, "node.conf")
		os.WriteFile(file, []byte(c.lines), 0o600)
		if _, _, err := slotmesh.LoadConfig(file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\n got %v\nwant %s", c.lines, err, c.want)
		}
	}
	os.WriteFile(filepath.Join(dir, "node.conf"), []byte("tls-cert-file /not/looked/at\n"), 0o600)
	if _, _, err := slotmesh.LoadConfig(filepath.Join(dir, "node.conf")); err != nil {
		t.Errorf("files that nothing uses: %v", err)
	}
}
