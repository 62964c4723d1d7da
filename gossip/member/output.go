package member

import (
	"context"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

// carryOut does what the core asks for, in the order that Output prescribes.
func (m *Member) carryOut(now time.Time) {
	out := m.core.Output()
	m.events = append(m.events, out.Events...)
	if out.Save != nil && m.narrows(out.Map) {
		// Clients of a deposed master are sent to the new one without waiting for this disk.
		m.publish(out.Map, nil)
		out.Map = nil
	}
	if m.save(now, out.Save) {
		if id := m.core.Cluster(); *m.cluster.Load() != id {
			m.cluster.Store(&id)
		}
		m.incarnation.Store(m.core.Incarnation())
		m.publish(out.Map, m.events)
		for _, e := range m.events {
			if changed, ok := e.(gossip.SlotsChanged); ok {
				m.slotLog.add(m.log, now, changed)
				continue
			}
			logEvent(m.log, e)
		}
		m.slotLog.flush(m.log, now)
		m.events = nil
		m.sendAll(out.Sends)
		m.answerWaiting(nil)
	} else {
		// Not sent, not published, not answered as done: see Member.
		m.answerWaiting(fmt.Errorf("gossip: done, but not saved: %w", m.saveErr))
	}
	m.catchingUp.Store(m.core.AwaitsData())
	limit := m.dialTimeout() // here: Tune may change it, on this goroutine, while a dial goes on
	for _, addr := range out.Dials {
		m.spawn(func() { m.dial(addr, limit) })
	}
	for _, id := range out.Closes {
		if c := m.conns[id]; c != nil {
			delete(m.conns, id)
			c.closeAfterFlush()
		}
	}
}

func (m *Member) publish(view *slots.Map, events []gossip.Event) {
	if view != nil {
		m.current.Store(view)
	}
	if m.cfg.OnOutput != nil && (view != nil || len(events) > 0) {
		m.cfg.OnOutput(view, events)
	}
}

// narrows reports whether view takes slots away from this node and gives it no right that
// it did not have: it relies on nothing that this node has to make durable, for the node
// that took them has done so.
func (m *Member) narrows(view *slots.Map) bool {
	was := m.current.Load()
	if view == nil || was == nil {
		return false
	}
	before, after := was.Self(), view.Self()
	opened := *view.Open()
	if opened.Subtract(was.Open()); !before.HasSlots() || !opened.Empty() || view.State() != was.State() {
		return false
	}
	if !after.HasSlots() {
		return true
	}
	gained, lost := *after.Slots, *before.Slots
	gained.Subtract(before.Slots)
	lost.Subtract(after.Slots)
	return gained.Empty() && !lost.Empty()
}

// sendAll queues messages; one that goes to many links is encoded once.
func (m *Member) sendAll(sends []gossip.Send) {
	var last *gossip.Message
	var bytes []byte
	for _, s := range sends {
		c := m.conns[s.Link]
		if c == nil {
			continue
		}
		if s.Msg != last {
			last = s.Msg
			b, start := frame.Begin(bytes[:0])
			bytes = frame.Finish(gossip.AppendMessage(b, last), start)
		}
		m.bytes.sent.Add(uint64(len(bytes)))
		c.write(bytes)
	}
}

// dialTimeout bounds a dial: a host that swallows packets must not hold a place for long.
// It reads the core, so only the loop may ask.
func (m *Member) dialTimeout() time.Duration { return max(m.core.NodeTimeout()/2, time.Second) }

func (m *Member) dial(addr slots.Addr, limit time.Duration) {
	ctx, cancel := context.WithTimeout(m.ctx, limit)
	conn, err := m.cfg.Dial(ctx, addr)
	cancel()
	if err != nil {
		m.log.Trace("dial failed", "addr", addr, "error", err)
		m.input(func(now time.Time) { m.core.DialFailed(now, addr, err) })
		return
	}
	m.serve(conn, addr)
}
