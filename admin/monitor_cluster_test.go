package admin_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/clustertest"
)

// A cluster of slotmesh as top shows it: under writes, while slots move, and when a master dies.
func TestMonitorOfCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		client, err := admin.New(admin.Config{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			return c.Dial(ctx, "tcp", addr)
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		monitor := client.Monitor(c.Addrs()[0], admin.MonitorConfig{})
		sample := func() *admin.Sample {
			t.Helper()
			s, err := monitor.Sample(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		sample()
		const keys, elapsed = 600, 2
		for i := range keys {
			if err := c.Node(1).Router().Set(t.Context(), fmt.Sprint("key", i), make([]byte, 100), 0); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(elapsed * time.Second)
		s := sample()
		var masters, held, slots admin.Figure
		for i, n := range s.Nodes {
			if n.Health != admin.HealthOK || n.Shard != i/2 || (n.Role == admin.RoleMaster) != (i%2 == 0) || !n.Ops.Known() ||
				!n.In.Known() || !n.Out.Known() || !n.CPU.Known() || n.Memory <= 0 {
				t.Errorf("node %d: %+v", i, n)
			}
			if n.Role == admin.RoleReplica && n.Lag != 0 {
				t.Errorf("replica %d lags %v bytes", i, n.Lag)
			}
			if n.Role == admin.RoleMaster {
				masters, held, slots = masters+1, held+n.Keys, slots+n.Slots
			}
		}
		if len(s.Nodes) != 6 || masters != 3 || held != keys || slots != 16384 || s.State != "ok" {
			t.Errorf("%d nodes, %v masters, %v keys, %v slots, cluster %s", len(s.Nodes), masters, held, slots, s.State)
		}

		c.Kill(0) // a master, and the one that was asked first
		dead := c.Addrs()[0]
		s = sample()
		if n := nodeAt(s, dead); n == nil || n.Health != admin.HealthSilent || n.Err == nil || n.Keys.Known() {
			t.Errorf("just after its end: %+v", n)
		}
		time.Sleep(10 * time.Second)
		s = sample()
		if n := nodeAt(s, dead); n == nil || n.Health != admin.HealthFailed || n.Role != admin.RoleMaster || n.Slots != 0 {
			t.Errorf("after the failover: %+v", n)
		}
		if s.State != "ok" || s.Unanswered != nil {
			t.Errorf("after the failover: %s, %v", s.State, s.Unanswered)
		}
	})
}

func nodeAt(s *admin.Sample, addr string) *admin.NodeSample {
	for i := range s.Nodes {
		if s.Nodes[i].Address == addr {
			return &s.Nodes[i]
		}
	}
	return nil
}
