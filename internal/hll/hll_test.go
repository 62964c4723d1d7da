package hll

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"testing"
)

// fill adds n different elements to a sketch.
func fill(t testing.TB, sketch []byte, n int) []byte {
	t.Helper()
	for i := range n {
		var err error
		if sketch, _, err = Add(sketch, strconv.AppendInt(nil, int64(i), 10), DefaultSparse); err != nil {
			t.Fatal(err)
		}
	}
	return sketch
}

// TestBytes: sketches are those of redis-server 7.0.15 (GET after PFADD k 0 1 2 …).
func TestBytes(t *testing.T) {
	for n, want := range map[int]string{
		0: "48594c4c0100000000000000000000007fff",
		3: "48594c4c0100000000000000000000805d668056408c48608c43f3",
	} {
		if got := hex.EncodeToString(fill(t, New(), n)); got != want {
			t.Errorf("%d elements: %s", n, got)
		}
	}
}

// TestEstimates: estimates are near what was added, and a sketch becomes dense on the way.
func TestEstimates(t *testing.T) {
	sketch, was := New(), 0
	for _, n := range []int{1, 10, 100, 1000, 10_000, 100_000} {
		for i := was; i < n; i++ {
			sketch, _, _ = Add(sketch, strconv.AppendInt(nil, int64(i), 10), DefaultSparse)
		}
		was = n
		got, err := Count(sketch)
		if err != nil || math.Abs(float64(got)/float64(n)-1) > 0.03 {
			t.Errorf("%d elements are estimated as %d, %v", n, got, err)
		}
		if IsDense(sketch) != (len(sketch) == DenseSize) || IsDense(sketch) != (n >= 10_000) {
			t.Errorf("%d elements take %d bytes", n, len(sketch))
		}
	}
	if again, changed, err := Add(sketch, []byte("5"), DefaultSparse); changed || err != nil || &again[0] != &sketch[0] {
		t.Errorf("an element that is in it changed the sketch: %v", err)
	}
}

// TestUnion: a union estimates what all elements in one sketch do, whatever the encodings.
func TestUnion(t *testing.T) {
	few, many := fill(t, New(), 500), fill(t, New(), 20_000)
	var all Registers
	for _, sketch := range [][]byte{few, many} {
		if err := all.Merge(sketch); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := Count(many)
	if got := all.Count(); got != want {
		t.Errorf("the union counts %d, not %d", got, want)
	}
	for _, into := range [][]byte{New(), bytes.Clone(few), bytes.Clone(many)} {
		for _, toDense := range []bool{false, true} {
			got, err := all.Store(bytes.Clone(into), toDense, DefaultSparse)
			if n, _ := Count(got); err != nil || n != want || !bytes.Equal(got[HeaderSize:], many[HeaderSize:]) {
				t.Errorf("stored into %d bytes: %d, %v", len(into), n, err)
			}
		}
	}
}

// TestCorrupt: strings that are no sketches, and registers that are too few or too many.
func TestCorrupt(t *testing.T) {
	for _, b := range []string{"", "HYLL", "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80",
		"HYLL\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff",
		"HYLX\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"} {
		if _, err := Count([]byte(b)); err != ErrNoSketch {
			t.Errorf("%q: %v", b, err)
		}
	}
	for _, runs := range []string{"", "\x7f", "\x7f\xfe", "\x7f\xff\x00", "\x80", "\x00\x00"} {
		b := []byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80" + runs)
		if _, err := Count(b); err != ErrCorrupt {
			t.Errorf("%q: %v", runs, err)
		}
	}
}

// FuzzSketch: no bytes make a panic, and what is accepted stays a sketch.
func FuzzSketch(f *testing.F) {
	f.Add(New(), []byte("a"))
	f.Add(fill(f, New(), 300), []byte("b"))
	f.Add(fill(f, New(), 5000), []byte("c"))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f"), []byte("d"))
	f.Fuzz(func(t *testing.T, sketch, element []byte) {
		if Check(sketch, len(sketch)) != nil {
			return
		}
		Outdate(sketch)
		_, whole := Count(sketch)
		sketch, _, err := Add(bytes.Clone(sketch), element, DefaultSparse)
		if whole == nil {
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Count(sketch); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	for name, n := range map[string]int{"sparse": 300, "dense": 10_000} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			sketch := fill(b, New(), n)
			element := []byte("element")
			for b.Loop() {
				sketch, _, _ = Add(sketch, element, DefaultSparse)
			}
		})
	}
}

func BenchmarkCount(b *testing.B) {
	b.ReportAllocs()
	sketch := fill(b, New(), 10_000)
	for b.Loop() {
		Outdate(sketch)
		Count(sketch)
	}
}
