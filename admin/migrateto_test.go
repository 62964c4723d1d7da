package admin

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
	"github.com/slotmesh/slotmesh/slots"
)

// serveSettings answers CONFIG GET at a host's port 7000, over TLS if cfg is not nil.
// Settings are "name value" pairs; nil refuses the command.
func serveSettings(t *testing.T, network *memnet.Network, host string, cfg *tls.Config, settings []string) {
	t.Helper()
	serveConns(t, network, host, cfg, func(conn net.Conn) { tellSettings(conn, settings) })
}

// serveConns hands the connections to a host's port 7000 to serve, each on a goroutine of
// its own, over TLS if cfg is not nil. serve closes them.
func serveConns(t *testing.T, network *memnet.Network, host string, cfg *tls.Config, serve func(net.Conn)) {
	t.Helper()
	ln, err := network.Host(host).Listen(host + ":7000")
	if err != nil {
		t.Fatal(err)
	}
	if cfg != nil {
		ln = tls.NewListener(ln, cfg)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
}

func tellSettings(conn net.Conn, settings []string) {
	defer conn.Close()
	before := ""
	for in := bufio.NewScanner(conn); in.Scan(); {
		if strings.HasPrefix(in.Text(), "$") {
			continue
		}
		if before == "GET" {
			reply := "*0\r\n"
			if settings == nil {
				reply = "-NOPERM no\r\n"
			}
			for _, s := range settings {
				if name, value, _ := strings.Cut(s, " "); name == in.Text() {
					reply = fmt.Sprintf("*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(name), name, len(value), value)
				}
			}
			io.WriteString(conn, reply)
		}
		before = in.Text()
	}
}

// A source that moves keys over TLS is given the target's TLS port, one that does not the
// other, whichever of the two this client is told.
func TestMigrateTarget(t *testing.T) {
	const listed = 7000
	ca := testcert.Default()
	both := []string{"cluster-announce-port 0", "cluster-announce-tls-port 0", "port 1001", "tls-port 1002"}
	for name, c := range map[string]struct {
		source, target []string // their settings
		byTLS          bool     // this client
		port           uint16   // 0 for an error
	}{
		"no TLS":                {[]string{"tls-cluster no"}, both, false, listed},
		"all TLS":               {[]string{"tls-cluster yes"}, both, true, listed},
		"client without":        {[]string{"tls-cluster yes"}, both, false, 1002},
		"only the client":       {[]string{"tls-cluster no"}, both, true, 1001},
		"server without TLS":    {[]string{"port 1"}, both, true, listed},
		"server that is silent": {nil, both, true, listed},
		"target that is silent": {[]string{"tls-cluster no"}, nil, true, listed},
		"announced": {[]string{"tls-cluster no"}, []string{"cluster-announce-port 1003"},
			true, 1003},
		"none for TLS": {[]string{"tls-cluster yes"}, []string{"cluster-announce-tls-port 0", "tls-port 0"},
			false, 0},
		"none for other clients": {[]string{"tls-cluster no"}, []string{"cluster-announce-port 0", "port 0"}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				cfg := Config{Dial: network.Host("10.0.0.9").Dial}
				var of1, of2 *tls.Config
				if c.byTLS {
					cfg.TLS, of1, of2 = ca.Client(), ca.Server("10.0.0.1"), ca.Server("10.0.0.2")
				}
				serveSettings(t, network, "10.0.0.1", of1, c.source)
				serveSettings(t, network, "10.0.0.2", of2, c.target)
				a, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer a.Close()
				w := newWorld(t, 2)
				h := &handMove{c: a, view: w.view(), from: w.nodes[0], to: w.nodes[1]}
				err = h.findTarget(t.Context())
				if c.port == 0 {
					if err == nil || !strings.Contains(err.Error(), "CONFIG SET") {
						t.Errorf("%v, %v", h.target, err)
					}
					return
				}
				if want := (slots.Addr{Host: "10.0.0.2", Port: c.port, BusPort: 17000}); err != nil || h.target != want {
					t.Errorf("%v, %v; want %v", h.target, err, want)
				}
			})
		})
	}
}
