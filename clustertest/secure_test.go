package clustertest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// A Secure cluster serves clients that have its certificates, through a failover too, and
// no others.
func TestSecure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, Secure: true})
		cfg := slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork(), TLS: c.ClientTLS()}
		client, err := slotmesh.Dial(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		write := func() {
			t.Helper()
			for i := range 50 {
				if err := client.Set(t.Context(), fmt.Sprint("key:", i), nil, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		write()
		c.Kill(0)
		c.WaitStable()
		write()
		c.Restart(0)
		c.WaitStable()

		conn, err := c.Dial(t.Context(), "tcp", c.Addrs()[1])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		const key = "foo" // of the third node
		_, err = resp.NewConn(conn).Do("GET", key)
		if want := fmt.Sprintf("MOVED %d %s", slots.OfString(key), c.Addrs()[2]); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}

		cfg.TLS = nil
		if _, err := slotmesh.Dial(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "set TLS") {
			t.Errorf("a client in plain text: %v", err)
		}
		cfg.TLS = c.ClientTLS()
		cfg.TLS.Certificates = nil
		if _, err := slotmesh.Dial(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "--cert FILE") {
			t.Errorf("a client without a certificate: %v", err)
		}
	})
}

// A slot moves between nodes that speak TLS by hand, too, as tools do it.
func TestSecureMigrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2, Secure: true})
		const key = "foo"
		slot := fmt.Sprint(slots.OfString(key))
		var at [2]*resp.Conn
		for i, addr := range c.Addrs() {
			conn, err := c.Dial(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			at[i] = resp.NewConn(conn)
		}
		const from, to = 1, 0
		for _, step := range []struct {
			node int
			line string
		}{
			{from, "SET foo bar"},
			{to, "CLUSTER SETSLOT " + slot + " IMPORTING " + c.Node(from).ID().String()},
			{from, "CLUSTER SETSLOT " + slot + " MIGRATING " + c.Node(to).ID().String()},
			{from, "MIGRATE 10.0.0.1 7000 foo 0 1000"},
			{to, "CLUSTER SETSLOT " + slot + " NODE " + c.Node(to).ID().String()},
			{to, "STRLEN foo"},
		} {
			if reply, err := at[step.node].Do(strings.Fields(step.line)...); err != nil || reply.Text() != "OK" &&
				reply.Int != 3 {
				t.Fatalf("%s: %s, %v", step.line, reply.Text(), err)
			}
		}
	})
}

// The same over TCP.
func TestSecureOverTCP(t *testing.T) {
	c := clustertest.Start(t, clustertest.Config{Masters: 1, TCP: true, Secure: true})
	conn, err := c.Dial(t.Context(), "tcp", c.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if reply, err := resp.NewConn(conn).Do("PING"); err != nil || reply.Text() != "PONG" {
		t.Errorf("%s, %v", reply.Text(), err)
	}
	if other := clustertest.Start(t, clustertest.Config{Masters: 1}); other.ClientTLS() != nil {
		t.Error("an open cluster has TLS")
	}
}
