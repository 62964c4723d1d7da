package server

import (
	"fmt"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func newTracked(id int64) *tracked {
	c := &tracked{id: id}
	c.session.Store(&session{})
	return c
}

// TestTrackingTableCounts: keys, pairs and bytes are those that are there, whatever takes
// them away.
func TestTrackingTableCounts(t *testing.T) {
	for _, standalone := range []bool{false, true} {
		var table trackingTable
		table.init(standalone)
		expect := func(what string, keys, items int64) {
			t.Helper()
			if k, n, b := table.keys.Load(), table.items.Load(), table.bytes.Load(); k != keys || n != items ||
				(b > 0) != (keys > 0) || b < 0 {
				t.Errorf("%s: %d keys, %d items, %d bytes; want %d keys, %d items", what, k, n, b, keys, items)
			}
		}
		fill := func() {
			for id := range int64(10) {
				for key := range 20 {
					table.add(slots.Slot(key%4), fmt.Append(nil, key), newTracked(id))
				}
			}
		}
		if standalone {
			fill = func() {
				for id := range int64(10) {
					for key := range 20 {
						table.add(0, fmt.Append(nil, key), newTracked(id))
					}
				}
			}
		}
		fill()
		expect("filled", 20, 200)
		if list := table.remove(0, []byte("0")); len(list) != 10 || list[3].id != 3 {
			t.Errorf("removed %d clients, want 10", len(list))
		}
		expect("a key removed", 19, 190)
		if _, _, ok := table.removeAny(); !ok {
			t.Error("no random key")
		}
		expect("a random key removed", 18, 180)
		for slot := range slots.Slot(4) {
			table.removeSlot(slot)
		}
		expect("slots removed", 0, 0)
		fill()
		table.clear()
		expect("cleared", 0, 0)
	}
}

// TestTrackingTableForgetsTheGone: clients that come, read and go take no more and more
// memory, though no key changes.
func TestTrackingTableForgetsTheGone(t *testing.T) {
	var table trackingTable
	table.init(false)
	stays := newTracked(1)
	table.add(7, []byte("k"), stays)
	for id := int64(2); id < 10_000; id++ {
		c := newTracked(id)
		table.add(7, []byte("k"), c)
		c.session.Store(nil)
	}
	if n := table.items.Load(); n > 8 {
		t.Errorf("%d clients are remembered, of which one is connected", n)
	}
	gone := newTracked(20_000)
	table.add(7, []byte("other"), gone)
	gone.session.Store(nil)
	for i := range trackingShards {
		table.sweep(i)
	}
	if k, n := table.keys.Load(), table.items.Load(); k != 1 || n != 1 {
		t.Errorf("%d keys, %d items after a sweep, want 1 of each", k, n)
	}
}

// TestTrackedKeysAreBounded: beyond the limit random keys go, and the clients that have read
// them are told.
func TestTrackedKeysAreBounded(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{TrackedKeys: 10}})
	a := newTrackingClient(t, srv)
	a.all("HELLO 3")
	a.all("CLIENT TRACKING on")
	told := 0
	for i := range 100 {
		got := a.all(fmt.Sprint("GET ", i))
		for len(got) > 0 {
			n := replyLen([]byte(got))
			if got[0] == '>' {
				told++
			}
			got = got[n:]
		}
	}
	if n := srv.tracker.table.keys.Load(); n != 10 || told != 90 {
		t.Errorf("%d keys are remembered, want 10; the client was told of %d, want 90", n, told)
	}
}

// TestTrackingEndsWithItsClients: nothing is watched any more once nobody tracks.
func TestTrackingEndsWithItsClients(t *testing.T) {
	srv := startServer(t, Config{})
	a := newTrackingClient(t, srv)
	a.all("HELLO 3")
	a.all("CLIENT TRACKING on")
	a.all("GET k")
	b := newTrackingClient(t, srv)
	b.all("HELLO 3")
	b.all("CLIENT TRACKING on BCAST PREFIX a PREFIX b")
	sessions := srv.clients()
	a.conn.Close()
	b.conn.Close()
	for _, ss := range sessions {
		<-ss.ended
	}
	tracker := &srv.tracker
	if n := tracker.clients.Load(); n != 0 || srv.modes.Load()&modeTracking != 0 || tracker.broadcasts.count() != 0 {
		t.Errorf("%d clients, modes %b, %d prefixes remain", n, srv.modes.Load(), srv.tracker.broadcasts.count())
	}
	for range trackingShards + 1 {
		srv.tracker.tick()
	}
	srv.tracker.mu.Lock()
	defer srv.tracker.mu.Unlock()
	if srv.tracker.stop != nil || srv.tracker.table.keys.Load() != 0 {
		t.Errorf("the store is still watched, for %d keys", srv.tracker.table.keys.Load())
	}
}
