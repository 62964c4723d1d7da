package clustertest_test

import (
	"maps"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/memnet"
)

// What an idle node runs is this and nothing else, by the package of its outermost function:
// "Goroutines of a node" in docs/architecture.md says what each is for. Whatever else looks
// into a node, or balances a cluster, runs only where somebody has asked for it.
func TestGoroutinesOfAnIdleNode(t *testing.T) {
	t.Run("standalone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			before := running()
			node, err := slotmesh.New(slotmesh.Config{Standalone: true, Network: memnet.New().Host("10.0.0.1")})
			if err != nil {
				t.Fatal(err)
			}
			if err := node.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer node.Close()
			sameGoroutines(t, before, map[string]int{
				".":               2, // housekeeping, the listener of clients
				"internal/server": 1, // looks after idle clients
			})
		})
	})
	t.Run("cluster of three", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			before := running()
			clustertest.Start(t, clustertest.Config{Masters: 3})
			time.Sleep(time.Minute)
			sameGoroutines(t, before, map[string]int{
				".":                3 * 2,
				"internal/server":  3 * 1,
				"gossip/member":    3 * 3, // the loop, one for each of two connections
				"internal/bus":     3 * 1, // the listener
				"internal/shard":   3 * 1, // the pauser
				"migrate/migrator": 3 * 1, // the look-out
				"internal/events":  3 * 1, // Config.OnEvent of clustertest,
				"clustertest":      3 * 1, // which watches each node
			})
		})
	})
}

// sameGoroutines compares what runs, beyond what ran before, with want.
func sameGoroutines(t *testing.T, before, want map[string]int) {
	t.Helper()
	synctest.Wait()
	now := running()
	for name, n := range before {
		if now[name] -= n; now[name] == 0 {
			delete(now, name)
		}
	}
	if !maps.Equal(now, want) {
		t.Errorf("an idle node's goroutines: %v, want %v", now, want)
	}
}

// call is a line of a stack with a function of this module, after its package.
var call = regexp.MustCompile(`(?m)^github\.com/slotmesh/slotmesh(?:/([\w/]+))?\.`)

// running returns the packages of the outermost functions of this module that goroutines
// run, with how many do. The goroutines of tests are not among them.
func running() map[string]int {
	b := make([]byte, 4<<20)
	b = b[:runtime.Stack(b, true)]
	all := make(map[string]int)
	for _, stack := range strings.Split(string(b), "\n\n") {
		stack, _, _ = strings.Cut(stack, "created by")
		calls := call.FindAllStringSubmatch(stack, -1)
		if len(calls) == 0 || strings.Contains(stack, "clustertest_test.") {
			continue
		}
		name := calls[len(calls)-1][1]
		if name == "" {
			name = "."
		}
		all[name]++
	}
	return all
}
