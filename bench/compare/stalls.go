package main

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// stalls records how long gets take by the clock on the wall while n entries are loaded,
// scanned, expire, are evicted and deleted. One goroutine asks by a schedule (see
// openLoop), so that a stall counts for all who would have met it. On a machine with
// other work the longest are the operating system's.
func stalls(t *table, n int) {
	var ahead atomic.Int64 // of the time
	s := keyspace.New(keyspace.Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	list := keys(n, 1)
	value := make([]byte, valueSize)
	for _, phase := range []struct {
		name string
		work func()
	}{
		{"loaded", func() {
			soon := time.Now().Add(time.Hour).UnixMilli()
			for i := range n {
				key, expireAt := list.at(i), int64(0)
				if i%2 == 0 {
					expireAt = soon
				}
				s.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
					return tx.Put(bytesOf(key), keyspace.String, value, expireAt)
				})
			}
		}},
		{"scanned", func() {
			for cursor, first := uint64(0), true; first || cursor != 0; first = false {
				cursor = s.Scan(cursor, 1000, func(slots.Slot, []byte, keyspace.Entry) bool { return true })
			}
		}},
		{"expiring, half of them", func() {
			ahead.Store(int64(2 * time.Hour))
			for s.Len() > n/2 {
				s.ExpireStep(5 * time.Millisecond)
			}
		}},
		{"evicted, a quarter of them", func() {
			s.SetPolicy(keyspace.AllKeysLRU)
			for s.Len() > n/4 {
				s.SetMaxMemory(s.Memory() * 99 / 100)
				s.ExpireStep(5 * time.Millisecond)
			}
			s.SetMaxMemory(0)
		}},
		{"deleted", func() {
			for i := range n {
				key := list.at(i)
				s.Update(slots.OfString(key), func(tx *keyspace.Tx) error { tx.Delete(bytesOf(key)); return nil })
			}
		}},
	} {
		wall := during(s, list, phase.work)
		what := "get while " + count(n) + " are " + phase.name
		t.add(row{what: what + ", percentile 99.99", figure: float64(wall.ValueAtQuantile(99.99)) / 1e6, unit: "ms",
			limit: 5})
		t.addHistogram(what, wall)
	}
}

const askEvery = 20 * time.Microsecond

// during asks for random keys as long as work takes, one each askEvery.
func during(s *keyspace.Store, list keyList, work func()) *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, 60e9, 3)
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for due := time.Now(); !done.Load(); due = due.Add(askEvery) {
			for now := time.Now(); now.Before(due); { // a sleep would be longer than what is measured
				if now = time.Now(); !now.Before(due) {
					due = now // if that is late, it is not because of the store
				}
			}
			key := list.at(rand.IntN(list.len()))
			s.View(slots.OfString(key), func(tx *keyspace.Tx) error { tx.Get(bytesOf(key)); return nil })
			h.RecordValue(time.Since(due).Nanoseconds())
		}
	})
	work()
	done.Store(true)
	wg.Wait()
	return h
}
