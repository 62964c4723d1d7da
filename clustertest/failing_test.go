package clustertest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/clustertest"
)

// failing is a test that fails where the test that it stands in for does not.
type failing struct {
	testing.TB
	failed   bool
	fatal    string // the text of the last Fatalf
	log      string
	cleanups []func()
}

func (f *failing) Helper()           {}
func (f *failing) Failed() bool      { return f.failed }
func (f *failing) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *failing) Log(args ...any)   { f.log += fmt.Sprintln(args...) }

func (f *failing) Fatalf(format string, args ...any) {
	f.failed, f.fatal = true, fmt.Sprintf(format, args...)
	f.TB.Log("the cluster's test fails: ", f.fatal)
	runtime.Goexit()
}

func (f *failing) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

// fatalOf returns what fn fails the test with, "" if it does not.
func (f *failing) fatalOf(fn func()) string {
	f.fatal = ""
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
	return f.fatal
}

func (f *failing) end() {
	for _, fn := range f.cleanups {
		fn()
	}
}

// What is done to a node that is not there fails the test, and says so.
func TestNodeThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{TB: t}
		c := clustertest.Start(f, clustertest.Config{Masters: 3})
		defer f.end()
		for name, fn := range map[string]func(i int){
			"Node": func(i int) { c.Node(i) }, "Kill": c.Kill, "Stop": c.Stop,
			"Restart": c.Restart, "Pause": c.Pause, "Resume": c.Resume,
			"Partition": func(i int) { c.Partition([]int{0}, []int{1, i}) }, "Drop": func(i int) { c.Drop(0, i) },
			"Reset": func(i int) { c.Reset(i, 0) }, "DelayBetween": func(i int) { c.DelayBetween(0, i, time.Second) },
			"Skew": func(i int) { c.Skew(i, time.Second) },
		} {
			for _, i := range []int{-1, 3} {
				want := fmt.Sprintf("clustertest: there is no node %d: the cluster has nodes 0 to 2", i)
				if got := f.fatalOf(func() { fn(i) }); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		}
		c.Kill(1)
		for name, fn := range map[string]func(i int){"Node": func(i int) { c.Node(i) }, "Kill": c.Kill, "Stop": c.Stop} {
			if got := f.fatalOf(func() { fn(1) }); got != "clustertest: "+name+"(1): node 1 is dead: Restart it first" {
				t.Errorf("%s: %q", name, got)
			}
		}
		if got := f.fatalOf(func() { c.Restart(1) }); got != "" || c.Node(1) == nil {
			t.Errorf("Restart of a dead node: %q", got)
		}
	})
}

// The log of a test that failed names nodes as the test does, and shows a view that
// several have once.
func TestStoryNamesNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{TB: t}
		c := clustertest.Start(f, clustertest.Config{Masters: 3, Replicas: 1})
		id := c.Node(1).ID()
		c.Kill(1)
		c.WaitStable()
		c.Pause(2)
		time.Sleep(time.Minute)
		f.failed = true
		f.end()
		for _, part := range []string{
			"the test: Kill node 1\n", "the test: Pause node 2\n", "gossip.HealthChanged{Node:node 1 Was:suspected Now:failed}",
			"gossip.RoleChanged{Node:node 4 Master:none}",
			"\nnode 1 is dead\n", "\nnodes 0, 3, 4, 5 see a cluster that is ok:\n", "\nnode 2 sees a cluster that is fail:\n",
			"\tnode 3 (", ") replica of node 0 epoch 1 online\n",
		} {
			if !strings.Contains(f.log, part) {
				t.Errorf("it does not say %q", part)
			}
		}
		if strings.Contains(f.log, id.String()) {
			t.Errorf("it names node 1 by its id")
		}
		if n := strings.Count(f.log, "\tnode 0 ("); n != 2 {
			t.Errorf("it shows %d views", n)
		}
		if t.Failed() {
			t.Log(f.log)
		}
	})
}
