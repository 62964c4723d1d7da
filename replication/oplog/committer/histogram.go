package committer

import "time"

// Histogram counts values by classes.
type Histogram[T ~int64] struct {
	// Counts has a number for each class: of values up to its bound and above the bound before
	// it. The last class, which has no bound, is of greater ones.
	Counts [classes]uint64
	Sum    T // of all values
}

// classes is how many a Histogram has.
const classes = 16

// The bounds of the classes of Status.SyncTimes and Status.GroupSizes.
var (
	SyncTimeBounds = [classes - 1]time.Duration{
		100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
		time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
		10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2500 * time.Millisecond, 5 * time.Second,
	}
	GroupSizeBounds = [classes - 1]int64{
		64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20,
		16 << 20, 64 << 20, 256 << 20,
	}
)

// add counts a value.
func (h *Histogram[T]) add(bounds *[classes - 1]T, value T) {
	class := 0
	for class < len(bounds) && value > bounds[class] {
		class++
	}
	h.Counts[class]++
	h.Sum += value
}

// Count returns how many values were counted.
func (h *Histogram[T]) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}
