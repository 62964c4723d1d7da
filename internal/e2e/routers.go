package e2e

import (
	"testing"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
)

// Routers runs a test through each node of a cluster, and through a client.
func Routers(t *testing.T, c *clustertest.Cluster, run func(t *testing.T, r *slotmesh.Router)) {
	for _, n := range c.Nodes() {
		run(t, n.Router())
	}
	run(t, &Dial(t, c).Router)
}

// Dial returns a client of a cluster, which the test closes.
func Dial(t *testing.T, c *clustertest.Cluster) *slotmesh.Client {
	t.Helper()
	client, err := slotmesh.Dial(t.Context(), slotmesh.DialConfig{Addrs: c.Addrs()[1:2], Network: c.ClientNetwork()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}
