package client_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
	"github.com/slotmesh/slotmesh/slots"
)

// A client that speaks TLS goes where the nodes tell it, which are TLS ports, presents its
// certificate there and verifies each node under the host that it is dialled at.
func TestTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, ca := memnet.New(), testcert.Default()
		said := make(map[string]int)
		for i := 1; i <= 3; i++ {
			host := fmt.Sprintf("10.0.0.%d", i)
			cfg := ca.Server(host)
			cfg.ClientAuth = tls.RequireAndVerifyClientCert
			fakeServer(t, network, fmt.Sprintf("%s:744%d", host, i), cfg, func(words []string) string {
				switch said[strings.Join(words, " ")]++; {
				case words[0] == "HELLO":
					return "%0\r\n"
				case words[0] == "CLUSTER":
					return ownsAll("10.0.0.2", 7442) // MOVED is right about it
				case i == 3:
					return "$5\r\nvalue\r\n"
				}
				return fmt.Sprintf("-MOVED %d 10.0.0.3:7443\r\n", slots.OfString(words[1]))
			})
		}
		c, err := client.Dial(t.Context(), client.DialConfig{Addrs: []string{"10.0.0.1:7441"}, User: "ann",
			Password: "secret", Network: network.Host("10.0.0.9"), TLS: ca.Client(ca.Issue())})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if value, err := c.Get(t.Context(), "key"); string(value) != "value" || err != nil {
			t.Errorf("%q, %v", value, err)
		}
		if n := said["HELLO 3 AUTH ann secret"]; n != 3 {
			t.Errorf("the user was named to %d nodes, want 3: %v", n, said)
		}
	})
}

// What is wrong with TLS at one end or the other is said by Dial, with what to do.
func TestTLSErrors(t *testing.T) {
	ca := testcert.Default()
	for name, c := range map[string]struct {
		server, client *tls.Config
		says           string
	}{
		"plain server":      {nil, ca.Client(), "does not speak TLS"},
		"plain client":      {ca.Server("10.0.0.1"), nil, "set TLS"},
		"unknown authority": {ca.Server("10.0.0.1"), &tls.Config{}, "RootCAs"},
		"another host":      {ca.Server("10.0.0.2"), ca.Client(), "ServerName"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				if c.server == nil { // as redis-server answers to what it takes for a word
					answerToAnything(t, network, "10.0.0.1:7000", "-ERR unknown command\r\n")
				} else {
					fakeServer(t, network, "10.0.0.1:7000", c.server, func([]string) string { return "+OK\r\n" })
				}
				_, err := client.Dial(t.Context(), client.DialConfig{Addrs: []string{"10.0.0.1:7000"},
					Network: network.Host("10.0.0.9"), TLS: c.client})
				if err == nil || !strings.Contains(err.Error(), c.says) || !errors.Is(err, client.ErrNotSent) {
					t.Errorf("%v; it should say %q", err, c.says)
				}
			})
		})
	}
	if _, err := client.Dial(t.Context(), client.DialConfig{Addrs: []string{"10.0.0.1:7000"}, User: "ann"}); err == nil ||
		!strings.Contains(err.Error(), "DialConfig.Password") {
		t.Errorf("a user without a password: %v", err)
	}
}

// answerToAnything answers the first bytes of each connection, whatever they are.
func answerToAnything(t *testing.T, network *memnet.Network, addr, reply string) {
	t.Helper()
	ln, err := network.Host("10.0.0.1").Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 1))
			conn.Write([]byte(reply))
			conn.Close()
		}
	}()
}
