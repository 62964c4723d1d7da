package histogram

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// Each time falls into exactly one bucket, which is at most one percent wide.
func TestBucketsJoin(t *testing.T) {
	next := time.Duration(0)
	for r := range ranges {
		for at := range sub {
			first, last := bucket(r, at)
			if first != next || last < first || float64(last-first) > 0.01*float64(last) {
				t.Fatalf("bucket %d of range %d is %d to %d, want it to begin at %d", at, r, first, last, next)
			}
			next = last + 1
		}
	}
	if next <= longest {
		t.Errorf("the buckets end at %v", next)
	}
}

func TestRecord(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		d := time.Duration(r.Int64N(1 << r.IntN(31)))
		var h Histogram
		h.Record(d, 1)
		h.each(func(first, last time.Duration, n int64) bool {
			if want := min(max(d, 1), longest); want < first || want > last || n != 1 {
				t.Fatalf("%d is counted %d times as %d to %d", d, n, first, last)
			}
			return true
		})
		if h.total() != 1 {
			t.Fatalf("%d is counted %d times", d, h.total())
		}
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	var h Histogram
	h.Record(time.Millisecond, 1)
	if n := testing.AllocsPerRun(100, func() { h.Record(time.Millisecond, 1) }); n != 0 {
		t.Errorf("Record allocates %v times", n)
	}
}

// Buckets end, and percentiles are, where redis-server 7.0.15 has them.
func TestDistributionIsThatOfRedis(t *testing.T) {
	var h Histogram
	for _, us := range []int{10, 10, 5, 98, 400_000, 545_000, 600_000, 1_200_000} {
		h.Record(time.Duration(us)*time.Microsecond, 1)
	}
	d := h.Of(8)
	want := []Bucket{{8255, 1}, {16511, 3}, {132095, 4}, {541065215, 5}, {1073741823, 8}}
	if got := d.Buckets(); !slices.Equal(got, want) {
		t.Errorf("buckets %v, want %v", got, want)
	}
	for percent, want := range map[float64]time.Duration{0: 5023, 12.5: 5023, 50: 98303, 75: 545259519, 99: 1002438655,
		100: 1002438655, 200: 1002438655} {
		if got := d.Percentile(percent); got != want {
			t.Errorf("percentile %v is %d, want %d", percent, got, want)
		}
	}
}

// Calls that were not timed are as those that were.
func TestDistributionOfMoreCalls(t *testing.T) {
	var h Histogram
	h.Record(2*time.Microsecond, 64)
	h.Record(9*time.Microsecond, 1)
	d := h.Of(1000)
	want := []Bucket{{2063, 984}, {16511, 1000}}
	if got := d.Buckets(); !slices.Equal(got, want) {
		t.Errorf("buckets %v, want %v", got, want)
	}
	if !d.Known() || d.Calls() != 1000 {
		t.Errorf("known %v, calls %d", d.Known(), d.Calls())
	}
}

func TestNothingRecorded(t *testing.T) {
	for _, d := range []Distribution{{}, new(Histogram).Of(3)} {
		if d.Known() || d.Percentile(50) != 0 || len(d.Buckets()) != 0 {
			t.Errorf("%v: known %v, median %v, buckets %v", d, d.Known(), d.Percentile(50), d.Buckets())
		}
	}
}

func TestRecordBesideReaders(t *testing.T) {
	var h Histogram
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 10_000 {
				h.Record(time.Duration(i*(g+1))*time.Microsecond, 1)
				if i%1000 == 0 {
					h.Of(1).Percentile(99)
				}
			}
		})
	}
	wg.Wait()
	if h.total() != 40_000 {
		t.Errorf("%d of 40000 are counted", h.total())
	}
}
