package server

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// trackingClient is a connection that takes pushes as they come.
type trackingClient struct{ *rawConn }

func newTrackingClient(t *testing.T, srv *Server) trackingClient {
	return trackingClient{newRawConn(t, pipeTo(t, srv))}
}

// all sends command lines together and returns all that has come when the last of them has
// been answered, and what was pushed before a further command was.
func (c trackingClient) all(lines ...string) string {
	var out []byte
	for _, line := range lines {
		args, _ := resp.SplitWords(nil, []byte(line))
		out = resp.AppendCommand(out, args...)
	}
	go c.conn.Write(out)
	return c.receive(len(lines)) + c.pushed()
}

// pushed returns what the client has been pushed.
func (c trackingClient) pushed() string {
	go c.conn.Write(resp.AppendCommand(nil, []byte("CLIENT"), []byte("ID")))
	got := c.receive(1)
	return got[:strings.LastIndexByte(got, ':')]
}

// receive returns what comes up to the reply with a number.
func (c trackingClient) receive(replies int) string {
	var b []byte
	for replies > 0 {
		r := c.reply()
		if r == nil {
			c.t.Fatalf("the connection was closed after %q", b)
		}
		if b = append(b, r...); r[0] != '>' {
			replies--
		}
	}
	return string(b)
}

const invalidateK = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"

// TestTrackingTellsOnce: a client hears of the first change of what it has read, after the
// reply of the command that made it, if that was its own.
func TestTrackingTellsOnce(t *testing.T) {
	srv := startServer(t, Config{})
	a, b := newTrackingClient(t, srv), newTrackingClient(t, srv)
	for _, step := range []struct {
		by   trackingClient
		line string
		want string
		told string // a
	}{
		{a, "HELLO 3", "", ""},
		{a, "CLIENT TRACKING on", "+OK\r\n", ""},
		{a, "GET k", "_\r\n", ""},
		{b, "SET k 1", "+OK\r\n", invalidateK},
		{b, "SET k 2", "+OK\r\n", ""},
		{a, "GET k", "$1\r\n2\r\n", ""},
		{a, "SET k 3", "+OK\r\n" + invalidateK, ""},
		{a, "GET k", "$1\r\n3\r\n", ""},
		{b, "FLUSHALL", "+OK\r\n", ">2\r\n$10\r\ninvalidate\r\n_\r\n"},
		{a, "CLIENT TRACKING off", "+OK\r\n", ""},
		{a, "GET k", "_\r\n", ""},
		{b, "SET k 1", "+OK\r\n", ""},
	} {
		if got := step.by.all(step.line); got != step.want && step.want != "" {
			t.Fatalf("%s: got %q, want %q", step.line, got, step.want)
		}
		if got := a.pushed(); got != step.told {
			t.Fatalf("%s: the client was told %q, want %q", step.line, got, step.told)
		}
	}
}
