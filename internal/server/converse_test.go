package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// Most tests of this package talk through net.Pipe. These use TCP, which sessions serve
// on the bare socket where they can.

// listen returns where srv serves TCP.
func listen(t testing.TB, srv *Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(ln)
	return ln.Addr().String()
}

func dialTCP(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// An end of the stream may arrive together with the last command and then has no event of
// its own: every client must see all replies and the end nevertheless.
func TestSocketHalfClosed(t *testing.T) {
	addr := listen(t, startServer(t, Config{Cluster: newFakeCluster()}))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			conn := dialTCP(t, addr)
			io.WriteString(conn, "PING\r\n")
			conn.CloseWrite()
			if got, err := io.ReadAll(conn); string(got) != "+PONG\r\n" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
}

// A client that is gone without reading its replies, or without a word, leaves no session
// behind.
func TestSocketAbandoned(t *testing.T) {
	srv := startServer(t, Config{Cluster: newFakeCluster()})
	addr := listen(t, srv)
	for _, text := range []string{"", "PING\r\n", "CLIENT REPLY OFF\r\nPING\r\n", "*1\r\n$4\r\nPI"} {
		for _, linger := range []int{-1, 0} { // FIN, RST
			conn := dialTCP(t, addr)
			conn.SetLinger(linger)
			io.WriteString(conn, text)
			conn.Close()
		}
	}
	waitFor(t, "all sessions to end", func() bool { return srv.Clients() == 0 })
}

// Replies that fill the socket's buffer leave it to the usual way of output, and come
// whole and in order.
func TestSocketBufferFull(t *testing.T) {
	addr := listen(t, startServer(t, Config{Cluster: newFakeCluster()}))
	conn := dialTCP(t, addr)
	const size, times = 200_000, 200
	value := strings.Repeat("0123456789", size/10)
	conn.Write(resp.AppendCommand(nil, "SET", "k", value))
	var batch []byte
	for i := range times {
		batch = resp.AppendCommand(batch, "ECHO", fmt.Sprint(i))
		batch = resp.AppendCommand(batch, "GET", "k")
	}
	conn.Write(batch)
	conn.CloseWrite()
	want := []byte("+OK\r\n")
	for i := range times {
		n := fmt.Sprint(i)
		want = fmt.Appendf(want, "$%d\r\n%s\r\n$%d\r\n%s\r\n", len(n), n, size, value)
	}
	if got, err := io.ReadAll(conn); !bytes.Equal(got, want) || err != nil {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(want))
	}
}

// However the stream is cut, the replies are the same.
func TestSocketArbitraryPieces(t *testing.T) {
	addr := listen(t, startServer(t, Config{Cluster: newFakeCluster()}))
	rnd := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want strings.Builder
	for i := range 300 {
		value := strings.Repeat(fmt.Sprint(i%10), rnd.IntN(3000))
		stream = resp.AppendCommand(stream, "SET", "k", value)
		stream = resp.AppendCommand(stream, "GET", "k")
		fmt.Fprintf(&want, "+OK\r\n$%d\r\n%s\r\n", len(value), value)
	}
	stream = append(stream, "*1\r\nnonsense"...)
	want.WriteString("-ERR Protocol error: expected '$', got 'n'\r\n")
	conn := dialTCP(t, addr)
	go func() {
		for len(stream) > 0 {
			n := min(1+rnd.IntN(5000), len(stream))
			conn.Write(stream[:n])
			stream = stream[n:]
		}
		conn.CloseWrite()
	}()
	if got, err := io.ReadAll(conn); string(got) != want.String() || err != nil {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, want.Len())
	}
}

// stuckAcks never hears of a replica.
type stuckAcks struct{}

func (stuckAcks) Term() uint64 { return 1 }

func (stuckAcks) Mark(term uint64) Mark { return Mark{term, 1} }

func (stuckAcks) Departed() uint64 { return 0 }

func (stuckAcks) WaitAcked(ctx context.Context, _ *Written, _ int) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func (a stuckAcks) WaitDurable(ctx context.Context, w *Written, _ bool, k int) (bool, int) {
	n, _ := a.WaitAcked(ctx, w, k)
	return false, n
}

// A killed client sees its connection end at once, also while its command waits.
func TestSocketKilledWhileWaiting(t *testing.T) {
	srv := startServer(t, Config{Cluster: newFakeCluster(), Acks: stuckAcks{}})
	addr := listen(t, srv)
	conn := dialTCP(t, addr)
	io.WriteString(conn, "CLIENT ID\r\n")
	line := make([]byte, 64)
	n, _ := conn.Read(line)
	io.WriteString(conn, "WAIT 1 0\r\n")
	id := strings.TrimSpace(string(line[1:n]))
	expect(t, connect(t, srv), "CLIENT KILL ID "+id, ":1")
	if got, _ := io.ReadAll(conn); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}
