package replicator

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// hung is how long to wait for what must happen: on a busy machine, writers that never
// pause leave a replica little of it.
const hung = 4 * time.Minute

// churn writes to m on several goroutines until stop is closed.
func churn(m *testNode, stop chan struct{}) *sync.WaitGroup {
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 7))
			for {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Appendf(nil, "key:%d", rnd.IntN(3000))
				slot := slots.Of(key)
				if rnd.IntN(2000) == 0 {
					m.store.Drop(slot)
					continue
				}
				m.store.Update(slot, func(tx *keyspace.Tx) error {
					switch rnd.IntN(4) {
					case 0:
						tx.Delete(key)
					case 1:
						tx.Expire(key, 1<<50+rnd.Int64N(1000))
					default:
						return tx.Put(key, keyspace.String, bytes.Repeat([]byte{byte(rnd.Uint32())}, rnd.IntN(300)), 0)
					}
					return nil
				})
			}
		})
	}
	return &wg
}

// Real goroutines write while replicas come, break off and come again.
func TestFullSyncUnderWrites(t *testing.T) {
	net := newTestNet(t)
	a, b, c := net.node(1), net.node(2), net.node(3)
	defer a.stop()
	defer b.stop()
	defer c.stop()
	fill(t, a.store, 5_000, 100)
	stop := make(chan struct{})
	wg := churn(a, stop)
	for range 3 {
		b.follow(a)
		b.synced()
		net.net.Reset(a.host, b.host)
		c.follow(a)
		c.synced()
		c.Promote(0) // and has diverged at once
		c.set("own", "write")
	}
	c.follow(a)
	close(stop)
	wg.Wait()
	b.connect(a)
	c.connect(a)
}

// While a full sync is on its way, readers see the old data, then the new, and a sync
// that breaks off leaves the old.
func TestFullSyncReplacesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b := net.node(1), net.node(2)
		defer a.stop()
		defer b.stop()
		fill(t, a.store, 50_000, 100)
		a.set("common", "new")
		b.set("common", "old")
		b.set("only", "old")
		net.net.SetDelay(a.host, b.host, 10*time.Millisecond) // a window of 64 KiB: some MB/s
		b.follow(a)
		time.Sleep(300 * time.Millisecond)
		if s := b.Status(); s.Link != LinkSync || b.get("common") != "old" || b.get("only") != "old" || b.store.Len() != 2 {
			t.Fatalf("in the middle of a full sync: %v, %q, %d keys", s.Link, b.get("common"), b.store.Len())
		}
		if b.Offset() != 0 {
			t.Fatal("a node with another history stands for election")
		}
		net.net.Reset(a.host, b.host)
		time.Sleep(5 * time.Millisecond)
		if b.get("only") != "old" || b.store.Len() != 2 {
			t.Fatal("a sync that broke off has changed the data")
		}
		b.connect(a)
		if b.get("common") != "new" || b.get("only") != "" {
			t.Fatal("the old data is still there")
		}
		if e, ok := last[replication.Synced](b); !ok || !e.Full {
			t.Fatalf("event %+v", e)
		}
	})
}

// A value much larger than the backlog, a message, or what one batch may have.
func TestBigValues(t *testing.T) {
	net := newTestNet(t)
	a, b := net.node(1), net.node(2)
	defer a.stop()
	defer b.stop()
	a.set("before", string(bytes.Repeat([]byte("b"), 5<<20)))
	b.follow(a)
	b.connect(a)
	a.set("after", string(bytes.Repeat([]byte("a"), 5<<20)))
	a.set("small", "one")
	b.connect(a)
	if s := a.Status(); s.FullSyncs != 1 || len(s.Replicas) != 1 {
		t.Fatalf("%+v", s)
	}
}

// A replica that does not read costs the master no more than its output buffer.
func TestSlowReplicaIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b := net.node(1), net.node(2)
		defer a.stop()
		defer b.stop()
		a.log.SetOutputBuffer(1 << 20)
		b.follow(a)
		b.connect(a)
		net.net.Cut(a.host, b.host)
		value := string(make([]byte, 1000))
		for i := range 5000 {
			a.set(fmt.Sprint("key", i), value)
		}
		if held := a.log.Info().Len; held > 3<<20 {
			t.Fatalf("%d bytes held for a replica that does not read", held)
		}
		time.Sleep(15 * time.Second)
		if n := len(a.Status().Replicas); n != 0 {
			t.Fatalf("%d replicas left", n)
		}
		net.net.Heal()
		b.connect(a)
		if s := a.Status(); s.FullSyncs != 2 {
			t.Fatalf("%d full syncs, want 2", s.FullSyncs)
		}
	})
}

// A replica keeps an expired key until its master says that it is gone.
func TestExpiryIsTheMastersWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b := net.node(1), net.node(2)
		defer a.stop()
		defer b.stop()
		slot := slots.OfString("k")
		a.store.Update(slot, func(tx *keyspace.Tx) error {
			return tx.Put([]byte("k"), keyspace.String, []byte("v"), time.Now().Add(time.Second).UnixMilli())
		})
		b.follow(a)
		b.connect(a)
		time.Sleep(2 * time.Second)
		b.store.ExpireStep(time.Second)
		if b.get("k") != "" || b.store.Count(slot) != 1 {
			t.Fatalf("the replica shows %q and holds %d keys; want nothing shown and the key held", b.get("k"),
				b.store.Count(slot))
		}
		a.store.ExpireStep(time.Second)
		b.connect(a)
		if b.store.Count(slot) != 0 {
			t.Fatal("the master's word has not arrived")
		}
	})
}

// A failover by hand loses nothing and costs no full sync.
func TestFailoverByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b := net.node(1), net.node(2)
		defer a.stop()
		defer b.stop()
		b.follow(a)
		for i := range 100 {
			a.set(fmt.Sprint("key", i), "v")
		}
		a.Quiesce(true) // and engine.PauseWrites, which the root does
		if err := b.WaitOffset(t.Context(), a.Offset()); err != nil {
			t.Fatal(err)
		}
		b.Promote(0)
		a.follow(b)
		a.Quiesce(false)
		if !a.store.Passive() || b.store.Passive() {
			t.Fatal("the new replica must be passive, the new master must not")
		}
		a.connect(b)
		if s := b.Status(); s.FullSyncs != 0 || s.PartialSyncs != 1 || b.store.Len() != 100 {
			t.Fatalf("%d full, %d partial syncs, %d keys", s.FullSyncs, s.PartialSyncs, b.store.Len())
		}
	})
}
