package server

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

// A command that waits for a key (see commands.Wait) is an entry in the queue of its keys
// and a session that reads from its client, which ends the wait by hanging up. What ends
// it otherwise runs on another goroutine, and breaks off the read: the write that serves
// the waiter, the timer, CLIENT UNBLOCK. Commands that come meanwhile stay unparsed in the
// read buffer, whose limit holds for them.

// wait is one wait of a session.
type wait struct {
	session *session
	call    commands.Call // carries the command out for the waiter
	waiter  keyspace.Waiter
	until   time.Time // zero: without end
	timer   *time.Timer
	master  bool          // this node was one when the wait began
	line    [][]byte      // what the client has sent
	took    time.Duration // until it began to wait

	// Set under the slot's lock by what ends the wait.
	outcome        outcome
	serving        time.Duration // that serving took
	term, departed uint64        // what Acks said when the waiter was served

	over chan struct{} // closed when the wait has ended

	mu   sync.Mutex // guards conn
	conn net.Conn   // to break off a read of, nil if there is none
}

// outcome says how a wait has ended, unless the store did it: then Waiter.Err tells.
type outcome uint8

const (
	waitDecided outcome = iota
	waitTimedOut
	waitUnblocked
	waitGivenUp // the client is gone
)

const (
	errUnblocked = replyError("UNBLOCKED client unblocked via CLIENT UNBLOCK")
	errDemoted   = replyError("UNBLOCKED force unblock from blocking operation, " +
		"instance state changed (master -> replica?)")
)

// block makes the command under way wait. It is called in its transaction.
func (s *session) block(tx *keyspace.Tx, what commands.Wait) (waits bool, err error) {
	if s.multi.on || s.script.running() {
		return false, nil
	}
	select {
	case <-s.Access.Done:
		return false, ErrWouldWait
	default:
	}
	args := s.Args
	if what.Args != nil {
		args = what.Args
	}
	w := &wait{session: s, over: make(chan struct{}), master: !s.Node.IsReplica()}
	w.call = commands.Call{Args: cloneArgs(args), Cmd: s.Cmd, Node: s.Node, Client: s.Client, MaxOutput: s.MaxOutput,
		MaxBulk: s.MaxBulk}
	if w.line = w.call.Args; what.Args != nil {
		w.line = cloneArgs(s.Args)
	}
	w.call.Out.RESP3 = s.Out.RESP3
	w.call.Access = s.Access
	w.call.Access.Keys = cloneArgs(s.Access.Keys)
	w.waiter = keyspace.Waiter{Type: what.Type, Reads: !w.writes(), Gone: what.Gone, Wants: bytes.Clone(what.Wants),
		Serve: w.serve, Wake: w.wake}
	switch {
	case s.again != nil:
		w.waiter.Ticket, w.until, w.master = s.again.waiter.Ticket, s.again.until, s.again.master
	case what.Timeout > 0:
		w.until = s.srv.cfg.Now().Add(what.Timeout)
	}
	tx.Wait(&w.waiter, what.Keys)
	s.wait = w
	return true, nil
}

// writes reports whether it is a write that waits.
func (w *wait) writes() bool { return w.call.Cmd.Has(commands.Write) }

// serve carries the command out for the waiter. The session whose write brought the key
// runs it, under the slot's lock.
func (w *wait) serve(tx *keyspace.Tx, key []byte) (served bool, err error) {
	s, c := w.session, &w.call
	began := s.srv.elapsed()
	if err := s.srv.engine.Recheck(tx, &c.Access, w.writes()); err != nil {
		return false, err
	}
	c.Ready, c.Out.B = key, c.Out.B[:0]
	if err := c.Cmd.Tx(c, tx); err == commands.ErrStillNothing {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if c.Later != nil { // not so much that it could not be copied at once
		later := c.Later
		c.Later = nil
		if err := later(); err != nil {
			return false, err
		}
	}
	if acks := s.srv.cfg.Acks; acks != nil && w.writes() {
		w.term, w.departed = acks.Term(), acks.Departed()
	}
	w.serving = s.srv.elapsed() - began
	return true, nil
}

// wake breaks off the session's read.
func (w *wait) wake() {
	w.count(-1) // before the command that ended the wait is answered
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.over)
	if w.conn != nil {
		w.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// end ends the wait, false if it has ended already.
func (w *wait) end(how outcome) bool {
	if !w.session.srv.engine.Store().Cancel(&w.waiter) {
		return false
	}
	w.outcome = how
	w.wake()
	return true
}

// start begins the time-out, and lets others see the wait.
func (w *wait) start() {
	srv := w.session.srv
	w.session.shared.args.Store(int32(argBytes(w.call.Args)))
	w.session.shared.wait.Store(w)
	w.count(1)
	if !w.until.IsZero() {
		w.timer = time.AfterFunc(w.until.Sub(srv.cfg.Now()), func() { w.end(waitTimedOut) })
	}
}

func (w *wait) count(n int64) {
	w.session.srv.waiting.Add(n)
	if !w.until.IsZero() {
		w.session.srv.timed.Add(n)
	}
}

// stop undoes start.
func (w *wait) stop() {
	w.session.wait = nil
	w.session.shared.wait.CompareAndSwap(w, nil)
	w.session.shared.args.Store(0)
	if w.timer != nil {
		w.timer.Stop()
	}
}

// giveUp ends the wait of a session that ends, if it waits.
func (s *session) giveUp() {
	if s.wait != nil {
		s.wait.end(waitGivenUp)
		s.wait.stop()
	}
}

// await sends the replies so far and waits; then it replies, or carries the command out
// once more.
func (s *session) await() (alive, taken bool) {
	if alive, taken = s.flush(); !alive || taken {
		return alive, taken
	}
	w := s.wait
	w.attach(s.conn)
	for alive = true; alive && !w.isOver(); {
		err := s.fillFrom(s.conn)
		alive = err == nil || errors.Is(err, os.ErrDeadlineExceeded)
		s.obeyPush()
	}
	w.detach()
	if !alive {
		w.end(waitGivenUp)
	}
	<-w.over
	w.stop()
	s.cork()
	if !alive && !s.hangUp || w.outcome == waitGivenUp {
		return s.hangUp, false
	}
	s.resume(w)
	return true, false
}

// awaitCall is await without a connection: done ends it. The error is keyspace.ErrWaitAgain
// if the command has to be carried out once more.
func (s *session) awaitCall(done <-chan struct{}) error {
	w := s.wait
	select {
	case <-w.over:
	case <-done:
		w.end(waitGivenUp)
	case <-s.srv.life.Done():
		w.end(waitGivenUp)
	}
	<-w.over
	w.stop()
	if w.outcome == waitGivenUp {
		return ErrWouldWait
	}
	return s.answer(w)
}

func (w *wait) isOver() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

// isWaiting reports whether the session waits for a key. Other goroutines ask it.
func (s *session) isWaiting() bool {
	w := s.shared.wait.Load()
	return w != nil && !w.isOver()
}

// attach lets wake break off reads of conn, until detach.
func (w *wait) attach(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isOver() {
		w.conn = conn
	}
}

func (w *wait) detach() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		w.conn.SetReadDeadline(time.Time{})
		w.conn = nil
	}
}

// resume ends a command that has waited: with its reply, or by carrying it out once more.
func (s *session) resume(w *wait) {
	mark := s.mark()
	err := s.answer(w)
	if err != nil {
		err = s.unblockedBy(err)
	}
	if err == keyspace.ErrWaitAgain {
		if s.execute(w.call.Args) {
			s.held = w.call.Args
		}
		return
	}
	if err != nil {
		s.fail(err)
		s.shard.cmd[s.Cmd.ID].failed.Add(1)
	}
	s.endCommand(mark)
}

// answer writes the reply that ends a wait.
func (s *session) answer(w *wait) error {
	switch err := w.waiter.Err(); {
	case w.outcome == waitTimedOut:
		s.Out.NullArray()
	case w.outcome == waitUnblocked:
		return errUnblocked
	case err != nil:
		s.again = w
		return err
	default:
		s.noteTime(w.call.Cmd, w.line, w.took+w.serving, 1)
		s.srv.latency.add(eventUnblocking, w.serving)
		s.Out.B = append(s.Out.B, w.call.Out.B...)
		if w.writes() {
			s.writes.beganAt(w.term, w.departed)
			s.writes.end(w.call.Access.Slot)
		}
	}
	return nil
}

// unblockedBy returns what a client that has waited is told when its command is refused
// with err: as in Redis, the end of this node's time as a master closes it.
func (s *session) unblockedBy(err error) error {
	if s.again == nil || !s.again.master || !s.Node.IsReplica() {
		return err
	}
	s.hangUp = true
	return errDemoted
}

func cmdClientUnblock(s *session) error {
	how := waitTimedOut
	switch {
	case len(s.Args) > 4:
		return commands.ErrSubArity(s.Args)
	case len(s.Args) == 4 && s.Word(3, "ERROR"):
		how = waitUnblocked
	case len(s.Args) == 4 && !s.Word(3, "TIMEOUT"):
		return replyError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
	}
	id, err := s.Number(2)
	if err != nil {
		return err
	}
	s.srv.mu.Lock()
	other := s.srv.sessions[id]
	s.srv.mu.Unlock()
	n := int64(0)
	if other != nil {
		if w := other.shared.wait.Load(); w != nil && w.end(how) {
			n = 1
		}
	}
	s.Out.Int(n)
	return nil
}
