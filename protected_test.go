package slotmesh_test

import (
	"bufio"
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/e2e"
)

// elsewhere is a network whose clients all come from another machine.
type elsewhere struct{ slotmesh.TCP }

type foreign struct{ net.Listener }

type foreigner struct{ net.Conn }

func (e elsewhere) Listen(addr string) (net.Listener, error) {
	ln, err := e.TCP.Listen(addr)
	return foreign{ln}, err
}

func (f foreign) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return foreigner{conn}, nil
}

func (foreigner) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

// greeting connects and returns the first line of the answer to PING.
func greeting(t *testing.T, network, addr string) string {
	t.Helper()
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("PING\r\n"))
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

// A node that asks nobody for a password must not serve the world, unless it is told to
// in so many words.
func TestProtectedByDefault(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	n := e2e.StartNode(t, slotmesh.Config{Standalone: true, Network: elsewhere{},
		Clients: slotmesh.ClientConfig{Socket: socket}})
	addr := n.Addr().Client()
	if got := greeting(t, "tcp", addr); !strings.HasPrefix(got, "-DENIED Redis is running in protected mode because ") {
		t.Errorf("a client of another machine: %q", got)
	}
	if got := greeting(t, "unix", socket); got != "+PONG" {
		t.Errorf("a client of this machine: %q", got)
	}
	for _, c := range []struct{ name, value, want string }{
		{"protected-mode", "no", "+PONG"}, {"protected-mode", "yes", "-DENIED"}, {"requirepass", "x", "-NOAUTH"},
		{"requirepass", "", "-DENIED"},
	} {
		if err := slotmesh.SetDirective(n, c.name, c.value); err != nil {
			t.Fatal(err)
		}
		if got := greeting(t, "tcp", addr); !strings.HasPrefix(got, c.want) {
			t.Errorf("after CONFIG SET %s %q: %q", c.name, c.value, got)
		}
	}
	open := e2e.StartNode(t, slotmesh.Config{Standalone: true, Network: elsewhere{},
		Clients: slotmesh.ClientConfig{Open: true}})
	if got := greeting(t, "tcp", open.Addr().Client()); got != "+PONG" {
		t.Errorf("an open node: %q", got)
	}
}

// The file says where a node listens and whom it turns away, and the log what to do about
// it.
func TestReachOfFile(t *testing.T) {
	const clients = "clients of other machines are turned away"
	for _, c := range []struct {
		lines    []string
		host     string // that it listens on; * is all
		open     bool   // for nodes without a secret
		warnings string
	}{
		{[]string{"cluster-enabled yes"}, "*", false, clients},
		{nil, "*", false, clients},
		{[]string{"cluster-enabled yes", "requirepass x"}, "*", false, ""},
		{[]string{"cluster-enabled yes", "protected-mode no"}, "*", true, ""},
		{[]string{"cluster-enabled yes", "bind 0.0.0.0"}, "*", false, clients},
		{[]string{"cluster-enabled yes", "bind 127.0.0.1"}, "127.0.0.1", false, ""},
	} {
		file, _ := conf(t, c.lines...)
		cfg, warnings, err := slotmesh.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range warnings {
			text, _, _ := strings.Cut(w, ":")
			got = strings.TrimSpace(got + " " + text)
		}
		if got != c.warnings {
			t.Errorf("%q: warnings %q, want %q", c.lines, warnings, c.warnings)
		}
		if cfg.OpenBus != c.open {
			t.Errorf("%q: OpenBus is %v, want %v", c.lines, cfg.OpenBus, c.open)
		}
		for _, addr := range []string{cfg.Addr, cfg.BusAddr} {
			host, _, _ := net.SplitHostPort(addr)
			ln, err := cfg.Network.Listen(net.JoinHostPort(host, "0"))
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			at, _, _ := net.SplitHostPort(ln.Addr().String())
			if net.ParseIP(at).IsUnspecified() {
				at = "*"
			}
			if at != c.host {
				t.Errorf("%q: it listens on %s, want %s", c.lines, at, c.host)
			}
		}
	}
}

func TestSocketOnly(t *testing.T) {
	file, dir := conf(t, "port 0", "unixsocket here.sock", "unixsocketperm 700", "bind 127.0.0.1", "cluster-enabled yes")
	socket := filepath.Join(dir, "here.sock")
	cfg, warnings, err := slotmesh.LoadConfig(file)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if cfg.BusAddr != "127.0.0.1:10000" { // as in Redis
		t.Errorf("the bus would listen on %s", cfg.BusAddr)
	}
	cfg.BusAddr = "127.0.0.1:0"
	// What a node that was killed leaves: nobody listens on it.
	left, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()

	n := e2e.StartNode(t, cfg)
	if n.Addr().Port != 0 {
		t.Errorf("it listens on %v", n.Addr())
	}
	if info, err := os.Stat(socket); err != nil || info.Mode() != fs.ModeSocket|0o700 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	if err := slotmesh.Create(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := bufio.NewReader(client)
	for _, c := range [][2]string{{"SET key value", "+OK"}, {"CONFIG GET unixsocketperm", "*2"}} {
		client.Write([]byte(c[0] + "\r\n"))
		if line, err := r.ReadString('\n'); err != nil || strings.TrimSpace(line) != c[1] {
			t.Errorf("%s: %q, %v", c[0], line, err)
		}
	}
	// Others find it by its bus, as ever.
	other := e2e.StartNode(t, slotmesh.Config{})
	if err := other.Meet(t.Context(), n.Addr()); err != nil {
		t.Fatal(err)
	}
	if err := other.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if value, err := other.Router().Get(t.Context(), "key"); err != nil || string(value) != "value" {
		t.Errorf("another node reads %q, %v", value, err)
	}

	second := cfg
	second.Dir, second.BusAddr = t.TempDir(), "127.0.0.1:0"
	m, err := slotmesh.New(second)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Errorf("a second node on the socket: %v", err)
	}
	n.Close()
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket is still there after Close")
	}
}

func TestSocketMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		clients slotmesh.ClientConfig
		want    string
	}{
		{slotmesh.ClientConfig{Socket: file}, "exists and is no socket"},
		{slotmesh.ClientConfig{Socket: filepath.Join(dir, strings.Repeat("x", 120))}, "has "},
		{slotmesh.ClientConfig{Socket: filepath.Join(dir, "no", "folder")}, "no such file or directory"},
		{slotmesh.ClientConfig{SocketOnly: true}, "Config.Clients.SocketOnly is set"},
		{slotmesh.ClientConfig{Socket: "x", SocketMode: fs.ModeDir | 0o700}, "use permissions only"},
		{slotmesh.ClientConfig{Rename: map[string]string{"nosuch": ""}},
			`Config.Clients.Rename: there is no command "nosuch"`},
	} {
		n, err := slotmesh.New(slotmesh.Config{Standalone: true, Clients: c.clients})
		if err == nil {
			err = n.Start(context.Background())
			n.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.clients, err, c.want)
		}
	}
	if text, err := os.ReadFile(file); string(text) != "data" {
		t.Errorf("a file that is no socket holds %q, %v", text, err)
	}
}
