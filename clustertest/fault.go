package clustertest

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
)

// clientHost is where the test itself dials from.
const clientHost = "10.0.255.1"

// Partition cuts the network between the nodes in a and those in b until Heal.
func (c *Cluster) Partition(a, b []int) {
	c.t.Helper()
	left, right := c.hosts(a), c.hosts(b)
	c.story.did("Partition nodes %v from %v", a, b)
	c.net.Partition(left, right)
}

// Pause stalls everything that node i sends and receives, clients included, until Resume
// or Heal: to the others it looks like a process that is suspended. Its own timers go on.
func (c *Cluster) Pause(i int) {
	c.t.Helper()
	host := c.hosts([]int{i})
	c.story.did("Pause node %d", i)
	c.net.Partition(host, c.others(i))
}

// Resume ends a Pause of node i, and its share in partitions.
func (c *Cluster) Resume(i int) {
	c.t.Helper()
	host := c.hosts([]int{i})[0]
	c.story.did("Resume node %d", i)
	for _, other := range c.others(i) {
		c.net.Join(host, other)
	}
}

// Drop stalls what node from sends to node to until Heal; the other direction still works.
func (c *Cluster) Drop(from, to int) {
	c.t.Helper()
	hosts := c.hosts([]int{from, to})
	c.story.did("Drop from node %d to node %d", from, to)
	c.net.Drop(hosts[0], hosts[1])
}

// Reset breaks the connections between two nodes; they can make new ones.
func (c *Cluster) Reset(a, b int) {
	c.t.Helper()
	hosts := c.hosts([]int{a, b})
	c.story.did("Reset between node %d and node %d", a, b)
	c.net.Reset(hosts[0], hosts[1])
}

// Heal ends all partitions, pauses and drops. Delays stay.
func (c *Cluster) Heal() {
	c.story.did("Heal")
	c.net.Heal()
}

// Delay makes everything that is sent between nodes, and between nodes and clients,
// arrive d later.
func (c *Cluster) Delay(d time.Duration) {
	c.t.Helper()
	c.story.did("Delay %v", d)
	for i := range c.nodes {
		for _, other := range c.others(i) {
			c.net.SetDelay(c.nodes[i].host, other, d)
		}
	}
}

// DelayBetween is Delay between two nodes only.
func (c *Cluster) DelayBetween(a, b int, d time.Duration) {
	c.t.Helper()
	hosts := c.hosts([]int{a, b})
	c.story.did("Delay %v between node %d and node %d", d, a, b)
	c.net.SetDelay(hosts[0], hosts[1], d)
}

// others returns all hosts but that of node i.
func (c *Cluster) others(i int) []string {
	c.t.Helper()
	hosts := []string{clientHost}
	for j := range c.nodes {
		if j != i {
			hosts = append(hosts, c.nodes[j].host)
		}
	}
	c.hosts(nil)
	return hosts
}

func (c *Cluster) hosts(list []int) []string {
	c.t.Helper()
	if c.cfg.TCP {
		c.t.Fatal("clustertest: only a network in memory can be disturbed: leave Config.TCP false")
	}
	var hosts []string
	for _, i := range list {
		hosts = append(hosts, c.member(i).host)
	}
	return hosts
}

// Dial connects to a node as a client, with TLS if the cluster is Secure. Its form is that
// of go-redis' option Dialer.
func (c *Cluster) Dial(ctx context.Context, _, addr string) (net.Conn, error) {
	return tlsdial.Dial(ctx, c.ClientNetwork().Dial, addr, c.ClientTLS())
}

// DialCtx is Dial in the form of rueidis' option DialCtxFn.
func (c *Cluster) DialCtx(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return c.Dial(ctx, "tcp", addr)
}

// ClientNetwork is the network as clients of the cluster see it, without TLS: for
// slotmesh.DialConfig.
func (c *Cluster) ClientNetwork() slotmesh.Network {
	if c.cfg.TCP {
		return slotmesh.TCP{}
	}
	return c.net.Host(clientHost)
}

// Host returns another machine on the cluster's network in memory, for nodes that the
// test starts itself.
func (c *Cluster) Host(ip string) slotmesh.Network {
	c.t.Helper()
	c.hosts(nil)
	return c.net.Host(ip)
}
