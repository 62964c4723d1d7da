package slotmesh_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/script"
	"github.com/slotmesh/slotmesh/slots"
)

// TestEval: every node runs scripts on all keys, its Local on its own, and a script calls
// commands of the host as it calls those of Redis.
func TestEval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withCommands(t, clustertest.Config{Masters: 3})
		push := script.NewScript(`
			redis.call("set", KEYS[2], "old")
			local n = redis.call("PUSH", KEYS[1], ARGV[1], ARGV[2])
			return {n, redis.call("words", KEYS[1]), redis.call("MOVEALL", KEYS[2], KEYS[3])}`)
		keys := []string{"{k}words", "{k}from", "{k}to"}
		pushed := int64(0)
		check := func(got any, err error) {
			t.Helper()
			pushed += 2
			if words, ok := got.([]any); err != nil || !ok || words[0] != pushed || words[2] != "MOVED-ALL" {
				t.Errorf("want %d words: %v, %v", pushed, got, err)
			}
		}
		for _, n := range c.Nodes() {
			check(n.Eval(t.Context(), push, keys, "a", "b"))
			got, err := n.Local().Eval(t.Context(), push, keys, "c", 1)
			if n.Map().IsMine(slots.OfString(keys[0])) {
				check(got, err)
			} else if moved := (*slots.MovedError)(nil); !errors.As(err, &moved) {
				t.Errorf("locally at %s, which does not own the keys: %v", n.ID(), err)
			}
		}
		refused := script.NewScript(`return {redis.pcall("MOVEALL", KEYS[1], KEYS[2]).err, redis.call("get", KEYS[2])}`)
		got, err := c.Node(0).Router().Eval(t.Context(), refused, []string{"{k}nothing", "{k}to"})
		if want := []any{[]byte("EMPTY there is nothing to move"), []byte("")}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("a command that fails: %q, %v", got, err)
		}
	})
}

// TestEvalWithoutEngine: a host that gives its nodes no engine refuses scripts.
func TestEvalWithoutEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1,
			Node: func(_ int, cfg *slotmesh.Config) { cfg.Scripts = nil }})
		var reply client.ReplyError
		if _, err := c.Node(0).Eval(t.Context(), script.NewScript("return 1"), nil); !errors.As(err, &reply) {
			t.Errorf("without an engine: %v", err)
		}
	})
}

// TestScriptsRunAtTheSameTime: scripts on different slots of a node are in the middle at one
// moment. Each waits there for all others.
func TestScriptsRunAtTheSameTime(t *testing.T) {
	const scripts = 8
	var inside atomic.Int32
	all := make(chan struct{})
	wait := func(slotmesh.Tx, []string) (any, error) {
		if inside.Add(1) == scripts {
			close(all)
		}
		select {
		case <-all:
			return nil, nil
		case <-time.After(time.Minute):
			return nil, errors.New("the other scripts do not run")
		}
	}
	c := clustertest.Start(t, clustertest.Config{Masters: 1, Prepare: func(_ int, n *slotmesh.Node) {
		if err := n.Handle("WAITFORALL", slotmesh.CommandSpec{Write: true, Arity: 2}, wait); err != nil {
			t.Fatal(err)
		}
	}})
	s := script.NewScript(`redis.call("waitforall", KEYS[1])`)
	var wg sync.WaitGroup
	for i := range scripts {
		wg.Go(func() {
			if _, err := c.Node(0).Local().Eval(t.Context(), s, []string{fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
