package e2e

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// Operator works on a cluster by hand, over the Redis protocol.
type Operator struct {
	T       *testing.T
	Cluster *clustertest.Cluster
}

// Do sends a command line to node i and returns the reply, or error, as text.
func (o Operator) Do(i int, line string) string {
	o.T.Helper()
	conn, err := o.Cluster.Dial(o.T.Context(), "tcp", o.Cluster.Addrs()[i])
	if err != nil {
		o.T.Fatal(err)
	}
	client := resp.NewConn(conn)
	defer client.Close()
	reply, err := client.Do(strings.Fields(line)...)
	if err != nil {
		return err.Error()
	}
	return reply.Text()
}

// Must sends command lines to node i; a reply that is not OK fails the test.
func (o Operator) Must(i int, lines ...string) {
	o.T.Helper()
	for _, line := range lines {
		if got := o.Do(i, line); got != "OK" && !strings.HasPrefix(got, "BUMPED") && !strings.HasPrefix(got, "STILL") {
			o.T.Fatalf("node %d: %s: %s", i, line, got)
		}
	}
}

// Claim makes node i the owner of a slot, as the stock fix does.
func (o Operator) Claim(i int, slot string) {
	o.T.Helper()
	o.Must(i, "CLUSTER DELSLOTS "+slot, "CLUSTER ADDSLOTS "+slot, "CLUSTER BUMPEPOCH")
}

// Count returns how many keys of a slot node i holds.
func (o Operator) Count(i int, slot string) string { return o.Do(i, "CLUSTER COUNTKEYSINSLOT "+slot) }

// Chase sends a command to node i and follows redirects, as clients do, but no more than
// three.
func (o Operator) Chase(i int, line string) string {
	o.T.Helper()
	addr, asking := o.Cluster.Addrs()[i], false
	for range 4 {
		conn, err := o.Cluster.Dial(o.T.Context(), "tcp", addr)
		if err != nil {
			o.T.Fatal(err)
		}
		client := resp.NewConn(conn)
		if asking {
			client.Do("ASKING")
		}
		reply, err := client.Do(strings.Fields(line)...)
		client.Close()
		if err == nil {
			return reply.Text()
		}
		f := strings.Fields(err.Error())
		if len(f) != 3 || f[0] != "MOVED" && f[0] != "ASK" {
			return err.Error()
		}
		addr, asking = f[2], f[0] == "ASK"
	}
	return "sent round in circles"
}
