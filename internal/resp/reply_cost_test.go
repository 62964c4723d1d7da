package resp

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
)

// reply returns an array of n strings of size bytes.
func reply(n, size int) []byte {
	var w Writer
	w.Array(n)
	value := bytes.Repeat([]byte{'x'}, size)
	for range n {
		w.Bulk(value)
	}
	return w.B
}

// Reading a reply takes memory, and so work, in proportion to its length, however the
// stream is cut.
func TestReaderCost(t *testing.T) {
	for _, shape := range []struct{ n, size int }{{4000, 2000}, {800, 10_000}, {80, 100_000}, {12, 700_000},
		{1, 8_000_000}, {200_000, 1}} {
		stream := reply(shape.n, shape.size)
		for _, read := range []int{1460, 16 << 10, 1 << 30} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := NewReader(&pieces{stream, func() int { return read }}).Read()
			runtime.ReadMemStats(&after)
			if err != nil || len(r.Elems) != shape.n {
				t.Fatalf("%d of %d bytes: %d elements, %v", shape.n, shape.size, len(r.Elems), err)
			}
			allocated := after.TotalAlloc - before.TotalAlloc
			if limit := 2*uint64(len(stream)) + 600*uint64(shape.n) + 1<<20; allocated > limit {
				t.Errorf("%d of %d bytes in reads of %d: %d bytes allocated, want at most %d", shape.n, shape.size, read,
					allocated, limit)
			}
		}
	}
}

// Wherever the stream is cut, the replies are the same, and the same as decoded at once.
func TestReaderAnySplit(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		stream := reply(1+rnd.IntN(50), rnd.IntN(1<<rnd.IntN(17)))
		stream = append(stream, "+OK\r\n:-12\r\n%1\r\n$1\r\nk\r\n,1.5\r\n_\r\n>2\r\n$3\r\nabc\r\n#t\r\n"...)
		longest := 1 << rnd.IntN(20)
		whole := NewReader(bytes.NewReader(stream))
		cut := NewReader(&pieces{stream, func() int { return 1 + rnd.IntN(longest) }})
		for {
			want, wantErr := whole.Read()
			got, err := cut.Read()
			if !reflect.DeepEqual(got, want) || err != wantErr {
				t.Fatalf("seed %d, reads of up to %d bytes: %v, %v; want %v, %v", seed, longest, got, err, want, wantErr)
			}
			if err == io.EOF {
				break
			}
		}
	}
}

// BenchmarkReaderLarge reads replies with much in them; ns/op is for one reply.
func BenchmarkReaderLarge(b *testing.B) {
	for _, shape := range []struct{ n, size int }{{20_000, 2000}, {2000, 10_000}, {1, 40_000_000}, {100_000, 10}} {
		b.Run(fmt.Sprintf("%dx%d", shape.n, shape.size), func(b *testing.B) {
			stream := reply(shape.n, shape.size)
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := NewReader(&pieces{stream, func() int { return 64 << 10 }}).Read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
