package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// network is the seam that nodes use.
type network interface {
	Listen(addr string) (net.Listener, error)
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

type tcp struct{ net.Dialer }

func (*tcp) Listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
func (d *tcp) Dial(ctx context.Context, addr string) (net.Conn, error) {
	return d.DialContext(ctx, "tcp", addr)
}

// TestLikeTCP runs the same expectations on real TCP and in memory.
func TestLikeTCP(t *testing.T) {
	for name, test := range map[string]func(*testing.T, network){
		"echo":        testEcho,
		"addresses":   testAddresses,
		"close":       testClose,
		"deadline":    testDeadline,
		"refused":     testRefused,
		"in use":      testInUse,
		"big":         testBig,
		"cancelled":   testCancelled,
		"wake reader": testCloseWakesReader,
	} {
		t.Run("tcp/"+name, func(t *testing.T) { test(t, &tcp{}) })
		t.Run("mem/"+name, func(t *testing.T) { test(t, New().Host("127.0.0.1")) })
	}
}

// pair returns the two ends of a connection.
func pair(t testing.TB, listen, dial network, addr string) (dialled, accepted net.Conn) {
	t.Helper()
	l, err := listen.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err = dial.Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled, accepted
}

func testEcho(t *testing.T, n network) {
	a, b := pair(t, n, n, "127.0.0.1:0")
	for _, way := range []struct{ from, to net.Conn }{{a, b}, {b, a}} {
		send(t, way.from, "hello")
		receive(t, way.to, "hello")
	}
}

func send(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
}

func receive(t testing.TB, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

func testAddresses(t *testing.T, n network) {
	a, b := pair(t, n, n, "127.0.0.1:0")
	if a.LocalAddr().String() != b.RemoteAddr().String() || a.RemoteAddr().String() != b.LocalAddr().String() {
		t.Errorf("dialled %s-%s, accepted %s-%s", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
	}
	for _, addr := range []net.Addr{a.LocalAddr(), a.RemoteAddr()} {
		tcp, ok := addr.(*net.TCPAddr)
		if !ok || tcp.Port == 0 || tcp.IP.String() != "127.0.0.1" || addr.Network() != "tcp" {
			t.Errorf("address %#v", addr)
		}
	}
}

func testClose(t *testing.T, n network) {
	a, b := pair(t, n, n, "127.0.0.1:0")
	send(t, a, "last words")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	receive(t, b, "last words")
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read after the peer's close: %d, %v", n, err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if err := a.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("deadline after close: %v", err)
	}
	if err := a.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	var err error
	for err == nil { // TCP needs a round trip to find out
		_, err = b.Write([]byte("x"))
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("write after the peer's close: %v", err)
	}
}

func testDeadline(t *testing.T, n network) {
	a, b := pair(t, n, n, "127.0.0.1:0")
	past := time.Now().Add(-time.Second)
	a.SetReadDeadline(past)
	_, err := a.Read(make([]byte, 1))
	var timeout net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("read after its deadline: %v", err)
	}
	send(t, a, "writes have their own")
	receive(t, b, "writes have their own")
	a.SetReadDeadline(time.Time{})
	send(t, b, "cleared")
	receive(t, a, "cleared")

	a.SetWriteDeadline(past)
	if n, err := a.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write after its deadline: %d, %v", n, err)
	}

	woken := make(chan error)
	go func() {
		_, err := b.Read(make([]byte, 1))
		woken <- err
	}()
	b.SetReadDeadline(past) // ends a Read that waits already, or is about to
	if err := <-woken; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("waiting read: %v", err)
	}
}

func testRefused(t *testing.T, n network) {
	l, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	accepted := make(chan error)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	l.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a closed listener: %v", err)
	}
	if _, err := n.Dial(t.Context(), addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling a closed listener: %v", err)
	}
}

func testInUse(t *testing.T, n network) {
	l, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := n.Listen(l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second listener: %v", err)
	}
	if _, err := n.Listen("192.0.2.1:0"); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("another's address: %v", err)
	}
}

// testBig sends more than any buffer holds, from two writers whose writes must not
// mix, to a slow reader.
func testBig(t *testing.T, n network) {
	a, b := pair(t, n, n, "127.0.0.1:0")
	const size = 300_000
	var wg sync.WaitGroup
	for _, letter := range []byte("xy") {
		wg.Go(func() {
			for range 4 {
				if n, err := a.Write(bytes.Repeat([]byte{letter}, size)); n != size || err != nil {
					t.Errorf("Write = %d, %v", n, err)
				}
			}
		})
	}
	got := make([]byte, 8*size)
	if _, err := io.ReadFull(b, got); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	for i := range 8 {
		part := got[i*size : (i+1)*size]
		if bytes.Count(part, part[:1]) != size {
			t.Fatalf("write %d is mixed with another one", i)
		}
	}
}

func testCancelled(t *testing.T, n network) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := n.Dial(ctx, l.Addr().String()); err == nil {
		t.Error("dialled with a cancelled context")
	}
}

func testCloseWakesReader(t *testing.T, n network) {
	a, _ := pair(t, n, n, "127.0.0.1:0")
	woken := make(chan error)
	go func() {
		_, err := a.Read(make([]byte, 1))
		woken <- err
	}()
	a.Close()
	if err := <-woken; !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading while the connection is closed: %v", err)
	}
}
