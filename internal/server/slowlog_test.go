package server

import (
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func TestSlowLogLength(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{SlowAfter: 1, SlowLen: 3}})
	c := connect(t, srv)
	for range 5 {
		do(t, c, "PING")
	}
	expect(t, c, "SLOWLOG LEN", ":3")
	srv.SetLimits(Limits{SlowAfter: 1, SlowLen: 2})
	if list := srv.SlowLog(); len(list) != 2 || list[0].ID != 5 || list[0].Args[0] != "SLOWLOG" || list[1].ID != 4 {
		t.Errorf("after slowlog-max-len 2: %+v", list)
	}
	srv.SetLimits(Limits{SlowAfter: -1})
	expect(t, c, "SLOWLOG RESET", "+OK")
	do(t, c, "PING")
	expect(t, c, "SLOWLOG LEN", ":0")
}

// With the default, only commands of 10 ms are shown.
func TestSlowLogOfSlowCommands(t *testing.T) {
	srv := startServer(t, Config{Debug: ForEveryone})
	c := connect(t, srv)
	do(t, c, "PING")
	expect(t, c, "DEBUG SLEEP 0.02", "+OK")
	expect(t, c, "KEYS *", "[]")
	list := srv.SlowLog()
	if len(list) != 1 || strings.Join(list[0].Args, " ") != "DEBUG SLEEP 0.02" || list[0].Took < 20*time.Millisecond {
		t.Errorf("the log has %+v", list)
	}
}

// What a command waits for the slot's lock is not its own time.
func TestSlowLogLeavesOutTheWaitForTheLock(t *testing.T) {
	srv := startServer(t, Config{})
	c := connect(t, srv)
	store := srv.engine.Store()
	locked, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		store.Update(slots.Slot(0), func(*keyspace.Tx) error {
			close(locked)
			<-time.After(30 * time.Millisecond)
			return nil
		})
	}()
	<-locked
	began := time.Now()
	expect(t, c, "LRANGE list 0 -1", "[]")
	if waited := time.Since(began); waited < 20*time.Millisecond {
		t.Fatalf("it did not wait: %v", waited)
	}
	<-done
	if list := srv.SlowLog(); len(list) != 0 {
		t.Errorf("the log has %+v", list)
	}
}

// A command that is redirected has not been called.
func TestStatsOfRedirectedCommands(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	cluster.publish(slots.Set{})
	c := connect(t, srv)
	if got := do(t, c, "GET a"); !strings.HasPrefix(got, "-CLUSTERDOWN") {
		t.Fatalf("GET: %s", got)
	}
	for _, s := range srv.CommandStats() {
		if s.Name == "get" && (s.Calls != 0 || s.Failed != 0 || s.Rejected != 1) {
			t.Errorf("%+v", s)
		}
	}
}
