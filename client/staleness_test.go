package client_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
)

// A client's bounds, however many, share a few connections, and each is kept.
func TestClientWithManyBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Replicas: 1, WithoutFailover: true})
		time.Sleep(3 * time.Second)
		network := &counted{Network: c.ClientNetwork()}
		caller, err := client.Dial(t.Context(), client.DialConfig{Addrs: c.Addrs(), Network: network})
		if err != nil {
			t.Fatal(err)
		}
		defer caller.Close()
		r := caller.WithReadPreference(client.ReadReplica)
		if err := r.Set(client.WithSync(t.Context(), 1), "key", []byte("old"), 0); err != nil {
			t.Fatal(err)
		}
		read := func(bound time.Duration, want string) {
			t.Helper()
			if v, err := r.WithMaxStaleness(bound).Get(t.Context(), "key"); err != nil || string(v) != want {
				t.Errorf("within %v: %q, %v", bound, v, err)
			}
		}
		for i := range 1000 {
			read(time.Duration(i+1)*70*time.Millisecond, "old")
		}
		if n := network.dials.Load(); n > 30 {
			t.Errorf("%d connections", n)
		}
		c.Drop(0, 1)
		if err := c.Node(0).Local().Set(t.Context(), "key", []byte("new"), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		read(10*time.Second, "old")
		read(3900*time.Millisecond, "new")
	})
}

// counted is a network that counts.
type counted struct {
	slotmesh.Network
	dials atomic.Int64
}

func (n *counted) Dial(ctx context.Context, addr string) (net.Conn, error) {
	n.dials.Add(1)
	return n.Network.Dial(ctx, addr)
}
