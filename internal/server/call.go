package server

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A call comes from the host program or another node instead of a client's connection. It
// goes the same way as a client's command, through a session without a connection.

// Call is one command to run.
type Call struct {
	Args     [][]byte
	Asking   bool // as after ASKING
	ReadOnly bool // as after READONLY
	Follows  bool // from the master that the node follows; then also of administration
	// MaxStaleness makes ReadOnly good only while the node is at most so far behind its
	// master; 0: no matter.
	MaxStaleness time.Duration
	// Sync is how many replicas must hold what the command writes before Do returns.
	Sync int
	// Context ends waiting: for keys in flight, for the end of a pause, and for replicas,
	// which without a deadline lasts 5 s. nil: only Close ends it.
	Context context.Context
}

// ErrNotCallable is the error of Do for commands about a connection, and for
// administration.
const ErrNotCallable = replyError("ERR this command needs a client's connection")

// ErrWouldWait is the error of Do when Context ended a wait and the command has not run.
var ErrWouldWait = fmt.Errorf("%w (gave up waiting)", slots.ErrTryAgain)

// Do runs a command and appends its reply, in RESP3, to dst. An error reply is returned
// as error instead: of package slots or keyspace, or with a text as docs/spec.md §11 has
// it. If fewer replicas than Sync hold the write in time, the error is that of
// [Acks].WaitAcked.
func (s *Server) Do(c *Call, dst []byte) ([]byte, error) {
	ss := s.callers.Get().(*session)
	defer ss.putBack()
	ss.Out.B = dst
	err := ss.call(c)
	out := ss.Out.B
	if err != nil {
		return dst, err
	}
	return out, nil
}

// putBack keeps nothing of what was called.
func (s *session) putBack() {
	s.fanOut.send()
	s.giveUp()
	s.again = nil
	s.dropAsides(0)
	if s.usage.ran {
		s.countCall()
	}
	s.Out.B, s.Args, s.Cmd, s.Later = nil, nil, nil, nil
	s.Access.Follows = false
	clear(s.Access.Keys)
	s.Access.Keys = s.Access.Keys[:0]
	s.writes = writes{copies: s.writes.copies}
	s.srv.callers.Put(s)
}

func (s *session) call(c *Call) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.srv.cfg.Logger.Error("a command panicked", "command", s.Cmd.FullName(), "panic", p, "stack", string(debug.Stack()))
			err = replyError("ERR the command panicked: see the node's log")
		}
	}()
	s.Args, s.asking, s.readOnly, s.maxStaleness = c.Args, c.Asking, c.ReadOnly, c.MaxStaleness
	ctx := c.Context
	if ctx == nil {
		ctx = s.srv.life
	}
	s.Access.Done, s.Access.Follows = ctx.Done(), c.Follows
	if l := s.srv.limits.Load(); l != s.limits {
		s.setLimits(l)
	}
	cmd, err := s.srv.original.Resolve(c.Args) // the host's code knows no names but the original ones
	if err != nil {
		return err
	}
	if !c.Follows && (cmd.Tx == nil || cmd.Has(commands.Sharded)) && !cmd.Has(commands.Callable) || cmd.Has(commands.Now) {
		return ErrNotCallable
	}
	if s.srv.Loading() && !cmd.Has(commands.Loading) {
		return errLoading
	}
	if !c.Follows && s.srv.modes.Load()&modeUnlogged != 0 {
		if err := mayShow(cmd, s.srv.cfg.Disk); err != nil {
			return err
		}
	}
	s.Cmd = cmd
	if c.Sync > 0 && cmd.Has(commands.Write|commands.MayWrite) {
		s.writes = newWrites(s.srv.cfg.Acks, c.Sync, s.srv.cfg.Copies)
	}
	for {
		if s.srv.paused.Load() == nil || !s.mustWait(cmd) {
			s.writes.begin()
			err := s.timed(cmd)
			if s.wait != nil && err == nil {
				err = s.awaitCall(s.Access.Done)
			}
			if err == nil && len(s.asides) > 0 {
				err = s.makeAside()
			}
			if err == keyspace.ErrWaitAgain {
				s.Args = s.again.call.Args
				continue
			}
			if err != errHeld {
				s.again = nil
				if err != nil {
					s.srv.stats.countError(err.Error())
				}
				if cmd.Tx == nil && s.srv.modes.Load()&modeMonitored != 0 {
					s.show(cmd, s.Args, err)
				}
				return s.confirmCall(ctx, err)
			}
		}
		if !s.srv.outlast(s.Access.Done) {
			return ErrWouldWait
		}
	}
}

// confirmCall ends a call: it waits for replicas where that was asked for.
func (s *session) confirmCall(ctx context.Context, err error) error {
	s.fanOut.send()
	if err != nil {
		return err
	}
	wrote := s.Cmd.Has(commands.Write | commands.MayWrite)
	if disk := s.srv.cfg.Disk; disk.Behind() {
		if err := disk.Await(ctx, wrote); err != nil && (wrote || shows(s.Cmd)) {
			return err
		}
	}
	if !wrote {
		return nil
	}
	s.writes.end(s.Access.Slot)
	if ctx.Err() != nil { // a caller that never waits, but for this: it is rare then, see answerPeer
		s.writes.awaitCopies(s.srv.life)
	}
	return s.writes.confirm(ctx)
}

// outlast waits for the end of a pause, false if done is closed before.
func (s *Server) outlast(done <-chan struct{}) bool {
	p := s.paused.Load()
	if p == nil {
		return true
	}
	select {
	case <-p.over:
		return true
	case <-done:
	case <-s.life.Done():
	}
	return false
}

// newCallers returns the pool of sessions for Do.
func (s *Server) newCallers() *sync.Pool {
	return &sync.Pool{New: func() any {
		ss := &session{srv: s, id: s.nextCaller.Add(1)}
		ss.Node, ss.Out.RESP3 = s.node, true
		ss.writes.copies = s.cfg.Copies
		ss.setLimits(s.limits.Load())
		ss.shard = s.stats.shard(ss.id)
		ss.inSlot, ss.Block, ss.Script, ss.Send = ss.runInSlot, ss.block, ss.runScript, ss.send
		return ss
	}}
}

// IsReply reports whether err is no more than the text of an error reply.
func IsReply(err error) bool {
	_, ok := err.(replyError)
	return ok
}
