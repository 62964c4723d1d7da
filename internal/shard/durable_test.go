package shard

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// disk is a log that is as far as the test says.
type disk struct {
	mu     sync.Mutex // guards the fields below
	off    bool
	offset int64
	grown  chan struct{} // closed with a change
}

func (d *disk) change(offset int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offset = offset
	close(d.grown)
	d.grown = make(chan struct{})
}

func (d *disk) Durable() (int64, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.offset, !d.off
}

func (d *disk) Sync(context.Context) error { return nil }

func (d *disk) WaitDurable(ctx context.Context, offset int64) error {
	for {
		d.mu.Lock()
		off, at, grown := d.off, d.offset, d.grown
		d.mu.Unlock()
		switch {
		case off:
			return ErrLogOff
		case at >= offset:
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// vouchDurable asks for a write at offset 100 and tells what came of it, and when.
func vouchDurable(ctx context.Context, a *Acks, local bool, k int) (here bool, n int, took time.Duration) {
	began := time.Now()
	w := Writes{Slots: slots.NewSet(7), Earlier: math.MaxInt}
	here, n = a.VouchDurable(ctx, &w, replicator.Mark{Term: 1, Offset: 100}, local, k)
	return here, n, time.Since(began)
}

// A write is waited for on the disks of this node and of replicas; what replicas have on
// disk is promised as what they hold in memory.
func TestVouchDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(100, 100)
		s.onDisk = []int64{0, 0}
		a, _ := newAcks(t, s, AcksConfig{})
		time.AfterFunc(time.Second, func() { s.disk.change(100) })
		if here, n, took := vouchDurable(t.Context(), a, true, 0); !here || n != 0 || took != time.Second {
			t.Errorf("on this node: %v, %d after %v", here, n, took)
		}
		if a.Of(7) != 0 {
			t.Errorf("%d replicas are promised", a.Of(7))
		}
		time.AfterFunc(2*time.Second, func() { s.change(func() { s.onDisk = []int64{100, 99} }) })
		if here, n, took := vouchDurable(t.Context(), a, false, 1); !here || n != 1 || took != 2*time.Second {
			t.Errorf("on a replica: %v, %d after %v", here, n, took)
		}
		if a.Of(7) != 1 {
			t.Errorf("%d replicas are promised", a.Of(7))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		s.disk.change(99)
		if here, n, took := vouchDurable(ctx, a, true, 2); here || n != 1 || took != 3*time.Second {
			t.Errorf("in time: %v, %d after %v", here, n, took)
		}
		if here, n, took := vouchDurable(ctx, a, true, 2); here || n != 1 || took != 0 {
			t.Errorf("at once: %v, %d after %v", here, n, took)
		}
		s.disk.off = true
		if here, n, took := vouchDurable(t.Context(), a, false, 1); here || n != 1 || took != 0 {
			t.Errorf("without a log of its own: %v, %d after %v", here, n, took)
		}
	})
}

// What this node's log has says nothing of a stream that another one has taken the place
// of, and that a node wrote which was a master before.
func TestVouchDurableOfAnotherTerm(t *testing.T) {
	s := newStream(100)
	s.onDisk = []int64{100}
	s.disk.offset = 1000
	a, _ := newAcks(t, s, AcksConfig{})
	w := Writes{Slots: slots.NewSet(7), Earlier: math.MaxInt}
	for _, to := range []replicator.Mark{{Term: 3, Offset: 100}, {Term: 1, Offset: math.MaxInt64}} {
		if here, _ := a.VouchDurable(ended, &w, to, true, 1); here {
			t.Errorf("%v is on disk", to)
		}
	}
}
