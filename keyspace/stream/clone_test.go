package stream

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// One side of a clone is written while others are read.
func TestClonesAreUsedAtTheSameTime(t *testing.T) {
	c := newScenario(rand.New(rand.NewPCG(5, 6)))
	if err := c.run(300); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 20 {
		clone, m := c.s.Clone(), c.m.clone()
		readers.Go(func() {
			if bad := m.differs(clone); bad != "" {
				t.Errorf("a clone: %s", bad)
			}
			for id := range m.entries { // and changed
				clone.Cut(id)
			}
			clone.CutGroup([]byte("g0"))
			if err := check(clone); err != nil || clone.Len() > 0 {
				t.Errorf("%d entries left, %v", clone.Len(), err)
			}
		})
		for range 30 {
			if err := c.step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	readers.Wait()
	if bad := c.m.differs(c.s); bad != "" {
		t.Errorf("the stream: %s", bad)
	}
}
