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
//
// What other goroutines send the client goes the same ways: see push.go.
const (
	flushAt       = 64 << 10 // replies of a batch leave when they are so long
	keepReplies   = 64 << 10 // a longer reply buffer is given back
	writePiece    = 1 << 20  // bytes of one write: progress is seen between them
	gatherAt      = 16 << 10 // small pieces of the queue are written together up to here
	backlogHigh   = 16 << 20 // queued bytes at which the session waits
	replyOverhead = 32       // that a queued piece takes beside its bytes

	stateIdle    = 0 // nothing is being written
	stateWriting = 1 // the session's goroutine writes
	stateReplier = 2 // a replier writes
	statePushing = 3 // some goroutine writes without waiting; only in push mode
)

// output is the way of replies to the client.
type output struct {
	state atomic.Int32
	moves atomic.Uint32 // counts pieces written, for the ticker to see progress

	mu     sync.Mutex // guards what follows
	cond   *sync.Cond // on mu: queue became shorter, a write has ended
	queue  pieces     // what waits to be written
	queued int        // bytes that wait, with what it takes to keep them
	failed bool       // the client takes no more

	// Of push mode, see push.go.
	pushing  bool     // in push mode: other states than stateWriting are left with mu held
	corked   bool     // what is pushed is held back
	held     [][]byte // what was pushed meanwhile
	heldSize int      // bytes of it, as queued has them
	due      bool     // the server's fan-out will write
	listedBy *fanOut  // that will write, too: the last one

	overSince int64 // Server.clock when more than the soft limit waited first; 0: less does

	// Of the ticker.
	seen      uint32 // moves at the last tick
	seenSince int64  // Server.clock when moves was first seen so
}

func (o *output) init() { o.cond = sync.NewCond(&o.mu) }

// flush sends the replies of the batch so far. taken means that this goroutine has been
// the session's replier in the meantime and must end: another one runs the session. alive
// is false if the client is gone.
func (s *session) flush() (alive, taken bool) {
	s.fanOut.send() // of other clients: they do not wait until this one takes its replies
	alive, taken = s.flushReplies()
	if alive && s.corked && len(s.asides) == 0 { // between two pieces of a reply no message has its place
		s.uncork()
	}
	return alive, taken
}

func (s *session) flushReplies() (alive, taken bool) {
	b := s.Out.B
	if len(b) == 0 {
		return true, false
	}
	if s.follower.sender != nil { // replies would stand among the commands that it is sent
		s.srv.cfg.Logger.Warn("client closed: it replicates this node and has said what asks for a reply", "client", s.id,
			"addr", s.conn.RemoteAddr(), "command", s.Cmd.FullName())
		s.Out.B = nil
		return false, false
	}
	if s.writes.unconfirmed {
		if err := s.writes.confirm(s.srv.life); err != nil {
			s.srv.cfg.Logger.Warn("client closed: its writes could not be confirmed", "client", s.id, "error", err)
			return false, false
		}
	}
	if disk := s.srv.cfg.Disk; disk.Behind() {
		if err := disk.Await(s.srv.life, s.writes.wrote); err != nil && (s.writes.wrote || s.writes.shown) {
			s.srv.cfg.Logger.Warn("client closed: what it has written or would read may not be on disk", "client", s.id,
				"error", err)
			return false, false
		}
	}
	s.writes.wrote, s.writes.shown = false, s.wait != nil
	if s.awaitInterest {
		s.awaitInterest = false
		s.srv.cfg.Messages.AwaitInterest(s.srv.life.Done())
	}
	if cap(b) <= keepReplies {
		s.Out.B = b[:0]
	} else {
		s.Out.B = nil
	}
	s.shard.netOut.Add(int64(len(b)))
	if s.pushing {
		return s.flushPushing(b)
	}
	o := &s.output
	if o.state.Load() == stateReplier {
		if queued, alive := o.enqueue(b); queued {
			s.Out.B = nil // b is the replier's now
			return alive, false
		}
	}
	o.state.Store(stateWriting)
	return s.writeSelf(b)
}

// writeSelf writes on the session's goroutine, which has set stateWriting.
func (s *session) writeSelf(b []byte) (alive, taken bool) {
	ok := s.write(b)
	if s.output.state.CompareAndSwap(stateWriting, stateIdle) {
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
	o.makeRoom()
	if o.failed {
		return true, false
	}
	if o.state.Load() != stateReplier {
		return false, true
	}
	o.addLocked(b)
	return true, true
}

// makeRoom waits while the replier has too much to do. o.mu is held.
func (o *output) makeRoom() {
	for o.state.Load() >= stateReplier && o.queued-o.heldSize > backlogHigh && !o.failed {
		o.cond.Wait()
	}
}

func (o *output) addLocked(b []byte) {
	o.queue.add(b)
	o.queued += len(b) + replyOverhead
}

// reply is the life of a replier, after the write it was stuck in: it sends what has been
// queued until nothing is left.
func (s *session) reply(ok bool) {
	o := &s.output
	var scratch []byte
	o.mu.Lock()
	defer o.mu.Unlock()
	for ok && !o.failed && o.queue.len() > 0 {
		b, n := o.queue.gather(&scratch)
		o.mu.Unlock()
		ok = s.write(b)
		o.mu.Lock()
		o.wrote(b, n)
	}
	if !ok {
		o.failLocked()
		s.conn.Close() // wakes the reader
	}
	o.state.Store(stateIdle)
	o.cond.Broadcast()
}

// wrote counts that n pieces, b, have left. o.mu is held.
func (o *output) wrote(b []byte, n int) {
	if !o.failed {
		o.queued -= len(b) + n*replyOverhead
	}
	o.cond.Broadcast()
}

// failLocked keeps nothing for a client that takes no more.
func (o *output) failLocked() {
	o.failed = true
	o.queue, o.held = pieces{}, nil
	o.queued, o.heldSize = 0, 0
	o.cond.Broadcast()
}

// end keeps anybody from writing any more: the connection has been closed.
func (o *output) end() {
	o.mu.Lock()
	o.failLocked()
	o.mu.Unlock()
	o.drained()
}

// drained waits until what writes has ended.
func (o *output) drained() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.state.Load() >= stateReplier {
		o.cond.Wait()
	}
}

// pending returns the bytes that wait for the replier.
func (o *output) pending() int {
	_, bytes, _ := o.waiting()
	return bytes
}

// waiting returns the pieces that wait to be written, and the bytes that they take. stuck
// says that a write is under way.
func (o *output) waiting() (pieces, bytes int, stuck bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queue.len() + len(o.held), o.queued, o.queued > o.heldSize
}
