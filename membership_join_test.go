package slotmesh_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/testcert"
	"github.com/slotmesh/slotmesh/slots"
)

// loneNode starts a node of no cluster beside the nodes of c.
func loneNode(t *testing.T, c *clustertest.Cluster, host string, change ...func(*slotmesh.Config)) *slotmesh.Node {
	t.Helper()
	cfg := slotmesh.Config{Addr: host + ":7000", Network: c.Host(host), OpenBus: true}
	for _, f := range change {
		f(&cfg)
	}
	n, err := slotmesh.New(cfg)
	if err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// TestJoin: the first seed that answers lets the node in, at once, wherever its bus
// listens.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Node: func(i int, cfg *slotmesh.Config) {
			cfg.BusAddr = strings.TrimSuffix(cfg.Addr, ":7000") + ":555"
		}})
		n := loneNode(t, c, "10.0.9.1")
		began := time.Now()
		if err := n.Join(t.Context(), "10.0.9.9:7000", n.Addr().Client(), c.Addrs()[1]); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		if m := n.Map(); m.Node(c.Node(1).ID()) == nil {
			t.Errorf("after Join it does not know the seed: %v", m.Nodes())
		}
		if err := n.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		if err := n.Join(t.Context(), c.Addrs()...); err != nil {
			t.Errorf("joining again: %v", err)
		}
	})
}

// TestJoinOverTLS: a node that has certificates asks for the seed's bus at the port for
// clients with TLS; one that has none hears what is wrong.
func TestJoinOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Node: func(_ int, cfg *slotmesh.Config) {
			cfg.TLS = testcert.Default().Server("10.0.0.1")
		}})
		n := loneNode(t, c, "10.0.9.1", func(cfg *slotmesh.Config) {
			cfg.TLS = testcert.Default().Server("10.0.9.1")
		})
		if err := n.Join(t.Context(), c.Addrs()[0]); err != nil {
			t.Error(err)
		}
		plain := loneNode(t, c, "10.0.9.2")
		if err := plain.Join(t.Context(), c.Addrs()[0]); err == nil || !strings.Contains(err.Error(), "set TLS") {
			t.Errorf("without certificates: %v", err)
		}
	})
}

// TestJoinTellsWhyNot names each reason for which a node can stay outside.
func TestJoinTellsWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		n := loneNode(t, c, "10.0.9.1")
		silent, err := c.Host("10.0.9.2").Listen("10.0.9.2:7000") // takes connections and says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		seed := c.Addrs()[0]
		for _, tc := range []struct {
			name string
			join func(ctx context.Context) error
			is   error
			says string
		}{
			{"nobody there", func(ctx context.Context) error { return n.Join(ctx, "10.0.9.9:7000") }, nil, "10.0.9.9:7000: "},
			{"the port of the bus in place of the client port", func(ctx context.Context) error {
				return n.Join(ctx, "10.0.0.1:17000")
			}, nil, "joining at 10.0.0.1:17000: asking it for the port of its bus: EOF"},
			{"a server that says nothing", func(ctx context.Context) error { return n.Join(ctx, "10.0.9.2:7000") },
				context.DeadlineExceeded, "asking it for the port of its bus"},
			{"itself", func(ctx context.Context) error { return n.Join(ctx, n.Addr().Client()) }, gossip.ErrMetSelf,
				"this node itself"},
			{"no address", func(ctx context.Context) error { return n.Join(ctx, "10.0.0.1") }, nil, `use "host:port"`},
			{"no seed", func(ctx context.Context) error { return n.Join(ctx) }, nil, "without seeds"},
			{"the client port in place of the port of the bus", func(ctx context.Context) error {
				return n.MeetAndWait(ctx, slots.Addr{Host: "10.0.0.1", Port: 7000, BusPort: 7000})
			}, gossip.ErrNoBus, "meeting 10.0.0.1:7000@7000: nobody answered: what listens there"},
			{"a bus that says nothing", func(ctx context.Context) error {
				return n.MeetAndWait(ctx, slots.Addr{Host: "10.0.9.2", Port: 1, BusPort: 7000})
			}, gossip.ErrNoBus, "nobody answered"},
			{"nobody at the bus", func(ctx context.Context) error {
				return n.MeetAndWait(ctx, slots.Addr{Host: "10.0.9.9", Port: 7000})
			}, gossip.ErrNoAnswer, "10.0.9.9:17000"},
			{"a deadline before the node gives up", func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				return n.MeetAndWait(ctx, slots.Addr{Host: "10.0.9.9", Port: 7000})
			}, context.DeadlineExceeded, "so far: "},
			{"a context that has ended", func(ctx context.Context) error {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return n.Join(ctx, seed)
			}, context.Canceled, seed},
		} {
			err := tc.join(t.Context())
			if err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		if len(n.Map().Nodes()) > 1 {
			t.Error("it joined nevertheless")
		}
	})
}

// TestJoinAtANodeWithAnotherPassword: it does not tell where its bus listens, but lets
// the node in.
func TestJoinAtANodeWithAnotherPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3,
			Node: func(_ int, cfg *slotmesh.Config) { cfg.Clients.Password = "secret" }})
		n := loneNode(t, c, "10.0.9.1")
		if err := n.Join(t.Context(), c.Addrs()[0]); err != nil {
			t.Fatal(err)
		}
		if err := n.Join(t.Context(), n.Addr().Client()); !errors.Is(err, gossip.ErrMetSelf) {
			t.Errorf("joining itself: %v", err)
		}
	})
}

// TestJoinOfTwoClusters: both own slots, so they refuse to become one.
func TestJoinOfTwoClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		n := loneNode(t, c, "10.0.9.1")
		other := loneNode(t, c, "10.0.9.2")
		if err := slotmesh.Create(t.Context(), n, other); err != nil {
			t.Fatal(err)
		}
		err := n.Join(t.Context(), c.Addrs()...)
		if !errors.Is(err, gossip.ErrRefused) || strings.Count(err.Error(),
			"both nodes belong to clusters that own slots") != 3 {
			t.Errorf("%v", err)
		}
	})
}
