package server

import (
	"sync"
	"sync/atomic"
)

// A client may send many commands before it reads the first reply. If the server stopped
// reading while a reply waits to be taken, both would wait for each other. So a session
// whose write is stuck goes on without the goroutine that is stuck:
//
//   - normally the session's goroutine writes its replies itself, which costs
//     nothing beyond the write;
//   - the ticker that finds a write unfinished since the tick before makes the
//     stuck goroutine the session's *replier* and starts a new goroutine, which
//     goes on executing at the command after it;
//   - while there is a replier, replies are queued for it; when it has caught
//     up it ends, and the session writes by itself again;
//   - beyond backlogHigh queued bytes the session waits for its replier, so
//     memory is bounded, and a client that takes nothing for
//     Limits.WriteTimeout is closed.
const (
	flushAt       = 64 << 10 // replies of a batch leave when they are so long
	keepReplies   = 64 << 10 // a longer reply buffer is given back
	writePiece    = 1 << 20  // bytes of one write: progress is seen between them
	backlogHigh   = 16 << 20 // queued bytes at which the session waits
	replyOverhead = 64       // that a queued piece takes beside its bytes
	stateIdle     = 0        // nothing is being written
	stateWriting  = 1        // the session's goroutine writes
	stateReplier  = 2        // a replier writes
)

// output is the way of replies to the client.
type output struct {
	state atomic.Int32
	moves atomic.Uint32 // counts pieces written, for the ticker to see progress

	mu     sync.Mutex // guards what follows
	cond   *sync.Cond // on mu: queue became shorter, the replier ended
	queue  [][]byte   // for the replier
	queued int        // bytes in queue, with what it takes to keep them
	failed bool       // the client takes no more

	// Of the ticker.
	seen      uint32 // moves at the last tick
	seenSince int64  // Server.clock when moves was first seen so
}

func (o *output) init() { o.cond = sync.NewCond(&o.mu) }

// flush sends the replies of the batch so far. taken means that this goroutine has been
// the session's replier in the meantime and must end: another one runs the session. alive
// is false if the client is gone.
func (s *session) flush() (alive, taken bool) {
	b := s.Out.B
	if len(b) == 0 {
		return true, false
	}
	if s.writes.unconfirmed {
		if err := s.writes.confirm(s.srv.life); err != nil {
			s.srv.cfg.Logger.Warn("client closed: too few replicas hold its writes", "client", s.id, "error", err)
			return false, false
		}
	}
	if cap(b) <= keepReplies {
		s.Out.B = b[:0]
	} else {
		s.Out.B = nil
	}
	s.shard.netOut.Add(int64(len(b)))
	o := &s.output
	if o.state.Load() == stateReplier {
		if queued, alive := o.enqueue(b); queued {
			s.Out.B = nil // b is the replier's now
			return alive, false
		}
	}
	o.state.Store(stateWriting)
	ok := s.write(b)
	if o.state.CompareAndSwap(stateWriting, stateIdle) {
		return ok, false
	}
	s.reply(ok)
	return false, true
}

func (s *session) write(b []byte) bool {
	for len(b) > 0 {
		n := min(len(b), writePiece)
		s.output.moves.Add(1)
		if _, err := s.conn.Write(b[:n]); err != nil {
			return false
		}
		b = b[n:]
	}
	return true
}

// enqueue gives b to the replier, and waits while it has too much to do. queued is false
// if there is none any more.
func (o *output) enqueue(b []byte) (queued, alive bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.state.Load() == stateReplier && o.queued > backlogHigh && !o.failed {
		o.cond.Wait()
	}
	if o.failed {
		return true, false
	}
	if o.state.Load() != stateReplier {
		return false, true
	}
	o.queue = append(o.queue, b)
	o.queued += len(b) + replyOverhead
	return true, true
}

// reply is the life of a replier, after the write it was stuck in: it sends what has been
// queued until nothing is left.
func (s *session) reply(ok bool) {
	o := &s.output
	o.mu.Lock()
	defer o.mu.Unlock()
	for ok && len(o.queue) > 0 {
		b := o.queue[0]
		o.queue[0] = nil
		o.queue = o.queue[1:]
		o.mu.Unlock()
		ok = s.write(b)
		o.mu.Lock()
		o.queued -= len(b) + replyOverhead
		o.cond.Broadcast()
	}
	if !ok {
		o.failed = true
		s.conn.Close() // wakes the reader
	}
	o.queue = nil
	o.state.Store(stateIdle)
	o.cond.Broadcast()
}

// drained waits until the replier, if there is one, has ended.
func (o *output) drained() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.state.Load() == stateReplier {
		o.cond.Wait()
	}
}

// pending returns the bytes that wait for the replier.
func (o *output) pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued
}
