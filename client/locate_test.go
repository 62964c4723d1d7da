package client_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// TestEveryPreferredEndpointLeadsToTheNodes: a client finds all keys under whatever name
// it is told, and finds them again once they have moved. Half of the nodes announce no
// host name.
func TestEveryPreferredEndpointLeadsToTheNodes(t *testing.T) {
	for _, endpoint := range []slots.EndpointType{slots.EndpointIP, slots.EndpointHostname} {
		t.Run(endpoint.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { findAllKeys(t, endpoint, false) })
		})
	}
	// The one host of all nodes takes TCP: in memory each has its own.
	t.Run(slots.EndpointUnknown.String(), func(t *testing.T) { findAllKeys(t, slots.EndpointUnknown, true) })
}

func findAllKeys(t *testing.T, endpoint slots.EndpointType, tcp bool) {
	c := clustertest.Start(t, clustertest.Config{Masters: 4, TCP: tcp, Node: func(i int, cfg *slotmesh.Config) {
		cfg.Clients.Endpoint = endpoint
		if i%2 == 0 { // the network in memory knows no other names
			cfg.Hostname = fmt.Sprintf("10.0.0.%d", i+1)
		}
	}})
	dial := client.DialConfig{Addrs: c.Addrs()[:1], Network: c.ClientNetwork()}
	caller, err := client.Dial(t.Context(), dial)
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	for round := range 2 {
		for i := range 200 {
			if err := caller.Set(t.Context(), fmt.Sprint("key", i), []byte{byte(round)}, 0); err != nil {
				t.Fatal(err)
			}
		}
		if round > 0 {
			break
		}
		from, to := c.Node(0), c.Node(3)
		job, err := from.MigrateSlots(t.Context(), *from.Map().Self().Slots, to.ID())
		if err == nil {
			err = from.WaitMigration(t.Context(), job)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
