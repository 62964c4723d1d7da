package main

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// otherAddress returns an address of this machine that is not a loopback one: who connects
// to it comes from it, as a client of another machine does.
func otherAddress(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but those of loopback: nobody can come from elsewhere")
	return ""
}

// A node that listens everywhere and asks for nothing serves its own machine only: clients
// of others are told why, in Redis' words, and the log says what to do.
func TestServeEverywhereWithoutPassword(t *testing.T) {
	other := otherAddress(t)
	bus := freePort(t)
	s := start(t, "serve", "--bind", "0.0.0.0", "--port", freePort(t), "--cluster-enabled", "yes", "--cluster-port", bus,
		"--dir", t.TempDir())
	log := s.stdout.waitFor(t, "ready to accept connections")
	port := regexp.MustCompile(`addr=\S*:(\d+)`).FindStringSubmatch(log)[1]
	for _, want := range []string{"clients of other machines are turned away", `set "requirepass"`,
		"other machines cannot join this node", "start with the same cluster-secret on all nodes"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
	there, local := net.JoinHostPort(other, port), net.JoinHostPort("127.0.0.1", port)
	refused(t, there)
	if conn, err := net.Dial("tcp", net.JoinHostPort(other, bus)); err == nil {
		conn.Close()
		t.Errorf("the bus listens at %s", conn.RemoteAddr())
	}
	if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", bus)); err != nil {
		t.Errorf("the bus on this machine: %v", err)
	} else {
		conn.Close()
	}
	if got := ask(t, local, "CLUSTER", "INFO"); !strings.Contains(got, "cluster_known_nodes:1\r\n") {
		t.Errorf("from this machine: %q", got)
	}
	ask(t, local, "CONFIG", "SET", "protected-mode", "no")
	if got := ask(t, there, "PING"); got != "+PONG\r\n" {
		t.Errorf("without protected mode, from %s: %q", other, got)
	}
	ask(t, local, "CONFIG", "SET", "protected-mode", "yes")
	refused(t, there)
}

// refused fails the test unless the server at addr sends Redis' explanation and hangs up.
func refused(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(waitLimit))
	text, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(text), "-DENIED Redis is running in protected mode because") || err != nil {
		t.Errorf("at %s: %q, %v", addr, text, err)
	}
}
