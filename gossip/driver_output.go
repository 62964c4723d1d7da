package gossip

import (
	"context"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// carryOut does what the core asks for, in the order that Output prescribes.
func (d *Driver) carryOut(now time.Time) {
	out := d.core.Output()
	d.events = append(d.events, out.Events...)
	if out.Save != nil && d.narrows(out.Map) {
		// Clients of a deposed master are sent to the new one without waiting for this disk.
		d.publish(out.Map, nil)
		out.Map = nil
	}
	if d.save(now, out.Save) {
		if id := d.core.cluster; *d.cluster.Load() != id {
			d.cluster.Store(&id)
		}
		d.incarnation.Store(d.core.self.rec.Incarnation)
		d.publish(out.Map, d.events)
		for _, e := range d.events {
			if changed, ok := e.(SlotsChanged); ok {
				d.slotLog.add(d.log, now, changed)
				continue
			}
			logEvent(d.log, e)
		}
		d.slotLog.flush(d.log, now)
		d.events = nil
		d.sendAll(out.Sends)
		d.answerWaiting(nil)
	} else {
		// Not sent, not published, not answered as done: see Driver.
		d.answerWaiting(fmt.Errorf("gossip: done, but not saved: %w", d.saveErr))
	}
	d.catchingUp.Store(d.core.manual != nil)
	limit := d.dialTimeout() // here: Tune may change it, on this goroutine, while a dial goes on
	for _, addr := range out.Dials {
		d.spawn(func() { d.dial(addr, limit) })
	}
	for _, id := range out.Hangs {
		if w := d.wires[id]; w != nil {
			delete(d.wires, id)
			w.closeAfterFlush()
		}
	}
}

func (d *Driver) publish(m *slots.Map, events []Event) {
	if m != nil {
		d.current.Store(m)
	}
	if d.cfg.OnOutput != nil && (m != nil || len(events) > 0) {
		d.cfg.OnOutput(m, events)
	}
}

// narrows reports whether m takes slots away from this node and gives it no right that it
// did not have: it relies on nothing that this node has to make durable, for whoever took
// them has done so.
func (d *Driver) narrows(m *slots.Map) bool {
	was := d.current.Load()
	if m == nil || was == nil {
		return false
	}
	before, after := was.Self(), m.Self()
	opened := *m.Open()
	if opened.Subtract(was.Open()); !before.HasSlots() || !opened.Empty() || m.State() != was.State() {
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

// save makes st durable; false if the core's promises are not.
func (d *Driver) save(now time.Time, st *State) bool {
	if st == nil {
		return true
	}
	if d.saveErr == nil || !now.Before(d.retryAt) {
		err := storage.WriteFile(d.cfg.Disk, d.cfg.File, EncodeState(st))
		switch {
		case err != nil && d.saveErr == nil:
			d.log.Error("the state cannot be saved; this node is silent until it can", "file", d.cfg.File, "error", err)
		case err == nil && d.saveErr != nil:
			d.log.Info("the state is saved again", "file", d.cfg.File)
		}
		d.saveErr, d.retryAt = err, now.Add(tickEvery)
	}
	if d.saveErr != nil {
		d.core.SaveFailed()
		return false
	}
	return true
}

// sendAll queues messages; one that goes to many links is encoded once.
func (d *Driver) sendAll(sends []Send) {
	var last *Message
	var bytes []byte
	for _, s := range sends {
		w := d.wires[s.Link]
		if w == nil {
			continue
		}
		if s.Msg != last {
			last = s.Msg
			b, start := frame.Begin(bytes[:0])
			bytes = frame.Finish(AppendMessage(b, last), start)
		}
		d.bytes.sent.Add(uint64(len(bytes)))
		w.write(bytes)
	}
}

// dialTimeout bounds a dial: a host that swallows packets must not hold a place for
// long. It reads the core, so only the loop may ask.
func (d *Driver) dialTimeout() time.Duration { return max(d.core.cfg.NodeTimeout/2, time.Second) }

func (d *Driver) dial(addr slots.Addr, limit time.Duration) {
	ctx, cancel := context.WithTimeout(d.ctx, limit)
	conn, err := d.cfg.Dial(ctx, addr)
	cancel()
	if err != nil {
		d.log.Trace("dial failed", "addr", addr, "error", err)
		d.input(func(now time.Time) { d.core.DialFailed(now, addr, err) })
		return
	}
	d.serve(conn, addr)
}

// logEvent is the log's view of what happens, but for slots: see slotLog.
func logEvent(log logger, e Event) {
	switch e := e.(type) {
	case NodeAdded:
		log.Info("node joined", "node", e.Node)
	case NodeRemoved:
		log.Info("node forgotten", "node", e.Node)
	case HealthChanged:
		if e.Now == slots.Failed {
			log.Warn("node failed: a majority of the masters agreed", "node", e.Node)
		} else {
			log.Info("node health changed", "node", e.Node, "was", e.Was, "now", e.Now)
		}
	case AddrChanged:
		log.Info("node is reached elsewhere", "node", e.Node, "was", e.Was, "now", e.Now)
	case StateChanged:
		log.Info("cluster state changed", "state", e.Now, "reason", e.Reason)
	case RoleChanged:
		log.Info("role changed", "node", e.Node, "master", e.Master)
	case ElectionStarted:
		log.Info("asking for votes", "master", e.Master, "epoch", e.Epoch, "manual", e.Manual)
	case ElectionLost:
		log.Warn("election lost", "epoch", e.Epoch, "reason", e.Reason)
	case HandOverAsked:
		log.Info("the master ends, taking over", "master", e.By)
	case WritesPaused:
		log.Info("writes paused for a failover", "to", e.For, "until", e.Until)
	case WritesResumed:
		log.Info("writes resumed")
	case FailoverAborted:
		log.Warn("failover called off", "reason", e.Reason)
	case EpochChanged:
		log.Info("config epoch changed", "epoch", e.ConfigEpoch, "reason", e.Reason)
	case Fenced:
		logFence(log, e)
	case MeetFailed:
		log.Error("meeting a node failed", "addr", e.Addr, "error", e.Err)
	case Expelled:
		log.Error("the cluster forgot this node; MEET it again to let it in", "by", e.By)
	case Warning:
		log.Warn(e.Text, "node", e.Node)
	}
}

// logger is the part of hclog.Logger that events use.
type logger interface {
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}
