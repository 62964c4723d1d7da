package server

import (
	"maps"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/slots"
)

// services is the server as commands see it: see [commands.Server].
type services struct{ s *Server }

func (v services) Loading() bool                { return v.s.Loading() }
func (v services) Endpoint() slots.EndpointType { return v.s.limits.Load().Endpoint }
func (v services) AwaitUnpause() bool           { return v.s.awaitUnpause() }
func (v services) WritesPaused() bool           { return v.s.modes.Load()&modePaused != 0 }
func (v services) Go(f func())                  { v.s.wg.Go(f) }

func (v services) Clear(by commands.Client, drop func() error) error {
	s, _ := by.(*session)
	return v.s.tracker.clear(s, drop)
}

func (v services) Pause(d time.Duration, writesOnly bool) { v.s.Pause(d, writesOnly) }

func (v services) Clients() commands.Clients {
	c := commands.Clients{Connected: v.s.Clients(), Max: v.s.limits.Load().MaxClients,
		Blocked: max(0, int(v.s.waiting.Load())), Timed: max(0, int(v.s.timed.Load()))}
	c.Tracking = int(v.s.tracker.clients.Load())
	for _, ss := range v.s.clients() {
		if ss.hasFlag(clientPubsub) {
			c.Pubsub++
		}
		c.LongestQuery = max(c.LongestQuery, int(ss.shared.buffer.Load()))
		c.LongestReply = max(c.LongestReply, ss.output.pending())
		if ss.hasFlag(clientReplica) {
			c.FollowerBytes += ss.memory()
		} else {
			c.Bytes += ss.memory()
		}
	}
	return c
}

func (v services) CommandStats() []commands.CommandStats { return v.s.CommandStats() }

func (v services) Stats() commands.Stats {
	st, tracker := v.s.stats, &v.s.tracker
	in, out := st.network()
	st.mu.Lock()
	failures := st.total
	st.mu.Unlock()
	scripts, scriptBytes := v.s.scripts.size()
	return commands.Stats{
		Connections: st.conns.Load(), Rejected: st.rejectedConns.Load(), CutOff: st.cutOff.Load(),
		Commands: st.commandsProcessed(),
		Rate:     st.rate.Load(), NetIn: in, NetOut: out, ErrorReplies: failures,
		TrackedKeys: tracker.table.keys.Load(), TrackedItems: tracker.table.items.Load(),
		TrackedPrefixes: int64(tracker.broadcasts.count()), TrackedBytes: tracker.table.bytes.Load(),
		PeakMemory: v.s.notePeak(), Scripts: scripts, ScriptBytes: scriptBytes,
		RateIn: st.rateIn.Load(), RateOut: st.rateOut.Load(),
	}
}

func (v services) Errors() map[string]int64 {
	v.s.stats.mu.Lock()
	defer v.s.stats.mu.Unlock()
	return maps.Clone(v.s.stats.errors)
}

func (v services) ResetStats() { v.s.stats.reset() }
