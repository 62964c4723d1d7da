// Package histogram counts how long things took, in buckets whose width is below one
// percent of the times that fall into them: as HdrHistogram does with two significant
// digits for times from 1 ns to 1 s.
//
// A Histogram is written by many goroutines and read meanwhile. It has no lock, and takes
// memory for the ranges of times that occur, a kilobyte for each power of two:
//
//	var h histogram.Histogram
//	h.Record(3*time.Millisecond, 1)
//	fmt.Println(h.Of(1).Percentile(99))
package histogram

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	subBits = 7
	sub     = 1 << subBits // buckets of a range
	ranges  = 24           // the first two have buckets of 1 ns, each other one of twice the width of the one before
	longest = time.Second  // what takes longer counts as that
)

// Histogram counts times. The zero value is empty.
type Histogram struct {
	ranges [ranges]atomic.Pointer[[sub]atomic.Int64] // nil: nothing was that long
}

// Record counts a time as often as weight says.
func (h *Histogram) Record(d time.Duration, weight int64) {
	v := uint64(min(max(d, 1), longest))
	// The range of v, and its bucket there: the bits behind the first one.
	r := max(0, bits.Len64(v)-subBits)
	at := v
	if r > 0 {
		at = v>>(r-1) - sub
	}
	list := h.ranges[r].Load()
	if list == nil {
		h.ranges[r].CompareAndSwap(nil, new([sub]atomic.Int64))
		list = h.ranges[r].Load()
	}
	list[at].Add(weight)
}

// bucket returns the times that a bucket counts, both included.
func bucket(r, at int) (first, last time.Duration) {
	if r == 0 {
		return time.Duration(at), time.Duration(at)
	}
	first = time.Duration(sub+at) << (r - 1)
	return first, first + 1<<(r-1) - 1
}

// each calls yield with each bucket that may have counted something, in the order of times,
// until it returns false.
func (h *Histogram) each(yield func(first, last time.Duration, n int64) bool) {
	for r := range h.ranges {
		list := h.ranges[r].Load()
		if list == nil {
			continue
		}
		for at := range list {
			n := list[at].Load()
			if first, last := bucket(r, at); n > 0 && !yield(first, last, n) {
				return
			}
		}
	}
}

func (h *Histogram) total() (n int64) {
	h.each(func(_, _ time.Duration, in int64) bool {
		n += in
		return true
	})
	return n
}

// Of returns what the histogram says of so many calls, of which it has counted some: each
// stands for others.
func (h *Histogram) Of(calls int64) Distribution { return Distribution{h, calls} }

// Distribution says how many calls took how long. The zero value is of no calls.
type Distribution struct {
	h     *Histogram // nil: nothing was timed
	calls int64
}

// Known reports whether any call was timed.
func (d Distribution) Known() bool { return d.h != nil && d.h.total() > 0 }

// Calls returns the number of calls, timed or not.
func (d Distribution) Calls() int64 { return d.calls }

// Percentile returns the time that so many percent of the calls did not exceed, 0 if none
// was timed: Percentile(99.9) is that of all but one in a thousand. It is exact to one
// percent; times above a second count as a second.
func (d Distribution) Percentile(percent float64) (at time.Duration) {
	if d.h == nil {
		return 0
	}
	want := max(1, int64(math.Min(percent, 100)/100*float64(d.h.total())+0.5))
	n := int64(0)
	d.h.each(func(_, last time.Duration, in int64) bool {
		n += in
		at = last
		return n < want
	})
	return at
}

// Bucket is how many calls took no longer than Max.
type Bucket struct {
	Max   time.Duration
	Calls int64 // those of shorter buckets too
}

const (
	firstBound = 1024 // of the times, each twice the one before, between which Buckets counts
	end        = 1<<30 - 1
)

// Buckets returns the calls by powers of two of the time that they took, from about 1 µs to
// about 1 s, without buckets that are as those before them: what LATENCY HISTOGRAM of Redis
// shows. A Max is that of the histogram's own bucket which has the power of two in it.
func (d Distribution) Buckets() (list []Bucket) {
	if d.h == nil {
		return nil
	}
	total := d.h.total()
	n, shown := int64(0), int64(0)
	bound := time.Duration(firstBound)
	add := func() {
		if n > shown {
			_, last := bucket(bits.Len64(uint64(bound))-subBits, 0)
			list = append(list, Bucket{min(last, end), d.scale(n, total)})
		}
		shown = n
	}
	d.h.each(func(first, _ time.Duration, in int64) bool {
		for ; first > bound; bound *= 2 {
			add()
		}
		n += in
		return true
	})
	add()
	return list
}

// scale returns for how many calls n counted ones stand.
func (d Distribution) scale(n, total int64) int64 {
	if n == total {
		return d.calls
	}
	return int64(float64(n) * float64(d.calls) / float64(total))
}
