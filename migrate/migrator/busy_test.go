package migrator

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// put writes as a client does: to the owner, and to the other end of an open slot if the
// key is not, or no more, at the source. It reports false if that has to be tried again.
func (n *testNode) put(slot slots.Slot, key, value string, asking bool) (next *testNode, done bool) {
	n.store.Update(slot, func(tx *keyspace.Tx) error {
		m := n.Map()
		_, here := tx.Peek([]byte(key))
		to, migrating := m.Migrating(slot)
		_, importing := m.Importing(slot)
		switch {
		case inFlight(n.engine, slot, key):
		case m.IsMine(slot) && migrating && !here:
			next = n.c.nodes[to[0]-'A']
		case m.IsMine(slot), importing && asking:
			done = true
			return tx.Put([]byte(key), keyspace.String, []byte(value), 0)
		default:
			if o := m.Owner(slot); o != nil && o.ID != n.id {
				next = n.c.nodes[o.ID[0]-'A']
			}
		}
		return nil
	})
	return next, done
}

// inFlight reports whether a write to key would have to wait. The caller holds the slot's
// lock.
func inFlight(e *migrate.StoreEngine, slot slots.Slot, key string) bool {
	ended, err := e.Wait(slot, [][]byte{[]byte(key)})
	return ended != nil || err != nil
}

// TestBusySlot: writers that never rest, to few keys and to ever new ones, hold up no
// move, and what they wrote last is what is there.
func TestBusySlot(t *testing.T) {
	for name, keysEach := range map[string]int{"few keys": 3, "many keys": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const slot, rest = slots.Slot(0), 100 * time.Microsecond
				cl := newTestCluster(t, 2)
				cl.net.SetDelay("10.0.0.1", "10.0.0.2", time.Millisecond)
				cl.fill(slot, 2000, 500)
				stop := make(chan struct{})
				var wg sync.WaitGroup
				last := make([]map[string]string, 4) // together they write 40,000 times a second
				for w := range last {
					last[w] = make(map[string]string)
					wg.Go(func() {
						at, asking := cl.nodes[0], false
						for i := 0; ; i++ {
							key, value := fmt.Sprintf("w%d:%d", w, i%keysEach), fmt.Sprint(i)
							for done := false; !done; {
								var next *testNode
								if next, done = at.put(slot, key, value, asking); next != nil {
									_, asking = at.Map().Migrating(slot)
									at = next
								} else if !done {
									at, asking = cl.nodes[0], false
									time.Sleep(rest)
								}
							}
							last[w][key], at, asking = value, cl.nodes[0], false
							select {
							case <-stop:
								return
							case <-time.After(rest):
							}
						}
					})
				}
				time.Sleep(20 * time.Millisecond)
				took := cl.move(0, 1, slots.NewSet(slot)).Elapsed
				time.Sleep(20 * time.Millisecond)
				close(stop)
				wg.Wait()
				if took > 300*time.Millisecond {
					t.Errorf("the move took %v", took)
				}
				want := 2000
				for _, keys := range last {
					want += len(keys)
				}
				cl.check(slot, want, 1)
				cl.nodes[1].store.View(slot, func(tx *keyspace.Tx) error {
					for _, keys := range last {
						for key, value := range keys {
							if e, _ := tx.Peek([]byte(key)); string(e.Value) != value {
								t.Errorf("%s = %q, want %q", key, e.Value, value)
							}
						}
					}
					return nil
				})
			})
		})
	}
}
