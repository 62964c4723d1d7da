package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// monitorAt is a monitor of what takes 5 ms, and the seconds of its clock.
func monitorAt(second *int64) *latencyMonitor {
	m := &latencyMonitor{now: func() time.Time { return time.Unix(*second, 0) }}
	m.threshold.Store(int64(5 * time.Millisecond))
	return m
}

func TestLatencyMonitorKeepsTheWorstOfEachSecond(t *testing.T) {
	second := int64(100)
	m := monitorAt(&second)
	for _, ms := range []time.Duration{4, 5, 9, 7} {
		m.add("command", ms*time.Millisecond)
	}
	second = 103
	m.add("command", 6*time.Millisecond)
	m.add("aof-write", 8*time.Millisecond)
	list := m.All()
	if len(list) != 2 || list[0].Event != "aof-write" || list[1].Event != "command" {
		t.Fatalf("events %v", list)
	}
	want := []commands.LatencySample{{At: time.Unix(100, 0), Took: 9 * time.Millisecond},
		{At: time.Unix(103, 0), Took: 6 * time.Millisecond}}
	if s := list[1]; s.Max != 9*time.Millisecond || !slices.Equal(s.Samples, want) {
		t.Errorf("%+v, want the samples %v", s, want)
	}
	for range latencySamples {
		second++
		m.add("command", 6*time.Millisecond)
	}
	if s, _ := m.Series("command"); len(s.Samples) != latencySamples || s.Max != 9*time.Millisecond ||
		s.Samples[0].At.Unix() != 104 {
		t.Errorf("%d samples from %v on, the worst %v", len(s.Samples), s.Samples[0].At, s.Max)
	}
	if n := m.Reset("command", "nosuch"); n != 1 || len(m.All()) != 1 {
		t.Errorf("Reset forgot %d events, %d are left", n, len(m.All()))
	}
	if n := m.Reset(); n != 1 || len(m.All()) != 0 {
		t.Errorf("Reset of all forgot %d events", n)
	}
}

func TestLatencyMonitorThatIsOff(t *testing.T) {
	second := int64(100)
	m := monitorAt(&second)
	m.threshold.Store(0)
	m.add("command", time.Hour)
	if n := len(m.All()); n != 0 {
		t.Errorf("%d events", n)
	}
}

// The graph is that of redis-server 7.0.15 for the same samples.
func TestLatencyGraph(t *testing.T) {
	now := time.Unix(1000, 0)
	srv := startServer(t, Config{Now: func() time.Time { return now }, Limits: Limits{MonitorFrom: time.Millisecond}})
	srv.latency.now = func() time.Time { return now.Add(-10 * time.Minute) }
	srv.RecordLatency("expire-cycle", 22*time.Millisecond)
	srv.latency.now = func() time.Time { return now }
	srv.RecordLatency("expire-cycle", 10*time.Millisecond)
	reply, err := connect(t, srv).Do("LATENCY", "GRAPH", "expire-cycle")
	want := "expire-cycle - high 22 ms, low 10 ms (all time high 22 ms)\n" + strings.Repeat("-", 80) +
		"\n# \n| \n| \n|_\n  \n10\n0s\nm \n"
	if err != nil || string(reply.Str) != want {
		t.Errorf("got\n%s\nwant\n%s", reply.Str, want)
	}
}

func TestLatencyOfCommands(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{MonitorFrom: 1}, Debug: ForEveryone})
	c := connect(t, srv)
	expect(t, c, "LATENCY DOCTOR", `"Nothing took 1ns or longer.\n"`)
	expect(t, c, "GET a", "nil")
	reply, err := c.Do("LATENCY", "LATEST")
	if err != nil || len(reply.Elems) != 2 || string(reply.Elems[0].Elems[0].Str) != "command" ||
		string(reply.Elems[1].Elems[0].Str) != "fast-command" {
		t.Errorf("LATENCY LATEST: %s, %v", render(reply), err)
	}
	got := do(t, c, "LATENCY DOCTOR")
	if !strings.Contains(got, "1. command: ") || !strings.Contains(got, "2. fast-command: ") {
		t.Errorf("LATENCY DOCTOR: %s", got)
	}
	expect(t, c, "LATENCY RESET fast-command nosuch", ":1")
}
