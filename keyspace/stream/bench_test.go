package stream

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
)

// sample returns the ID and value of entry i of what benchmarks measure: 3 fields, a new
// millisecond every other entry.
func sample(b []byte, i int) (ID, []byte) {
	b = AppendString(AppendString(AppendCount(b, 6), []byte("sensor")), []byte("device-"+strconv.Itoa(i%1000)))
	b = AppendString(AppendString(b, []byte("temperature")), strconv.AppendInt(nil, int64(i%5000), 10))
	b = AppendString(AppendString(b, []byte("time")), strconv.AppendInt(nil, 1700000000000+int64(i), 10))
	return ID{1700000000000 + uint64(i)/2, uint64(i) % 2}, b
}

func filled(n int) *Stream {
	s := new(Stream)
	for i := range n {
		s.Set(sample(nil, i))
	}
	return s
}

func TestBytesPerEntry(t *testing.T) {
	s := filled(100000)
	if got := float64(s.Memory()) / 100000; got > 32 {
		t.Errorf("%.1f bytes for each entry", got)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The sizes of what is allocated are those that Memory counts.
func TestMemory(t *testing.T) {
	for _, n := range []int{1, 10, 1000, 100000} {
		streams := make([]*Stream, max(1, 1000/n))
		before := heap()
		for i := range streams {
			streams[i] = filled(n)
		}
		compareMemory(t, streams, before, fmt.Sprintf("%d entries", n))
		for _, s := range streams {
			for i := range n {
				id, _ := sample(nil, i)
				consumer := []byte("consumer-" + strconv.Itoa(i%100))
				s.SetPending([]byte("group"), Pending{ID: id, Consumer: consumer, Delivered: int64(id.Ms), Count: 1})
			}
		}
		compareMemory(t, streams, before, fmt.Sprintf("%d entries, pending", n))
	}
}

func compareMemory(t *testing.T, streams []*Stream, before int64, what string) {
	t.Helper()
	used, got := heap()-before, int64(0)
	for _, s := range streams {
		got += s.Memory()
	}
	if got < used-used/50-1000 || got > used+used/50+1000 {
		t.Errorf("%s: %d bytes, really %d", what, got, used)
	}
	t.Logf("%s: %d bytes", what, got)
	runtime.KeepAlive(streams)
}

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	s := new(Stream)
	var value []byte
	for i := 0; b.Loop(); i++ {
		var id ID
		id, value = sample(value[:0], i)
		s.Set(id, value)
	}
}

func BenchmarkAppendSharp(b *testing.B) {
	b.ReportAllocs()
	s := filled(1000)
	var value []byte
	for i := 1000; b.Loop(); i++ {
		var id ID
		id, value = sample(value[:0], i)
		s.Set(id, value)
		if last, _, ok := s.TrimPoint(1000, ID{}, false, 0); ok {
			s.CutRange(ID{}, last)
		}
	}
}

func BenchmarkAscend(b *testing.B) {
	b.ReportAllocs()
	s := filled(100000)
	left := 0
	for b.Loop() {
		if left--; left <= 0 {
			s.Ascend(ID{}, func(_ ID, f Fields) bool {
				for _, ok := f.Next(); ok; _, ok = f.Next() {
				}
				left++
				return true
			})
		}
	}
}

func BenchmarkGet(b *testing.B) {
	b.ReportAllocs()
	s := filled(1000000)
	for i := 0; b.Loop(); i++ {
		i := i * 7919 % 1000000
		if _, ok := s.Get(ID{1700000000000 + uint64(i)/2, uint64(i) % 2}); !ok {
			b.Fatal(i)
		}
	}
}

func BenchmarkDescendOne(b *testing.B) {
	b.ReportAllocs()
	s := filled(100000)
	for b.Loop() {
		s.Descend(MaxID, func(ID, Fields) bool { return false })
	}
}

func BenchmarkPending(b *testing.B) {
	b.ReportAllocs()
	s := new(Stream)
	group, consumer := []byte("group"), []byte("consumer")
	for i := 0; b.Loop(); i++ {
		s.SetPending(group, Pending{ID: ID{uint64(i), 0}, Consumer: consumer, Delivered: int64(i), Count: 1})
		if i >= 10000 {
			s.CutPending(group, ID{uint64(i - 10000), 0})
		}
	}
}

func BenchmarkCloneThenAppend(b *testing.B) {
	b.ReportAllocs()
	s := filled(1000000)
	for i := range 1000000 {
		id, _ := sample(nil, i)
		s.SetPending([]byte("group"), Pending{ID: id, Consumer: []byte("consumer"), Delivered: int64(id.Ms), Count: 1})
	}
	var value []byte
	for i := 1000000; b.Loop(); i++ {
		var id ID
		id, value = sample(value[:0], i)
		s.Clone()
		s.Set(id, value)
		s.SetPending([]byte("group"), Pending{ID: id, Consumer: []byte("consumer"), Delivered: int64(id.Ms), Count: 1})
	}
}
