package migrator

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// A session saves more slots of its job while a later session of the job waits for its
// end: neither waits for the other one.
func TestSessionThatSavesAgainWhileItIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		mg := cl.nodes[1].driver
		var list [2]*session
		for i := range list {
			near, far := net.Pipe()
			defer far.Close()
			list[i] = &session{mg: mg, conn: newWire(near), done: make(chan struct{})}
			defer list[i].conn.close()
			mg.mu.Lock()
			mg.sessions[list[i]] = struct{}{}
			mg.mu.Unlock()
		}
		join := func(i int, set slots.Set) chan error {
			joined := make(chan error, 1)
			go func() {
				joined <- mg.join(list[i], migrate.Job{ID: migrate.JobID{1}, Kind: migrate.KindMove, Slots: set,
					Source: cl.nodes[0].id, Target: cl.nodes[1].id})
			}()
			time.Sleep(time.Minute)
			return joined
		}
		<-join(0, slots.NewSet(1))
		later := join(1, slots.NewSet(1))
		again := join(0, slots.NewSet(1, 2))
		if len(again) == 0 {
			t.Error("the earlier session waits for the later one")
		}
		if len(later) != 0 {
			t.Error("the later session does not wait for the earlier one")
		}
		close(list[0].done)
		if len(again) == 0 {
			close(list[1].done)
		}
		<-later
		<-again
		mg.mu.Lock()
		clear(mg.sessions)
		mg.mu.Unlock()
	})
}
