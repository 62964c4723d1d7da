package slotmesh

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// A node is reached over TLS if MIGRATE names it by its TLS port, or if keys leave only so;
// other servers only in the latter case.
func TestMigrateAddr(t *testing.T) {
	both := slots.Addr{Host: "10.0.0.1", Port: 7000, TLSPort: 7443}
	only := slots.Addr{Host: "10.0.0.2", TLSPort: 7443}
	plain := slots.Addr{Host: "10.0.0.3", Port: 7000}
	m, err := slots.NewMap(slots.Topology{Self: slots.NodeID{1}, Nodes: []slots.Node{
		{ID: slots.NodeID{1}, Addr: both}, {ID: slots.NodeID{2}, Addr: only}, {ID: slots.NodeID{3}, Addr: plain},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target string
		always bool
		addr   string
		byTLS  bool
	}{
		{"10.0.0.1:7000", false, "10.0.0.1:7000", false},
		{"10.0.0.1:7000", true, "10.0.0.1:7443", true},
		{"10.0.0.1:7443", false, "10.0.0.1:7443", true},
		{"10.0.0.1:7443", true, "10.0.0.1:7443", true},
		{"10.0.0.2:7443", false, "10.0.0.2:7443", true},
		{"10.0.0.3:7000", false, "10.0.0.3:7000", false},
		{"10.0.0.3:7000", true, "10.0.0.3:7000", true}, // it may be behind a proxy that speaks TLS
		{"10.0.0.4:6379", false, "10.0.0.4:6379", false},
		{"10.0.0.4:6379", true, "10.0.0.4:6379", true},
	} {
		if addr, byTLS := migrateAddr(m, c.target, c.always); addr != c.addr || byTLS != c.byTLS {
			t.Errorf("%s, always %v: %s, %v; want %s, %v", c.target, c.always, addr, byTLS, c.addr, c.byTLS)
		}
	}
}
