package keyspace

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Benchmarks use 16-byte keys and 100-byte values.

func benchKey(buf []byte, i int) []byte {
	binary.LittleEndian.PutUint64(buf, uint64(i))
	binary.LittleEndian.PutUint64(buf[8:], uint64(i)*0x9e3779b97f4a7c15)
	return buf[:16]
}

// benchSlot spreads keys over the slots without the cost of the CRC.
func benchSlot(i int) slots.Slot { return slots.Slot(uint64(i) * 0x9e3779b97f4a7c15 >> 50) }

var benchValue = make([]byte, 100)

func put(s *Store, slot slots.Slot, key []byte) {
	err := s.Update(slot, func(tx *Tx) error { return tx.Put(key, String, benchValue, 0) })
	if err != nil {
		panic(err)
	}
}

func filled(n int) *Store {
	s := New(Config{})
	var buf [16]byte
	for i := range n {
		put(s, benchSlot(i), benchKey(buf[:], i))
	}
	return s
}

const benchKeys = 1_000_000

func BenchmarkView(b *testing.B) {
	s := filled(benchKeys)
	var buf [16]byte
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		i := rand.IntN(benchKeys)
		key := benchKey(buf[:], i)
		s.View(benchSlot(i), func(tx *Tx) error {
			if e, ok := tx.Get(key); ok {
				n += len(e.Value)
			}
			return nil
		})
	}
}

func BenchmarkUpdateOverwrite(b *testing.B) {
	s := filled(benchKeys)
	var buf [16]byte
	b.ReportAllocs()
	for b.Loop() {
		i := rand.IntN(benchKeys)
		put(s, benchSlot(i), benchKey(buf[:], i))
	}
}

func BenchmarkInsert(b *testing.B) {
	s := New(Config{})
	var buf [16]byte
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if i == 2*benchKeys {
			s.Clear()
			i = 0
		}
		put(s, benchSlot(i), benchKey(buf[:], i))
		i++
	}
}

func BenchmarkInsertDelete(b *testing.B) {
	s := filled(benchKeys)
	var buf [16]byte
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		put(s, benchSlot(i+benchKeys), benchKey(buf[:], i+benchKeys))
		key := benchKey(buf[:], i)
		s.Update(benchSlot(i), func(tx *Tx) error { tx.Delete(key); return nil })
		i++
	}
}

func benchMixed(b *testing.B, writes int, slot func(i int) slots.Slot) {
	s := New(Config{})
	var buf [16]byte
	for i := range benchKeys {
		put(s, slot(i), benchKey(buf[:], i))
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var buf [16]byte
		n := 0
		for pb.Next() {
			i := rand.IntN(benchKeys)
			key := benchKey(buf[:], i)
			if rand.IntN(100) < writes {
				put(s, slot(i), key)
				continue
			}
			s.View(slot(i), func(tx *Tx) error {
				e, _ := tx.Get(key)
				n += len(e.Value)
				return nil
			})
		}
	})
}

func BenchmarkMixed95(b *testing.B) { benchMixed(b, 5, benchSlot) }
func BenchmarkMixed50(b *testing.B) { benchMixed(b, 50, benchSlot) }

// All keys in one slot, as in a standalone node.
func BenchmarkMixed95OneSlot(b *testing.B) {
	benchMixed(b, 5, func(int) slots.Slot { return 0 })
}

func heapInUse() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// BenchmarkFootprint reports what an entry of 116 bytes costs on the heap, how long a
// forced collection takes, and what is left after nine of ten are deleted, with 5M
// entries in all slots and in one.
func BenchmarkFootprint(b *testing.B) {
	for name, slot := range map[string]func(int) slots.Slot{"slots": benchSlot,
		"oneslot": func(int) slots.Slot { return 0 }} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				footprintOnce(b, slot)
			}
		})
	}
}

func footprintOnce(b *testing.B, slot func(int) slots.Slot) {
	const n = 5_000_000
	before := heapInUse()
	s := New(Config{})
	var buf [16]byte
	var worst time.Duration
	timed := func(fn func()) {
		start := time.Now()
		fn()
		worst = max(worst, time.Since(start))
	}
	for i := range n {
		timed(func() { put(s, slot(i), benchKey(buf[:], i)) })
	}
	b.ReportMetric(float64(worst.Microseconds()), "worst-insert-µs")
	b.ReportMetric(float64(heapInUse()-before)/n, "B/entry")
	b.ReportMetric(float64(s.Memory())/n, "counted-B/entry")
	start := time.Now()
	runtime.GC()
	b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "GC-ms")
	worst = 0
	for i := range n {
		if i%10 != 0 {
			key := benchKey(buf[:], i)
			timed(func() {
				s.Update(slot(i), func(tx *Tx) error { tx.Delete(key); return nil })
			})
		}
	}
	b.ReportMetric(float64(worst.Microseconds()), "worst-delete-µs")
	b.ReportMetric(float64(heapInUse()-before)/(n/10), "B/entry-after-deletes")
	runtime.KeepAlive(s)
}
