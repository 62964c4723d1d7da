package join

import (
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
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	myself = "0700000000000000000000000000000000000000 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5\n"
	other  = "0800000000000000000000000000000000000000 10.0.0.2:7000@17001 master - 0 0 2 connected\n"
)

// seed answers each request on one connection with the next of the replies.
func seed(t *testing.T, host *memnet.Host, replies ...string) (asked func() string) {
	t.Helper()
	ln, err := host.Listen(host.String() + ":7000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	var said strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 1000)
		for _, reply := range replies {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			said.Write(buf[:n])
			io.WriteString(conn, reply)
		}
		conn.Read(buf)
	}()
	return func() string { <-done; return said.String() }
}

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

func TestBusPort(t *testing.T) {
	for name, c := range map[string]struct {
		auth    []string
		replies []string
		says    string // part of the request
		port    uint16
		is      error
		code    string // of HidesBus
	}{
		"known":    {replies: []string{bulk(other + myself)}, says: "NODES", port: 17000},
		"password": {auth: []string{"secret"}, replies: []string{"+OK\r\n", bulk(myself)}, says: "secret", port: 17000},
		"user": {auth: []string{"me", "secret"}, replies: []string{"+OK\r\n", bulk(myself)}, port: 17000,
			says: "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n"},
		"no bus":      {replies: []string{bulk(other)}, is: gossip.ErrNoBus},
		"protected":   {replies: []string{"-DENIED protected mode\r\n"}, code: "DENIED"},
		"no password": {replies: []string{"-NOAUTH Authentication required.\r\n"}, code: "NOAUTH"},
		"not a cluster": {replies: []string{"-ERR This instance has cluster support disabled\r\n"},
			is: client.ReplyError("ERR This instance has cluster support disabled")},
		"no node": {replies: []string{"HTTP/1.1 400 Bad Request\r\n\r\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				asked := seed(t, network.Host("10.0.0.1"), c.replies...)
				ask := &Asker{Network: network.Host("10.0.0.9"), Auth: c.auth}
				id, port, err := ask.BusPort(t.Context(), "10.0.0.1:7000")
				if port != c.port || (err == nil) != (c.port != 0) || c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("port %d, %v", port, err)
				}
				if c.port != 0 && id != (slots.NodeID{7}) {
					t.Errorf("id %s", id)
				}
				if code, hidden := HidesBus(err); code != c.code || hidden != (c.code != "") {
					t.Errorf("HidesBus(%v) = %q, %v", err, code, hidden)
				}
				if got := asked(); !strings.Contains(got, c.says) {
					t.Errorf("it was asked %q", got)
				}
			})
		})
	}
}

// A server that says nothing is given up after peer.DialTimeout, or when ctx ends.
func TestBusPortBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		silent, err := network.Host("10.0.0.1").Listen("10.0.0.1:7000")
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		var conns []net.Conn
		go func() {
			for {
				conn, err := silent.Accept()
				if err != nil {
					return
				}
				conns = append(conns, conn)
			}
		}()
		for _, limit := range []time.Duration{peer.DialTimeout, time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			began := time.Now()
			ask := &Asker{Network: network.Host("10.0.0.9")}
			_, _, err := ask.BusPort(ctx, "10.0.0.1:7000")
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != limit {
				t.Errorf("%v after %v, want %v", err, took, limit)
			}
			cancel()
		}
		synctest.Wait()
		for _, conn := range conns {
			conn.Close()
		}
	})
}
