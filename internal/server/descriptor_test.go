package server

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestReservedDescriptors connects over TCP while fewer and more descriptors are free
// than are kept back.
func TestReservedDescriptors(t *testing.T) {
	for _, c := range []struct {
		files, reserved int
		want            string
	}{
		{0, 0, "+PONG\r\n"},
		{1 << 20, 32, "+PONG\r\n"},
		{1 << 20, 1<<20 - 1, "-ERR max number of clients reached\r\n"},
	} {
		srv := startServer(t, Config{Files: c.files, ReservedFiles: func() int { return c.reserved }})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go srv.Serve(ln)
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "PING\r\n")
		got := make([]byte, len(c.want))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != c.want {
			t.Errorf("of %d descriptors %d are reserved: %q, %v; want %q", c.files, c.reserved, got, err, c.want)
		}
	}
}

// TestOutOfDescriptors: an Accept that fails for want of descriptors is tried again, ever
// less often.
func TestOutOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := startServer(t, Config{})
		ln := &exhausted{}
		done := make(chan error)
		go func() { done <- srv.Serve(ln) }()
		time.Sleep(time.Minute)
		srv.Close()
		if err := <-done; err != ErrClosed {
			t.Errorf("Serve: %v", err)
		}
		if ln.calls < 30 || ln.calls > 70 {
			t.Errorf("%d calls of Accept in a minute, want about one a second", ln.calls)
		}
	})
}

// exhausted is a listener of a process without descriptors.
type exhausted struct{ calls int }

func (l *exhausted) Accept() (net.Conn, error) {
	l.calls++
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
}
func (l *exhausted) Addr() net.Addr { return &net.TCPAddr{} }
func (l *exhausted) Close() error   { return errors.New("not used") }
