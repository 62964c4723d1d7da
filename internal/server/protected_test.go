package server

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// from is a connection that seems to come from an address.
type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr { return f }
func (f from) Network() string      { return "tcp" }
func (f from) String() string       { return f.addr }

// firstReply connects from an address and returns the first line of the answer to PING.
func firstReply(t *testing.T, srv *Server, addr string) string {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go srv.ServeConn(from{far, addr})
	go near.Write([]byte("PING\r\n")) // may find the connection closed
	line, err := bufio.NewReader(near).ReadString('\n')
	if err != nil {
		t.Fatalf("from %s: %v", addr, err)
	}
	return line
}

func TestProtectedMode(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{Protected: true}})
	for addr, local := range map[string]bool{
		"127.0.0.1:1": true, "127.8.9.10:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "pipe": true, "@": true,
		"":            true,
		"192.0.2.1:1": false, "[2001:db8::1]:1": false, "[fe80::1%eth0]:1": false, "[::ffff:192.0.2.1]:1": false,
		"[::]:1": false, "gateway:1": false,
	} {
		want := protectedMode
		if local {
			want = "+PONG\r\n"
		}
		if got := firstReply(t, srv, addr); got != want {
			t.Errorf("from %s: %q, want %q", addr, got, want)
		}
	}
	before := srv.stats.rejectedConns.Load()
	firstReply(t, srv, "192.0.2.1:1")
	if n := srv.stats.rejectedConns.Load() - before; n != 1 {
		t.Errorf("%d connections count as rejected, want 1", n)
	}

	// A password, or an administrator, lets others in, and out again.
	for _, c := range []struct {
		limits Limits
		want   string
	}{
		{Limits{Protected: true, Password: "secret"}, "-NOAUTH Authentication required.\r\n"},
		{Limits{Protected: false}, "+PONG\r\n"},
		{Limits{Protected: true}, protectedMode},
	} {
		srv.SetLimits(c.limits)
		if got := firstReply(t, srv, "192.0.2.1:1"); got != c.want {
			t.Errorf("%+v: %q, want %q", c.limits, got, c.want)
		}
	}
}

// Redis 7.0 takes 127.0.0.2 for another machine.
func TestProtectedModeOnRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	to := startRedis(t, "protected")
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := dialer.Dial("tcp", to)
	if err != nil {
		t.Skipf("this machine cannot be at 127.0.0.2: %v", err)
	}
	defer conn.Close()
	text, _ := io.ReadAll(conn)
	if string(text) != protectedMode {
		t.Errorf("redis-server says\n%q\nand we\n%q", text, protectedMode)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := startServer(t, Config{Limits: Limits{Protected: true}})
	go srv.Serve(ln)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := resp.NewConn(conn)
	expect(t, c, "CLIENT NO-EVICT ON", "+OK")
	if got := do(t, c, "CLIENT LIST"); !strings.Contains(got, " addr="+path+":0 laddr="+path+":0 ") ||
		!strings.Contains(got, " flags=Ue ") {
		t.Errorf("CLIENT LIST: %s", got)
	}
	expect(t, c, "CLIENT KILL ADDR "+path+":0 SKIPME no", ":1")
}
