package server

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// latencyMonitor keeps what took long, for LATENCY: for each kind of event its worst
// time in each of the last seconds in which there was one.
type latencyMonitor struct {
	threshold atomic.Int64 // what takes less is not kept; 0: nothing is
	now       func() time.Time

	mu     sync.Mutex // guards what follows
	series map[string]*commands.LatencySeries
}

// latencySamples is how many seconds of an event are kept.
const latencySamples = 160

// The events of commands.
const (
	eventCommand     = "command"
	eventFastCommand = "fast-command"
	eventUnblocking  = "command-unblocking"
)

// Threshold returns the shortest time that is kept, 0 if nothing is.
func (m *latencyMonitor) Threshold() time.Duration { return time.Duration(m.threshold.Load()) }

// add keeps a time if it is long enough.
func (m *latencyMonitor) add(event string, took time.Duration) {
	threshold := m.Threshold()
	if threshold == 0 || took < threshold {
		return
	}
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series[event]
	if s == nil {
		if m.series == nil {
			m.series = make(map[string]*commands.LatencySeries)
		}
		s = &commands.LatencySeries{Event: event}
		m.series[event] = s
	}
	s.Max = max(s.Max, took)
	if n := len(s.Samples); n > 0 && s.Samples[n-1].At.Unix() == now.Unix() {
		s.Samples[n-1].Took = max(s.Samples[n-1].Took, took)
		return
	}
	if len(s.Samples) == latencySamples {
		s.Samples = slices.Delete(s.Samples, 0, 1)
	}
	s.Samples = append(s.Samples, commands.LatencySample{At: now, Took: took})
}

// All returns the events that there are, by name.
func (m *latencyMonitor) All() (list []commands.LatencySeries) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, event := range slices.Sorted(maps.Keys(m.series)) {
		list = append(list, m.copyLocked(event))
	}
	return list
}

// Series returns one event; ok is false if there is none of that name.
func (m *latencyMonitor) Series(event string) (s commands.LatencySeries, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.series[event] == nil {
		return commands.LatencySeries{}, false
	}
	return m.copyLocked(event), true
}

func (m *latencyMonitor) copyLocked(event string) commands.LatencySeries {
	s := *m.series[event]
	s.Samples = slices.Clone(s.Samples)
	return s
}

// Reset forgets some events, or all if none is named, and returns how many there were.
func (m *latencyMonitor) Reset(events ...string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(events) == 0 {
		n = len(m.series)
		m.series = nil
	}
	for _, event := range events {
		if m.series[event] != nil {
			delete(m.series, event)
			n++
		}
	}
	return n
}

// RecordLatency tells LATENCY what something of the node took that is no command.
func (s *Server) RecordLatency(event string, took time.Duration) { s.latency.add(event, took) }

// WatchesLatency reports whether RecordLatency keeps anything.
func (s *Server) WatchesLatency() bool { return s.latency.threshold.Load() != 0 }
