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
