package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// redirecting serves clients at a host in memory: it owns all slots by its own account,
// and sends every other command to other.
func redirecting(t *testing.T, network *memnet.Network, host, other string) {
	t.Helper()
	ln, err := network.Host(host).Listen(host + ":7000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go serveRedirects(conn, host, other)
		}
	}()
}

func serveRedirects(conn net.Conn, host, other string) {
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
		switch words[0] {
		case "HELLO":
			io.WriteString(conn, "%0\r\n")
		case "CLUSTER":
			fmt.Fprintf(conn, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$%d\r\n%s\r\n:7000\r\n", len(host), host)
		default:
			fmt.Fprintf(conn, "-MOVED %d %s:7000\r\n", slots.OfString(words[1]), other)
		}
	}
}

// TestRedirectLoop: two nodes that send a key to each other are named, and how often they
// did.
func TestRedirectLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		redirecting(t, network, "10.0.0.1", "10.0.0.2")
		redirecting(t, network, "10.0.0.2", "10.0.0.1")
		c, err := client.Dial(t.Context(), client.DialConfig{Addrs: []string{"10.0.0.1:7000"},
			Network: network.Host("10.0.0.9")})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Get(ctx, "key")
		var why *client.UnavailableError
		var moved *slots.MovedError
		if !errors.As(err, &why) || !errors.As(err, &moved) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
		if !strings.HasPrefix(why.Reason, "redirected ") ||
			!strings.Contains(why.Reason, "10.0.0.1:7000, then 10.0.0.2:7000, then 10.0.0.1:7000") {
			t.Errorf("%v", err)
		}
	})
}
