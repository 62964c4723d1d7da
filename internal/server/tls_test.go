package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
)

// tlsPort is where serveTLS listens.
const tlsPort = "10.0.0.1:7001"

// serveTLS serves clients with TLS on a network in memory, whose machines it returns.
func serveTLS(t *testing.T, srv *Server) (dial func(from string) net.Conn) {
	t.Helper()
	network := memnet.New()
	ln, err := network.Host("10.0.0.1").Listen(":7001")
	if err != nil {
		t.Fatal(err)
	}
	go srv.ServeTLS(ln, testcert.Default().Server("10.0.0.1"))
	return func(from string) net.Conn {
		conn, err := network.Host(from).Dial(t.Context(), tlsPort)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

func tlsClient(conn net.Conn) *tls.Conn {
	cfg := testcert.Default().Client()
	cfg.ServerName = "10.0.0.1"
	return tls.Client(conn, cfg)
}

// ping returns the first line of the answer to PING, or why there is none.
func ping(conn net.Conn) string {
	conn.Write([]byte("PING\r\n")) // may find the connection closed
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return line
}

func TestHandshakeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		srv := startServer(t, Config{Logger: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Debug})})
		dial := serveTLS(t, srv)
		for _, said := range []string{
			"PING\r\n", "*1\r\n$4\r\nPING\r\n", "\x16\x03\x01\xff\xff", strings.Repeat("\x16", 1<<20),
		} {
			conn := dial("10.0.0.2")
			go io.WriteString(conn, said)
			reply, _ := io.ReadAll(conn)
			if bytes.ContainsAny(reply, "+-") {
				t.Errorf("%.20q was answered with %q", said, reply)
			}
		}
		synctest.Wait()
		if n := srv.Clients(); n != 0 {
			t.Errorf("%d clients", n)
		}
		if n := strings.Count(log.String(), `[DEBUG] Error accepting a client connection: `); n != 4 {
			t.Errorf("%d lines about 4 connections in the log:\n%s", n, log.String())
		}
	})
}

// TestTurnedAwayWithTLS: a client that is not served reads why, over TLS.
func TestTurnedAwayWithTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := startServer(t, Config{Limits: Limits{MaxClients: 1, Protected: true}})
		dial := serveTLS(t, srv)
		if got := ping(tlsClient(dial("10.0.0.2"))); got != protectedMode {
			t.Errorf("protected mode: %q", got)
		}
		srv.SetLimits(Limits{MaxClients: 1})
		first := tlsClient(dial("10.0.0.2"))
		if got := ping(first); got != "+PONG\r\n" {
			t.Errorf("the first client: %q", got)
		}
		if got := ping(tlsClient(dial("10.0.0.2"))); got != tooManyClients {
			t.Errorf("one client too many: %q", got)
		}
		if n := srv.stats.rejectedConns.Load(); n != 2 {
			t.Errorf("%d connections count as rejected, want 2", n)
		}
		first.CloseWrite() // the end of what it says, not of what it reads
		if rest, err := io.ReadAll(first); err != nil || len(rest) > 0 {
			t.Errorf("after the end: %q, %v", rest, err)
		}
		synctest.Wait()
		if n := srv.Clients(); n != 0 {
			t.Errorf("%d clients after the last has gone", n)
		}
	})
}

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// TestPipelineInFewRecords: the replies of a pipeline leave together.
func TestPipelineInFewRecords(t *testing.T) {
	srv := startServer(t, Config{})
	network := memnet.New()
	ln, err := network.Host("10.0.0.1").Listen(":7001")
	if err != nil {
		t.Fatal(err)
	}
	near, err := network.Host("10.0.0.2").Dial(t.Context(), tlsPort)
	if err != nil {
		t.Fatal(err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	counting := &countingConn{Conn: far}
	server := testcert.Default().Server("10.0.0.1")
	go srv.ServeConn(tls.Server(counting, withRecords(server)))
	client := tlsClient(near)
	if got := ping(client); got != "+PONG\r\n" {
		t.Fatal(got)
	}
	before := counting.writes.Load()
	const n = 4000
	go io.WriteString(client, strings.Repeat("PING xxxxxxxxxxxxxxxx\r\n", n))
	if _, err := io.ReadFull(client, make([]byte, n*len("$16\r\nxxxxxxxxxxxxxxxx\r\n"))); err != nil {
		t.Fatal(err)
	}
	// 88 KB come in 6 records of 16 KiB, and each is answered as it comes.
	if writes := counting.writes.Load() - before; writes > 20 {
		t.Errorf("%d replies took %d records", n, writes)
	}
}
