package tlsdial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
)

const (
	serverHost = "10.0.0.1"
	serverAddr = serverHost + ":7443"
)

// serve accepts one connection at serverAddr and hands it to handle, which need not close
// it.
func serve(t *testing.T, n *memnet.Network, handle func(net.Conn)) {
	t.Helper()
	ln, err := n.Host(serverHost).Listen(serverAddr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := ln.Accept(); err == nil {
			handle(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
}

// speak is a server that says hello over TLS.
func speak(cfg *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		c := tls.Server(conn, cfg)
		io.WriteString(c, "hello")
		io.Copy(io.Discard, c)
	}
}

// hear dials and reads the hello.
func hear(ctx context.Context, n *memnet.Network, addr string, cfg *tls.Config) error {
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return n.Host("10.0.0.9").Dial(ctx, serverAddr) }
	conn, err := Dial(ctx, dial, addr, cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.ReadFull(conn, make([]byte, len("hello")))
	return err
}

func TestDial(t *testing.T) {
	ca, other := testcert.Default(), testcert.New("another authority")
	expired := func(c *x509.Certificate) { c.NotAfter = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC) }
	mutual := ca.Server(serverHost)
	mutual.ClientAuth = tls.RequireAndVerifyClientCert
	named := ca.Client()
	named.ServerName = "node.example"
	blind := &tls.Config{InsecureSkipVerify: true}
	old := ca.Client()
	old.MaxVersion = tls.VersionTLS12
	new := ca.Server(serverHost)
	new.MinVersion = tls.VersionTLS13
	withOwn := func(cert tls.Certificate) *tls.Config {
		return &tls.Config{RootCAs: ca.Pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate,
			error) {
			return &cert, nil
		}}
	}
	for name, c := range map[string]struct {
		addr   string // serverAddr if empty
		server *tls.Config
		client *tls.Config
		remedy string
	}{
		"trusted":           {server: ca.Server(serverHost), client: ca.Client()},
		"zone":              {addr: "[fe80::1%eth0]:1", server: ca.Server("fe80::1"), client: ca.Client()},
		"unknown authority": {server: other.Server(serverHost), client: ca.Client(), remedy: trustCA},
		"not asked about":   {server: other.Server(serverHost), client: blind},
		"other host":        {server: ca.Server("10.0.0.2"), client: ca.Client(), remedy: otherName},
		"no host":           {server: ca.Server(), client: ca.Client(), remedy: otherName},
		"name said":         {server: ca.Server("node.example"), client: named},
		"another name said": {server: ca.Server(serverHost), client: named, remedy: otherName},
		"expired": {server: &tls.Config{Certificates: []tls.Certificate{ca.Sign(expired, serverHost)}},
			client: ca.Client(), remedy: outOfDate},
		"mutual":              {server: mutual, client: ca.Client(ca.Issue())},
		"mutual, own choice":  {server: mutual, client: withOwn(ca.Issue())},
		"no certificate":      {server: mutual, client: ca.Client(), remedy: giveOne},
		"none that is taken":  {server: mutual, client: ca.Client(other.Issue()), remedy: giveOne},
		"one that is refused": {server: mutual, client: withOwn(other.Issue()), remedy: takeAnswer},
		"no version":          {server: new, client: old, remedy: nothingShared},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				serve(t, n, speak(c.server))
				addr := c.addr
				if addr == "" {
					addr = serverAddr
				}
				err := hear(t.Context(), n, addr, c.client)
				var explained *Error
				if (err == nil) != (c.remedy == "") || err != nil && (!errors.As(err, &explained) || explained.Remedy != c.remedy) {
					t.Errorf("%v; want the remedy %q", err, c.remedy)
				}
			})
		})
	}
}

// Servers that do not speak TLS: they answer in another language, close the connection, or
// wait for a line that does not come.
func TestDialToPlainServer(t *testing.T) {
	for name, c := range map[string]struct {
		serve  func(net.Conn)
		remedy string
	}{
		"answers": {func(conn net.Conn) {
			conn.Read(make([]byte, 1))
			io.WriteString(conn, "-ERR unknown command\r\n")
			io.Copy(io.Discard, conn)
		}, noTLS},
		"closes": {func(net.Conn) {}, brokenOff},
		"waits":  {func(conn net.Conn) { io.Copy(io.Discard, conn) }, silent},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				serve(t, n, c.serve)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				var explained *Error
				if err := hear(ctx, n, serverAddr, testcert.Default().Client()); !errors.As(err, &explained) ||
					explained.Remedy != c.remedy {
					t.Errorf("%v; want the remedy %q", err, c.remedy)
				}
			})
		})
	}
}

// What ends a connection that has been read from is not about TLS, and an end stays one
// that callers know.
func TestErrorsAfterTheFirstRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		ca := testcert.Default()
		serve(t, n, func(conn net.Conn) {
			c := tls.Server(conn, ca.Server(serverHost))
			io.WriteString(c, "hello")
			c.Close()
		})
		conn, err := Dial(t.Context(), n.Host("10.0.0.9").Dial, serverAddr, ca.Client())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if text, err := io.ReadAll(conn); string(text) != "hello" || err != nil {
			t.Errorf("read %q, %v", text, err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the end is %v", err)
		}
	})
}

// Without a configuration there is no TLS; what a server that expects it does to such a
// connection is told by Plain.
func TestPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serve(t, n, speak(testcert.Default().Server(serverHost)))
		conn, err := Dial(t.Context(), n.Host("10.0.0.9").Dial, serverAddr, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "*1\r\n$4\r\nPING\r\n")
		_, err = conn.Read(make([]byte, 1))
		if err := Plain(err); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "--tls") {
			t.Errorf("%v", err)
		}
		if other := errors.New("other"); Plain(other) != other || Plain(nil) != nil {
			t.Error("another error is changed")
		}
	})
}

// A handshake that is given up closes the connection.
func TestDialGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		closed := false
		serve(t, n, func(conn net.Conn) { io.Copy(io.Discard, conn); closed = true })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := hear(ctx, n, serverAddr, testcert.Default().Client()); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if !closed {
			t.Error("the connection is still open")
		}
	})
}
