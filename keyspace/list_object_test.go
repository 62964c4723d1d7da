package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A walk in steps visits every element that is there all the time, once and in order,
// whatever happens to others in between.
func TestListWalkInSteps(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 11))
	o := listForm{}.grow(nil)
	position := func(i int) []byte { return appendPosition(nil, int64(i)) }
	for i := -2000; i < 2000; i += 2 {
		if err := o.set(position(i), fmt.Appendf(nil, "stays %d", i), 0); err != nil {
			t.Fatal(err)
		}
	}
	stays, last := 0, []byte(nil)
	var at partCursor
	for done := false; !done; {
		left := 1 + rnd.IntN(50)
		at, done = o.walk(at, func(part, value []byte, _ int64) bool {
			if left--; left < 0 {
				return false
			}
			if last != nil && string(part) <= string(last) {
				t.Fatalf("part %x after %x", part, last)
			}
			last = part
			if string(value[:5]) == "stays" {
				stays++
			}
			return true
		})
		for range 20 {
			odd := position(rnd.IntN(2000)*2 - 1999)
			if !o.cut(odd) {
				if err := o.set(odd, []byte("comes and goes"), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if stays != 2000 {
		t.Errorf("%d of 2000 elements were visited", stays)
	}
	if position(-1)[0] > position(0)[0] || string(position(-1)) > string(position(0)) {
		t.Error("parts do not sort as positions")
	}
}
