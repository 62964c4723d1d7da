package server

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestScriptMeetsAKeyInFlight: a script that turns out to write a key in flight waits for
// its end and then runs from the beginning, as if it had not run before; one that has
// named it waits first.
func TestScriptMeetsAKeyInFlight(t *testing.T) {
	for name, script := range map[string][]string{
		"named":     {"EVAL", "incr {a}1\nincr {a}2", "2", "{a}1", "{a}2"},
		"not named": {"EVAL", "incr {a}1\nincr {a}2", "1", "{a}1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, c := withScripts(t, Config{Cluster: newFakeCluster()})
				ask(t, c, "MSET", "{a}1", "1", "{a}2", "1")
				other, slot := connect(t, srv), slots.OfString("{a}")
				e := srv.engine
				e.Store().View(slot, func(*keyspace.Tx) error {
					e.Freeze(slot, 1, []byte("{a}2"))
					return nil
				})
				time.AfterFunc(time.Second, func() { e.Commit(slot, 1, nil, nil) })
				began := time.Now()
				done := make(chan string)
				go func() { done <- ask(t, c, script...) }()
				synctest.Wait()
				if got := ask(t, other, "GET", "{a}1"); got != "1" {
					t.Errorf("while the script waits its first write shows: %s", got)
				}
				if got := <-done; got != "2" || time.Since(began) != time.Second {
					t.Errorf("%s after %v", got, time.Since(began))
				}
				if got := ask(t, other, "GET", "{a}1"); got != "2" {
					t.Errorf("the script ran more than once: %s", got)
				}
			})
		})
	}
}

// TestScriptsInOpenSlots: keys that a script names are routed as those of any command;
// further ones must be here.
func TestScriptsInOpenSlots(t *testing.T) {
	cluster := newFakeCluster()
	_, c := withScripts(t, Config{Cluster: cluster})
	ask(t, c, "SET", "{a}1", "x")
	theirs := slots.NewSet(slots.OfString("b"))
	cluster.joinPeer(theirs)
	slot := slots.OfString("{a}")
	cluster.SetSlot(t.Context(), slot, SlotMigrating, peerID)
	for _, step := range []struct {
		line []string
		want string
	}{
		{[]string{"EVAL", "get {a}1", "1", "{a}1"}, "x"},
		{[]string{"EVAL", "get {a}1", "1", "{a}2"}, "ASK 15495 10.0.0.2:7002"},
		{[]string{"EVAL", "get {a}1", "2", "{a}1", "{a}2"}, "TRYAGAIN Multiple keys request during rehashing of slot"},
		{[]string{"EVAL", "get {a}1\nget {a}2", "1", "{a}1"},
			"ERR Script attempted to access a non local key in a cluster node"},
		{[]string{"EVAL", "get {a}2", "0"}, "ERR Script attempted to access a non local key in a cluster node"},
		{[]string{"EVAL", "get b", "0"}, "ERR Script attempted to access a non local key in a cluster node"},
		{[]string{"EVAL", "get {a}1\nget b", "1", "{a}1"},
			"ERR Script attempted to access a non local key in a cluster node"},
		{[]string{"EVAL", "get b", "1", "b"}, "MOVED 3300 10.0.0.2:7002"},
		{[]string{"EVAL", "get b\nget {a}1", "0"}, "x"}, // the first has failed, but it took no slot
		{[]string{"EVALSHA", "0000000000000000000000000000000000000000", "1", "b"}, "MOVED 3300 10.0.0.2:7002"},
	} {
		if got := ask(t, c, step.line...); got != step.want {
			t.Errorf("%q:\n got %s\nwant %s", step.line, got, step.want)
		}
	}
}
