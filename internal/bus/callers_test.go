package bus

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// A node that is admitted no more calls no more, on the connections that it has and on
// others; the calls of the other nodes go on.
func TestCallersThatAreNoMembersAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		c, _ := join(t, network, "10.0.0.3", 3)
		var forgotten atomic.Bool
		b.refuses = func(_ Kind, from slots.NodeID) bool { return forgotten.Load() && from == a.id }
		call := func(from *member) error {
			_, err := from.Call(t.Context(), b.id, b.addr, idRequest)
			return err
		}
		if err := errors.Join(call(a), call(c)); err != nil {
			t.Fatal(err)
		}
		open, err := c.calls.Get(t.Context(), peer.Target{ID: b.id, Addr: b.addr})
		if err != nil {
			t.Fatal(err)
		}
		forgotten.Store(true)
		b.MembersChanged()
		synctest.Wait()
		if err := call(a); !errors.Is(err, peer.ErrNotSent) || !strings.Contains(err.Error(), "member of its cluster") {
			t.Errorf("a call of a node that is no member any more: %v", err)
		}
		select {
		case <-open.Broken():
			t.Error("the connection of a member has ended")
		default:
		}
		if err := call(c); err != nil {
			t.Errorf("a call of a member: %v", err)
		}
		forgotten.Store(false)
		if err := call(a); err != nil {
			t.Errorf("a call of a node that is a member again: %v", err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.callers) != 2 {
			t.Errorf("%d connections are remembered", len(b.callers))
		}
	})
}

// A node that opens connections for calls without end has a few, the newest ones.
func TestCallersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		c, _ := join(t, network, "10.0.0.3", 3)
		if _, err := c.Call(t.Context(), b.id, b.addr, idRequest); err != nil {
			t.Fatal(err)
		}
		var conns []*peer.Conn
		for range 5 * maxCalling {
			conn, err := a.dialCalls(t.Context(), peer.Target{ID: b.id, Addr: b.addr})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conns = append(conns, conn)
		}
		synctest.Wait()
		for i, conn := range conns {
			_, err := conn.Call(t.Context(), idRequest)
			if open := i >= len(conns)-maxCalling; (err == nil) != open {
				t.Errorf("connection %d of %d: %v", i, len(conns), err)
			}
		}
		b.mu.Lock()
		if open := len(b.callers[a.id]); open != maxCalling {
			t.Errorf("%d connections are open, want %d", open, maxCalling)
		}
		b.mu.Unlock()
		if _, err := c.Call(t.Context(), b.id, b.addr, idRequest); err != nil {
			t.Errorf("a call of another node: %v", err)
		}
	})
}
