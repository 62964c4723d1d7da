package migrator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
)

// largeKeyFields is how many fields the hash of the benchmark has.
func largeKeyFields() int {
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_FIELDS")); err == nil {
		return n
	}
	return 1_000_000
}

// BenchmarkLargeKey moves a hash of a million fields between two drivers over TCP while a
// client makes 1,000 writes a second to it. It reports the longest of these writes, with
// what they waited for the key while it was frozen, and the longest read of another key of
// the slot, which waits for the slot's lock only.
func BenchmarkLargeKey(b *testing.B) {
	key := []byte("large")
	var longest, median, read []float64
	for b.Loop() {
		cl := newBenchCluster(b, 1)
		fillHash(b, cl[0].store, key, largeKeyFields())
		stop := make(chan struct{})
		writes, reads := make(chan []float64, 1), make(chan []float64, 1)
		go func() {
			n := 0
			writes <- paced(stop, func() bool {
				n++
				err := cl[0].engine.Update(0, [][]byte{key}, stop, func(tx *keyspace.Tx) error {
					if _, there := tx.Peek(key); !there {
						return errLeft // a client would be sent to the target
					}
					h, err := tx.Hash(key)
					if err == nil {
						_, err = h.Set(fmt.Appendf(nil, "field:%d", n*7919%largeKeyFields()), []byte("changed meanwhile"))
					}
					return err
				})
				return err == nil
			})
		}()
		go func() {
			reads <- paced(stop, func() bool {
				cl[0].store.View(0, func(tx *keyspace.Tx) error { tx.Get([]byte("other")); return nil })
				return true
			})
		}()
		id, err := cl[0].driver.Move(slotsUpTo(0), cl[1].id)
		if err == nil {
			err = cl[0].driver.Wait(context.Background(), id)
		}
		if err != nil {
			b.Fatal(err)
		}
		close(stop)
		w, r := <-writes, <-reads
		longest, median, read = append(longest, w[len(w)-1]), append(median, w[len(w)/2]), append(read, r[len(r)-1])
		if n := fieldsOf(cl[1].store, key); n != largeKeyFields() {
			b.Fatalf("%d fields have arrived", n)
		}
	}
	b.ReportMetric(slices.Max(longest), "ms-longest-write")
	b.ReportMetric(slices.Max(median), "ms-median-write")
	b.ReportMetric(slices.Max(read), "ms-longest-read")
}

var errLeft = errors.New("the key has left")

// paced calls do every millisecond until it returns false or stop is closed, and returns
// how long each call took, in milliseconds and in order of length.
func paced(stop chan struct{}, do func() bool) (took []float64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for goes := true; goes; {
		select {
		case <-stop:
			goes = false
		case <-tick.C:
			start := time.Now()
			goes = do()
			took = append(took, time.Since(start).Seconds()*1000)
		}
	}
	slices.Sort(took)
	return took
}

func fillHash(b *testing.B, s *keyspace.Store, key []byte, fields int) {
	for at := 0; at < fields; at += 1000 {
		err := s.Update(0, func(tx *keyspace.Tx) error {
			h, err := tx.Hash(key)
			for i := at; i < min(at+1000, fields) && err == nil; i++ {
				_, err = h.Set(fmt.Appendf(nil, "field:%d", i), []byte("a value of 20 bytes."))
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func fieldsOf(s *keyspace.Store, key []byte) (n int) {
	s.View(0, func(tx *keyspace.Tx) error {
		h, err := tx.Hash(key)
		n = h.Len()
		return err
	})
	return n
}
