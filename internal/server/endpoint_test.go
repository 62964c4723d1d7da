package server

import (
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/testcert"
	"github.com/slotmesh/slotmesh/slots"
)

// TestPreferredEndpoint: the answers are those of redis-server 7.0.15.
func TestPreferredEndpoint(t *testing.T) {
	const (
		id   = "0100000000000000000000000000000000000000"
		slot = "7629" // of k
	)
	for _, c := range []struct {
		endpoint        slots.EndpointType
		hostname        string
		moved, metadata string
		slots, shards   string // how the name is shown
		zone            string // of Valkey 8.1: no field without one
	}{
		{slots.EndpointIP, "", "10.0.0.2:7002", "[]", `"10.0.0.2"`, `"10.0.0.2"`, ""},
		{slots.EndpointIP, "b.example", "10.0.0.2:7002", `["hostname", "b.example"]`, `"10.0.0.2"`, `"10.0.0.2"`, "rack/7"},
		{slots.EndpointHostname, "", "?:7002", `["ip", "10.0.0.2"]`, `"?"`, `"?"`, ""},
		{slots.EndpointHostname, "b.example", "b.example:7002", `["ip", "10.0.0.2"]`, `"b.example"`, `"b.example"`, ""},
		{slots.EndpointUnknown, "", ":7002", `["ip", "10.0.0.2"]`, "nil", `""`, ""},
		{slots.EndpointUnknown, "b.example", ":7002", `["ip", "10.0.0.2", "hostname", "b.example"]`, "nil", `""`, ""},
	} {
		cluster := newFakeCluster()
		srv := startServer(t, Config{Cluster: cluster, Limits: Limits{Endpoint: c.endpoint}})
		top := cluster.top
		mine, theirs := slots.NewSet(slots.OfString("mine")), slots.Full()
		theirs.Subtract(&mine)
		top.State = slots.OK
		top.Nodes = []slots.Node{
			{ID: cluster.id, Addr: cluster.addr(), Slots: &mine},
			{ID: slots.NodeID{1}, Addr: slots.Addr{Host: "10.0.0.2", Port: 7002}, Hostname: c.hostname, Zone: c.zone,
				Slots: &theirs},
		}
		top.Migrating = map[slots.Slot]slots.NodeID{slots.OfString("mine"): {1}}
		cluster.use(top)
		conn := connect(t, srv)
		expect(t, conn, "GET k", "-MOVED "+slot+" "+c.moved)
		expect(t, conn, "GET mine", "-ASK "+strconv.Itoa(int(slots.OfString("mine")))+" "+c.moved)
		expect(t, conn, "MULTI", "+OK")
		expect(t, conn, "GET k", "-MOVED "+slot+" "+c.moved)
		expect(t, conn, "DISCARD", "+OK")
		want := "[:0, :" + strconv.Itoa(int(slots.OfString("mine"))-1) + ", [" + c.slots + ", :7002, \"" + id + "\", " +
			c.metadata + "]]"
		if got := do(t, conn, "CLUSTER SLOTS"); !strings.Contains(got, want) {
			t.Errorf("%v, %q: CLUSTER SLOTS\n got %s\nwant %s", c.endpoint, c.hostname, got, want)
		}
		want = `"ip", "10.0.0.2", "endpoint", ` + c.shards + ", "
		if c.hostname != "" {
			want += `"hostname", "` + c.hostname + `", `
		}
		if c.zone != "" {
			want += `"availability-zone", "` + c.zone + `", `
		}
		if got := do(t, conn, "CLUSTER SHARDS"); !strings.Contains(got, want+`"role", "master"`) {
			t.Errorf("%v, %q: CLUSTER SHARDS\n got %s\nwant %s", c.endpoint, c.hostname, got, want)
		}
	}
}

// TestPortsWithTLS: a client is told the ports that it can use. The answers are those of
// redis-server 7.0.15 with tls-cluster yes.
func TestPortsWithTLS(t *testing.T) {
	const slot = "7629" // of k
	other := slots.NodeID{1}
	for _, c := range []struct {
		addr       slots.Addr
		shards     string
		plain, tls string // the ports told
	}{
		{slots.Addr{Host: "10.0.0.2", Port: 47110, TLSPort: 47111, BusPort: 57111},
			`"port", :47110, "tls-port", :47111, "ip", "10.0.0.2", `, "47110", "47111"},
		{slots.Addr{Host: "10.0.0.2", TLSPort: 47111, BusPort: 57111},
			`"tls-port", :47111, "ip", "10.0.0.2", `, "47111", "47111"},
		{slots.Addr{Host: "10.0.0.2", Port: 47110, BusPort: 57111},
			`"port", :47110, "ip", "10.0.0.2", `, "47110", "47110"},
	} {
		cluster := newFakeCluster()
		srv := startServer(t, Config{Cluster: cluster})
		top := cluster.top
		mine, theirs := slots.NewSet(slots.OfString("mine")), slots.Full()
		theirs.Subtract(&mine)
		top.State = slots.OK
		top.Nodes = []slots.Node{
			{ID: cluster.id, Addr: cluster.addr(), Slots: &mine}, {ID: other, Addr: c.addr, Slots: &theirs},
		}
		top.Migrating = map[slots.Slot]slots.NodeID{slots.OfString("mine"): other}
		cluster.use(top)
		near, far := net.Pipe()
		defer near.Close()
		go srv.ServeConn(tls.Server(far, testcert.Default().Server("10.0.0.1")))
		for port, conn := range map[*string]*resp.Conn{&c.plain: connect(t, srv), &c.tls: resp.NewConn(tlsClient(near))} {
			at := "10.0.0.2:" + *port
			expect(t, conn, "GET k", "-MOVED "+slot+" "+at)
			expect(t, conn, "GET mine", "-ASK "+strconv.Itoa(int(slots.OfString("mine")))+" "+at)
			for command, want := range map[string]string{
				"CLUSTER SLOTS":  `["10.0.0.2", :` + *port + ", ",
				"CLUSTER SHARDS": c.shards,
				"CLUSTER NODES":  " " + at + "@57111 ",
			} {
				if got := do(t, conn, command); !strings.Contains(got, want) {
					t.Errorf("%+v: %s\n got %s\nwant %s", c.addr, command, got, want)
				}
			}
		}
	}
}
