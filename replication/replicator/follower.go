package replicator

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// follower is the replica's end: it connects to one master, and again when the link ends.
type follower struct {
	r      *Replicator
	id     slots.NodeID // of the master
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when nothing is carried out any more
	nudge  chan struct{} // ends the pause between attempts

	// Guarded by r.mu.
	master   slots.Node
	conn     net.Conn
	state    LinkState
	goal     int64 // the master's offset when the link was made
	down     time.Time
	progress replication.Progress

	fresh  *freshness
	heard  atomic.Int64 // Replicator.clock at the last message, 0 if never
	offset atomic.Int64 // the master's, as heard
}

// The pause between attempts to connect doubles from the least to the greatest.
const (
	minPause = 50 * time.Millisecond
	maxPause = time.Second
)

func newFollower(r *Replicator, master slots.Node) *follower {
	p := &follower{r: r, id: master.ID, master: master, state: LinkConnect, down: time.Now(), done: make(chan struct{}),
		nudge: make(chan struct{}, 1)}
	p.fresh = newFreshness()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// retry makes the next attempt now, at the address that is known now.
func (p *follower) retry() {
	if p.conn != nil {
		p.conn.Close()
	}
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}

func (p *follower) run() {
	defer close(p.done)
	pause, told := minPause, "" // told is the last error that was reported: once is enough
	for p.ctx.Err() == nil {
		linked, err := p.attempt()
		p.set(func() { p.state, p.conn = LinkConnect, nil })
		if p.ctx.Err() != nil {
			return
		}
		if linked {
			pause = minPause
		}
		if text := err.Error(); linked || text != told {
			told = text
			p.r.log.Info("no link to the master, trying on", "master", p.id.Short(), "error", err)
			p.r.cfg.OnEvent(replication.LinkLost{Master: p.id, Err: err})
		}
		t := time.NewTimer(jitter(pause))
		select {
		case <-t.C:
		case <-p.nudge:
		case <-p.ctx.Done():
		}
		t.Stop()
		pause = min(2*pause, maxPause)
	}
}

// set changes what is guarded by r.mu.
func (p *follower) set(change func()) {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	was := p.state
	change()
	if was == LinkConnected && p.state != LinkConnected {
		p.down = time.Now()
	}
	p.r.notifyLocked()
}

// attempt connects and follows until the link ends. linked says whether the data was the
// master's at some time.
func (p *follower) attempt() (linked bool, err error) {
	p.set(func() { p.state = LinkHandshake })
	conn, err := p.dial()
	if err != nil {
		return false, err
	}
	defer conn.Close()
	defer context.AfterFunc(p.ctx, func() { conn.Close() })()
	p.set(func() { p.conn = conn })
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	l := &followerLink{p: p, conn: conn, ctx: ctx, ask: make(chan struct{}, 1), began: time.Now()}
	l.held.Store(-1)
	l.in = replication.NewApplier(p.r.cfg.Store, followedLog{p.r.cfg.Log})
	if err := l.hello(); err != nil {
		return false, err
	}
	gone := make(chan struct{})
	acks := make(chan struct{})
	go func() {
		defer guard.Recover("replication", p.r.cfg.OnPanic)
		defer close(acks)
		if err := l.sendAcks(gone); err != nil {
			conn.Close()
		}
	}()
	defer func() { <-acks }()
	defer conn.Close()
	defer close(gone)
	err = l.follow()
	return l.in.Phase() == replication.PhaseStream, err
}

func (p *follower) dial() (net.Conn, error) {
	p.r.mu.Lock()
	to := p.master
	p.r.mu.Unlock()
	ctx, cancel := context.WithTimeout(p.ctx, p.r.cfg.Timeout)
	defer cancel()
	return p.r.cfg.Dial(ctx, to)
}

// followerLink is one connection to the master.
type followerLink struct {
	p     *follower
	conn  net.Conn
	in    *replication.Applier
	ask   chan struct{}   // asks for an ack
	ctx   context.Context // ends with the link
	held  atomic.Int64    // what to acknowledge, -1 while the data is not the master's
	began time.Time
	told  time.Time // of the last SyncProgress
}

func (l *followerLink) hello() error {
	cfg := &l.p.r.cfg
	m := replication.Message{Kind: replication.KindHello, Version: replication.ProtocolVersion, Addr: cfg.Addr,
		Wanted: cfg.Log.positions(),
		Master: l.p.id, Cluster: cfg.Cluster()}
	m.Node, m.Incarnation = cfg.Self()
	return l.write(replication.AppendMessage(nil, &m))
}

func (l *followerLink) write(b []byte) error {
	l.conn.SetWriteDeadline(time.Now().Add(l.p.r.cfg.Timeout))
	_, err := l.conn.Write(b)
	return err
}

// errNoAnswer explains a connection that the master closed without a word.
var errNoAnswer = errors.New("replication: the master closed the connection before it answered: it may not take this " +
	"node for a member of its cluster yet, or be about to stop; its log says more")

// follow carries out what the master sends until the link ends.
func (l *followerLink) follow() error {
	r := l.p.r
	in := replication.NewMessageReader(bufio.NewReaderSize(l.conn, 64<<10), replication.MaxMessage)
	var m replication.Message
	for {
		l.conn.SetReadDeadline(time.Now().Add(r.cfg.Timeout))
		if err := in.Next(&m); err != nil {
			if err == io.EOF && l.in.Phase() == replication.PhaseAnswer {
				return errNoAnswer
			}
			return err
		}
		if err := r.cfg.Log.AwaitLog(l.p.ctx); err != nil {
			return err
		}
		was := l.in.Phase()
		if err := l.step(&m); err != nil {
			return err
		}
		l.after(&m, was)
	}
}

// step carries a message out under a lock, so that no other goroutine looks at data and
// log together meanwhile.
func (l *followerLink) step(m *replication.Message) error {
	l.p.r.step.Lock()
	defer l.p.r.step.Unlock()
	return l.in.Step(m)
}

// after publishes what a message has changed: to the acknowledgements, to waiters, to the
// host.
func (l *followerLink) after(m *replication.Message, was replication.Phase) {
	p, r := l.p, l.p.r
	now := time.Now()
	p.heard.Store(r.clock())
	p.offset.Store(l.in.MasterOffset())
	if l.in.Phase() == replication.PhaseStream {
		l.held.Store(l.in.Held())
		if m.Stamp != 0 {
			p.fresh.back(m.Stamp)
		}
	}
	if l.in.Phase() != was {
		l.turn(was, now)
	}
	if m.Flags&replication.FlagAck != 0 || l.in.Phase() != was {
		select {
		case l.ask <- struct{}{}:
		default:
		}
	}
	if l.in.Phase() == replication.PhaseFull && now.Sub(l.told) >= time.Second {
		l.told = now
		progress := l.in.Progress()
		p.set(func() { p.progress = progress })
		r.cfg.OnEvent(replication.SyncProgress{Master: p.id, Progress: progress})
	}
	if r.watchers.Load() > 0 {
		r.mu.Lock()
		r.notifyLocked()
		r.mu.Unlock()
	}
}

// turn publishes that a phase has ended.
func (l *followerLink) turn(was replication.Phase, now time.Time) {
	p, r := l.p, l.p.r
	full := l.in.Phase() == replication.PhaseFull || was == replication.PhaseFull
	p.set(func() {
		if was == replication.PhaseAnswer {
			p.goal = l.in.MasterOffset()
		}
		if l.in.Phase() == replication.PhaseFull {
			// Until the full sync ends, this node's own data decides whether it can be elected.
			// Its master has the greatest term of the shard, so data of a greater term is of
			// another shard.
			r.missing = r.missing || r.cfg.Log.History().Term > l.in.Term()
			p.state, p.progress = LinkSync, l.in.Progress()
		} else {
			r.missing, p.state, p.progress = false, LinkConnected, replication.Progress{}
		}
	})
	if was == replication.PhaseAnswer {
		r.cfg.OnEvent(replication.SyncStarted{Master: p.id, Full: full, Offset: l.in.Offset()})
	}
	if l.in.Phase() == replication.PhaseStream {
		r.log.Info("in step with the master", "master", p.id.Short(), "full", full, "offset", r.cfg.Log.Offset(), "took",
			now.Sub(l.began))
		r.cfg.OnEvent(replication.Synced{Master: p.id, Full: full, Offset: r.cfg.Log.Offset(),
			Took: now.Sub(l.began)})
	}
}

// sendAcks sends an acknowledgement when asked for one, every 100 ms if the offset has
// changed, and every second anyway. One that was asked for is followed by another when
// the log on disk has what it acknowledged. Before the data is the master's, it sends a
// ping instead.
func (l *followerLink) sendAcks(gone <-chan struct{}) error {
	tick := time.NewTicker(ackEvery)
	defer tick.Stop()
	var buf []byte
	var last, lastDurable int64
	var onDisk chan struct{}
	sent := time.Now()
	for {
		asked, written := false, false
		select {
		case <-gone:
			return nil
		case <-onDisk:
			onDisk, written = nil, true
		case <-l.ask:
			asked = true
		case <-l.p.fresh.wake:
			asked = true
		case <-tick.C:
		}
		held := l.held.Load()
		durable := l.durable(held)
		if now := time.Now(); asked || written || held != last || durable != lastDurable || now.Sub(sent) >= pingEvery {
			m := replication.Message{Kind: replication.KindPing}
			if held >= 0 {
				m = replication.Message{Kind: replication.KindAck, Offset: held, Stamp: l.p.fresh.stamp(), Durable: durable}
			}
			last, lastDurable, sent = held, durable, now
			if err := l.write(replication.AppendMessage(buf[:0], &m)); err != nil {
				return err
			}
		}
		if asked && onDisk == nil && durable < held && l.p.r.cfg.Disk != nil {
			onDisk = l.awaitDisk(held)
		}
	}
}

// durable returns how much of what the replica holds its log has on disk.
func (l *followerLink) durable(held int64) int64 {
	if l.p.r.cfg.Disk == nil {
		return 0
	}
	durable, _ := l.p.r.cfg.Disk.Durable()
	return max(0, min(held, durable))
}

// awaitDisk returns a channel that is closed when the log has the stream up to offset on
// disk, or never will.
func (l *followerLink) awaitDisk(offset int64) chan struct{} {
	done := make(chan struct{})
	l.p.r.spawn(func() {
		defer close(done)
		l.p.r.cfg.Disk.WaitDurable(l.ctx, offset)
	})
	return done
}
