package clustertest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"time"
)

// Every goroutine that comes from a cluster's nodes must be gone when they are closed. To
// tell them from those of other clusters in the same process, the test's goroutine gets a
// label, which all goroutines inherit that are begun under it.

const labelName = "clustertest"

var clusters atomic.Uint64

func (c *Cluster) labelGoroutines() {
	c.label = fmt.Sprintf("%s#%d", c.t.Name(), clusters.Add(1))
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(labelName, c.label)))
}

// leakLimit is how long goroutines may take to end after Close: they may be past their last
// instruction that can be waited for.
const leakLimit = 2 * time.Second

// checkLeaks fails the test if a node has left a goroutine behind.
func (c *Cluster) checkLeaks() {
	if inBubble() {
		return // synctest does not let a test end with goroutines left
	}
	var left []string
	for until := time.Now().Add(leakLimit); ; time.Sleep(time.Millisecond) {
		if left = c.goroutines(); len(left) == 0 {
			return
		}
		if time.Now().After(until) {
			break
		}
	}
	c.t.Errorf("clustertest: %d kinds of goroutines are left after Close:\n%s", len(left), strings.Join(left, "\n\n"))
}

// inBubble tells by the clock: inside testing/synctest it starts in 2000.
func inBubble() bool { return time.Now().Year() < 2020 }

// goroutines returns the stacks of this cluster's goroutines that run code of slotmesh.
func (c *Cluster) goroutines() (stacks []string) {
	var b bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&b, 1)
	label := fmt.Sprintf("%q:%q", labelName, c.label)
	for _, stack := range strings.Split(b.String(), "\n\n") {
		if strings.Contains(stack, label) && strings.Contains(stack, "slotmesh/slotmesh") &&
			!strings.Contains(stack, "checkLeaks") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}
