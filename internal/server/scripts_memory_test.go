package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
)

// TestScriptsWhenMemoryIsShort: what a script may do then follows from its flags and from
// what it has done, as in Redis.
func TestScriptsWhenMemoryIsShort(t *testing.T) {
	store := keyspace.New(keyspace.Config{})
	srv, c := withScripts(t, Config{Engine: engine.New(store), Cluster: newFakeCluster()})
	ask(t, c, "MSET", "{a}1", "x", "{a}2", strings.Repeat("y", 10_000))
	store.SetMaxMemory(1000)
	const oom = "OOM command not allowed when used memory > 'maxmemory'."
	for _, step := range []struct {
		line []string
		want string
	}{
		{[]string{"EVAL", "get {a}1", "1", "{a}1"}, "x"},
		{[]string{"EVAL", "set {a}3 x", "1", "{a}3"}, oom},
		{[]string{"EVAL", "set {a}3 x\nset {a}4 x", "0"}, oom},
		{[]string{"EVAL", "del {a}1\nset {a}3 x", "1", "{a}3"}, "OK"}, // it has begun to write
		{[]string{"EVAL", "#!call\nget {a}3", "1", "{a}3"}, string(errShort)},
		{[]string{"EVAL", "#!call\nget {a}3", "0"}, string(errShort)},
		{[]string{"EVAL", "#!call flags=no-writes\nget {a}3", "1", "{a}3"}, "x"},
		{[]string{"EVAL", "#!call flags=allow-oom\nset {a}5 x", "1", "{a}3"}, "OK"},
		{[]string{"SET", "{a}6", "x"}, oom},
	} {
		if got := ask(t, c, step.line...); got != step.want {
			t.Errorf("%q:\n got %s\nwant %s", step.line, got, step.want)
		}
	}
	store.SetMaxMemory(0)
	srv.engine.SetVeto(func() error { return errors.New("NOREPLICAS Not enough good replicas to write.") })
	for _, step := range []struct {
		line []string
		want string
	}{
		{[]string{"EVAL", "get {a}3", "1", "{a}3"}, "x"},
		{[]string{"EVAL", "set {a}3 y", "1", "{a}3"}, "NOREPLICAS Not enough good replicas to write."},
		{[]string{"EVAL", "#!call\nget {a}3", "1", "{a}3"}, "NOREPLICAS Not enough good replicas to write."},
		{[]string{"EVAL", "#!call flags=no-writes\nget {a}3", "1", "{a}3"}, "x"},
	} {
		if got := ask(t, c, step.line...); got != step.want {
			t.Errorf("%q:\n got %s\nwant %s", step.line, got, step.want)
		}
	}
}
