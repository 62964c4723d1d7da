package server

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// TestHTTPEndsTheConnection sends what a browser would. What Redis 7.0.15 answers to the
// same bytes, nothing but the error about GET, was seen on a real one.
func TestHTTPEndsTheConnection(t *testing.T) {
	var log bytes.Buffer
	var now atomic.Int64
	srv := startServer(t, Config{
		Cluster: newFakeCluster(),
		Logger:  hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Warn}),
		Now:     func() time.Time { return time.UnixMilli(1e12 + now.Load()) },
	})
	const getError = "-ERR wrong number of arguments for 'get' command\r\n"
	other := connect(t, srv)
	warnings := 0
	for _, c := range []struct {
		text, want string
		after      time.Duration // since the one before
		warns      bool
	}{
		{"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET k stolen\r\n", "", 0, true},
		{"PING\r\npost\r\nSET k stolen\r\n", "", 0, false},
		{"hOST: x\r\nSET k stolen\r\n", "", 59 * time.Second, false},
		{"*2\r\n$4\r\nPOST\r\n$1\r\n/\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\nstolen\r\n", "", time.Second, true},
		{"MULTI\r\nPOST x\r\nSET k stolen\r\nEXEC\r\n", "", 0, false},
	} {
		now.Add(c.after.Milliseconds())
		conn := pipeTo(t, srv)
		go io.WriteString(conn, c.text)
		if got, _ := io.ReadAll(conn); string(got) != c.want {
			t.Errorf("%q: got %q, then closed; want %q", c.text, got, c.want)
		}
		if c.warns {
			warnings++
		}
	}
	conn := pipeTo(t, srv)
	go func() {
		io.WriteString(conn, "GET / HTTP/1.1\r\n")
		io.WriteString(conn, "Host: x\r\nSET k stolen\r\n")
	}()
	if got, _ := io.ReadAll(conn); string(got) != getError {
		t.Errorf("a GET of HTTP: got %q, then closed; want %q", got, getError)
	}
	expect(t, other, "GET k", "nil")
	srv.Close()
	if n := strings.Count(log.String(), "possible SECURITY ATTACK"); n != warnings {
		t.Errorf("%d warnings, want %d:\n%s", n, warnings, log.String())
	}
}

// Without the password HTTP ends the connection as well.
func TestHTTPBeforeAuth(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{Password: "secret"}})
	conn := pipeTo(t, srv)
	go io.WriteString(conn, "POST / HTTP/1.1\r\n")
	if got, _ := io.ReadAll(conn); len(got) != 0 {
		t.Errorf("got %q, then closed; want nothing", got)
	}
}
