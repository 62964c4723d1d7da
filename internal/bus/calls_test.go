package bus

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// silence is how long a node may be silent in these tests while it owes an answer.
const silence = 3 * time.Second

// idRequest asks a node for its id.
var idRequest = &peer.Request{Func: "id"}

// A call reaches the node that is meant, and no other one at its address.
func TestCallsReachOnlyTheNodeMeant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		if reply, err := a.Call(t.Context(), b.id, b.addr, idRequest); err != nil || string(reply) != string(b.id[:]) {
			t.Errorf("the call returns %q, %v", reply, err)
		}
		if _, err := a.Call(t.Context(), slots.NodeID{3}, b.addr, idRequest); !errors.Is(err, peer.ErrNotSent) {
			t.Errorf("a call for another node at this address: %v", err)
		}
	})
}

// A node that takes over the address, and says so in place of closing the connection, is
// refused by the caller.
func TestCallsRefuseAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		ln, err := network.Host("10.0.0.2").Listen("10.0.0.2:7000")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		go func() {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			if _, err := io.ReadFull(conn, make([]byte, len(preamble{}))); err == nil {
				conn.Write([]byte{'n'})
				conn.Read(make([]byte, 100))
			}
		}()
		_, err = a.Call(t.Context(), slots.NodeID{2}, slots.Addr{Host: "10.0.0.2", BusPort: 7000}, idRequest)
		if !errors.Is(err, peer.ErrNotSent) || !strings.Contains(err.Error(), "another node") {
			t.Errorf("dial: %v", err)
		}
	})
}

// Calling a node that does not answer fails after peer.DialTimeout; one that
// calls and does not say which node it wants is closed after 5 s.
func TestCallsHandshakeBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		ln, err := network.Host("10.0.0.3").Listen("10.0.0.3:7000") // accepts, and says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		began := time.Now()
		_, err = a.Call(t.Context(), slots.NodeID{3}, slots.Addr{Host: "10.0.0.3", BusPort: 7000}, idRequest)
		if !errors.Is(err, peer.ErrNotSent) || time.Since(began) != peer.DialTimeout {
			t.Errorf("a call: %v after %v", err, time.Since(began))
		}
		conn, err := a.Dial(t.Context(), b.addr, Calls)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		began = time.Now()
		if _, err := conn.Read(make([]byte, 1)); err == nil || time.Since(began) != openTimeout {
			t.Errorf("a caller that says nothing: %v after %v", err, time.Since(began))
		}
	})
}

// The end of the bus's life ends the calls of other nodes.
func TestCallsEndWithLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		if _, err := a.Call(t.Context(), b.id, b.addr, idRequest); err != nil {
			t.Fatal(err)
		}
		b.end()
		b.Wait()
		if _, err := a.Call(t.Context(), b.id, b.addr, idRequest); !errors.Is(err, peer.ErrNotSent) &&
			!errors.Is(err, peer.ErrLost) {
			t.Errorf("a call of a node that has ended: %v", err)
		}
		a.end()
		a.CloseCalls()
		if _, err := a.Call(t.Context(), b.id, b.addr, idRequest); !errors.Is(err, peer.ErrClosed) {
			t.Errorf("a call by a node that has ended: %v", err)
		}
	})
}
