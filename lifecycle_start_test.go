package slotmesh_test

import (
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// heldBus holds up the opening of the bus, in the middle of Start.
type heldBus struct {
	slotmesh.Network
	goOn chan struct{}
}

func (h heldBus) Listen(addr string) (net.Listener, error) {
	if addr == "10.0.0.1:17000" {
		<-h.goOn
	}
	return h.Network.Listen(addr)
}

// A host may ask how a node stands, as a readiness probe does, and give it orders, while it
// starts: it is told that the node is not started.
func TestCallsWhileTheNodeStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := heldBus{memnet.New().Host("10.0.0.1"), make(chan struct{})}
		n, err := slotmesh.New(slotmesh.Config{Addr: "10.0.0.1:7000", Network: network, OpenBus: true})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		release := sync.OnceFunc(func() { close(network.goOn) })
		defer release()
		started := make(chan error)
		go func() { started <- n.Start(t.Context()) }()
		synctest.Wait()
		set := slots.NewSet(1)
		_, moved := n.MigrateSlots(t.Context(), set, slots.NodeID{1})
		_, _, bumped := n.BumpEpoch(t.Context())
		for name, err := range map[string]error{
			"WaitSynced": n.WaitSynced(t.Context()), "AddSlots": n.AddSlots(t.Context(), set),
			"MigrateSlots": moved, "BumpEpoch": bumped, "Reset": n.Reset(t.Context(), false),
		} {
			if err == nil || errors.Is(err, slotmesh.ErrStandalone) || errors.Is(err, slotmesh.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		release()
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		if err := n.WaitSynced(t.Context()); err != nil {
			t.Errorf("WaitSynced, when it has started: %v", err)
		}
	})
}
