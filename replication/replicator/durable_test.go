package replicator

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// fakeDisk is a log on disk that is as far as the test says.
type fakeDisk struct {
	mu      sync.Mutex
	offset  int64
	changed chan struct{}
}

func newFakeDisk() *fakeDisk { return &fakeDisk{changed: make(chan struct{})} }

func (d *fakeDisk) set(offset int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offset = offset
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *fakeDisk) Durable() (int64, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.offset, true
}

func (d *fakeDisk) WaitDurable(ctx context.Context, offset int64) error {
	for {
		d.mu.Lock()
		at, changed := d.offset, d.changed
		d.mu.Unlock()
		if at >= offset {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A replica counts for WaitDurable when its log has the write on disk, and tells so at
// once. One without a log never does.
func TestWaitDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b, c := net.node(1), net.node(2), net.node(3)
		defer a.stop()
		defer b.stop()
		defer c.stop()
		disk := newFakeDisk()
		b.cfg.Disk = disk
		b.follow(a)
		c.follow(a)
		b.connect(a)
		c.connect(a)
		a.set("k", "v")
		mark := a.Mark(a.Term())
		if n, err := a.WaitAcked(t.Context(), mark, 2); n != 2 || err != nil {
			t.Fatalf("in memory of %d replicas: %v", n, err)
		}
		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if n, err := a.WaitDurable(short, mark, 1); n != 0 || !errors.Is(err, ErrAmbiguous) {
			t.Errorf("on disk of %d replicas: %v", n, err)
		}
		began := time.Now()
		var wait sync.WaitGroup
		wait.Go(func() {
			n, err := a.WaitDurable(t.Context(), mark, 1)
			if n != 1 || err != nil || time.Since(began) != time.Second {
				t.Errorf("on disk of %d replicas: %v, after %v", n, err, time.Since(began))
			}
		})
		time.Sleep(time.Second)
		disk.set(mark.Offset + 1000) // more than the replica holds: it says no more than that
		wait.Wait()

		for _, r := range a.Status().Replicas {
			if want := map[slots.NodeID]int64{b.id: mark.Offset}[r.ID]; r.Durable != want {
				t.Errorf("replica %s has %d on disk, as its master sees it, want %d", r.ID.Short(), r.Durable, want)
			}
		}
		disk.set(mark.Offset)
		a.set("k", "v2")
		both := a.Mark(a.Term())
		wait.Go(func() {
			if n, err := a.WaitDurable(t.Context(), both, 1); n != 0 || !errors.Is(err, ErrDemoted) {
				t.Errorf("on disk of %d replicas: %v", n, err)
			}
		})
		synctest.Wait()
		a.follow(b)
		wait.Wait()
		if n, err := a.WaitDurable(t.Context(), mark, 1); n != 1 || err != nil {
			t.Errorf("what was on disk before the demotion is on disk of %d replicas: %v", n, err)
		}
	})
}

// A log does not have what its node has not received.
func TestMoreOnDiskThanInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newTestNet(t).node(1)
		defer master.stop()
		master.set("k", "v")
		l := newLiar(t, master)
		m, err := l.hear(replication.KindSynced)
		if err != nil {
			t.Fatal(err)
		}
		l.say(&replication.Message{Kind: replication.KindAck, Offset: m.Offset - 1, Durable: m.Offset})
		if _, err := l.hear(0); err == nil {
			t.Error("the link goes on")
		}
		synctest.Wait()
		if n := master.GoodReplicas(time.Minute); n != 0 {
			t.Errorf("%d good replicas", n)
		}
	})
}
