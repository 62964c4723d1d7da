package member

import (
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// Map returns the present view.
func (m *Member) Map() *slots.Map { return m.current.Load() }

// Cluster returns the id of the cluster, zero before one is founded.
func (m *Member) Cluster() gossip.ClusterID { return *m.cluster.Load() }

// Links returns how many connections to peers there are, of both directions.
func (m *Member) Links() int { return int(m.links.Load()) }

// Incarnation returns the number of this start of the node: it is greater than that of
// any earlier start.
func (m *Member) Incarnation() uint64 { return m.incarnation.Load() }

// Peers returns what is known of the other nodes beside the Map.
func (m *Member) Peers() (list []gossip.Peer) {
	m.inspect(func() { list = m.core.Peers() })
	return list
}

// MeetErr returns why a Meet that is under way has not succeeded yet, nil if nothing
// speaks against it so far.
func (m *Member) MeetErr(addr slots.Addr) (err error) {
	m.inspect(func() { err = m.core.MeetErr(addr) })
	return err
}

// Stats returns the message counters.
func (m *Member) Stats() (st gossip.Stats) {
	m.inspect(func() { st = m.core.Stats() })
	st.BytesSent, st.BytesReceived = m.bytes.sent.Load(), m.bytes.received.Load()
	return st
}

// inspect runs f while nothing else touches the core.
func (m *Member) inspect(f func()) {
	m.mu.Lock()
	if !m.started && !m.closed {
		f()
		m.mu.Unlock()
		return
	}
	m.mu.Unlock()
	done := make(chan struct{})
	if m.input(func(time.Time) { f(); close(done) }) {
		select {
		case <-done:
			return
		case <-m.done:
		}
	}
	<-m.done
	select {
	case <-done: // just made it
	default:
		if !m.broken.Load() {
			f()
		}
	}
}
