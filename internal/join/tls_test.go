package join

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
)

// words collects what a seed hears, and answers as a node of slotmesh does.
type words struct {
	mu    sync.Mutex
	heard []string
}

func (w *words) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	if first, err := in.Peek(1); err != nil || first[0] == 0x16 {
		io.WriteString(conn, "-ERR Protocol error: this port does not speak TLS\r\n")
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		w.mu.Lock()
		w.heard = append(w.heard, line)
		w.mu.Unlock()
		switch line {
		case "secret":
			io.WriteString(conn, "+OK\r\n")
		case "NODES":
			io.WriteString(conn, bulk(myself))
		}
	}
}

// A node that has certificates asks a seed over TLS, with the password. If the seed does
// not speak TLS at that port, it is asked in plain text; with the password only if the
// node's own clients send it in plain text, too.
func TestBusPortOverTLS(t *testing.T) {
	ca := testcert.Default()
	for name, c := range map[string]struct {
		seed    *tls.Config
		only    bool
		secret  bool // it is told the password
		refused bool
	}{
		"TLS":                  {seed: ca.Server("10.0.0.1"), secret: true},
		"only TLS":             {seed: ca.Server("10.0.0.1"), only: true, secret: true},
		"plain text":           {secret: true},
		"plain text not here":  {only: true},
		"another's authority":  {seed: testcert.New("other").Server("10.0.0.1"), refused: true},
		"another's host":       {seed: ca.Server("10.0.0.2"), refused: true},
		"asks for certificate": {seed: mutual(ca), secret: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				ln, err := network.Host("10.0.0.1").Listen("10.0.0.1:7000")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				var w words
				go func() {
					for {
						conn, err := ln.Accept()
						if err != nil {
							return
						}
						if c.seed != nil {
							conn = tls.Server(conn, c.seed)
						}
						go w.serve(conn)
					}
				}()
				ask := &Asker{Network: network.Host("10.0.0.9"), Auth: []string{"secret"}, TLS: ca.Client(ca.Issue()),
					OnlyTLS: c.only}
				_, port, err := ask.BusPort(t.Context(), "10.0.0.1:7000")
				var explained *tlsdial.Error
				if c.refused != errors.As(err, &explained) || !c.refused && (err != nil || port != 17000) {
					t.Errorf("port %d, %v", port, err)
				}
				synctest.Wait()
				if said := strings.Contains(strings.Join(w.heard, " "), "secret"); said != c.secret {
					t.Errorf("the seed heard %q", w.heard)
				}
			})
		})
	}
}

func mutual(ca *testcert.Authority) *tls.Config {
	cfg := ca.Server("10.0.0.1")
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	return cfg
}
