package client_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/slotmesh/slotmesh/internal/memnet"
)

// fakeServer answers commands at an address in memory, "host:port", over TLS if cfg is not
// nil. reply returns the reply to a command as it is sent.
func fakeServer(t *testing.T, network *memnet.Network, addr string, cfg *tls.Config,
	reply func(words []string) string) {
	t.Helper()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := network.Host(host).Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	if cfg != nil {
		ln = tls.NewListener(ln, cfg)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go answer(conn, reply)
		}
	}()
}

func answer(conn net.Conn, reply func(words []string) string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		var n, size int
		if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
			return
		}
		var words []string
		for range n {
			if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
				return
			}
			word := make([]byte, size+2)
			if _, err := io.ReadFull(in, word); err != nil {
				return
			}
			words = append(words, string(word[:size]))
		}
		io.WriteString(conn, reply(words))
	}
}

// ownsAll is the reply to CLUSTER SLOTS that says that a node owns all slots.
func ownsAll(host string, port int) string {
	return fmt.Sprintf("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$%d\r\n%s\r\n:%d\r\n", len(host), host, port)
}
