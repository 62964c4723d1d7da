package server

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{Cluster: newFakeCluster(), Debug: ForEveryone})
		admin, client := resp.NewConn(dial()), resp.NewConn(dial())
		expect(t, client, "SET k 1", "+OK")
		wait := func(line, want string, d time.Duration) {
			t.Helper()
			began := time.Now()
			expect(t, client, line, want)
			if took := time.Since(began); took != d {
				t.Errorf("%s took %v, want %v", line, took, d)
			}
		}
		expect(t, admin, "CLIENT PAUSE 3000 WRITE", "+OK")
		wait("GET k", `"1"`, 0)
		wait("INCR k", ":2", 3*time.Second)
		expect(t, admin, "CLIENT PAUSE 3000 ALL", "+OK")
		wait("GET k", `"2"`, 3*time.Second)
		expect(t, admin, "CLIENT PAUSE 3000 WRITE", "+OK")
		expect(t, client, "MULTI", "+OK")
		wait("GET k", "+QUEUED", 0)
		wait("INCR k", "+QUEUED", 3*time.Second)
		wait("EXEC", `["2", :3]`, 0)
		// A longer pause replaces a shorter one, not the other way round.
		expect(t, admin, "CLIENT PAUSE 5000 WRITE", "+OK")
		srv.Pause(time.Second, true)
		wait("INCR k", ":4", 5*time.Second)
		// An end before its time.
		srv.Pause(time.Hour, false)
		time.AfterFunc(2*time.Second, srv.Unpause)
		wait("GET k", `"4"`, 2*time.Second)
		expect(t, admin, "CLIENT PAUSE 100000", "+OK")
		expect(t, admin, "CLIENT UNPAUSE", "+OK")
		wait("GET k", `"4"`, 0)
		expect(t, admin, "DEBUG SLEEP 1.5", "+OK")
		wait("GET k", `"4"`, 0)
		// Close does not wait for a pause.
		srv.Pause(time.Hour, false)
		go client.Do("GET", "k")
		synctest.Wait()
		srv.Close()
		srv.Unpause()
	})
}

// A pause so short that it is over before Pause has returned once stayed in force for ever,
// with every client spinning in wait of its end.
func TestShortestPauseEnds(t *testing.T) {
	srv := startServer(t, Config{Debug: ForEveryone})
	c := connect(t, srv)
	for range 10_000 {
		srv.Pause(time.Nanosecond, false)
		if p := srv.paused.Load(); p != nil {
			if <-p.over; srv.paused.Load() == p {
				t.Fatal("a pause is in force after its end")
			}
		}
	}
	expect(t, c, "DEBUG SLEEP 0", "+OK")
	expect(t, c, "DEBUG SLEEP nan", "+OK")
	expect(t, c, "PING", "+PONG")
}
