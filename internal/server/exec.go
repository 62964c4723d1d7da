package server

import (
	"errors"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// errChanged says that a watched key has changed.
const errChanged = replyError("watched key changed")

func cmdExec(s *session) error {
	if !s.multi.on {
		return replyError("ERR EXEC without MULTI")
	}
	if s.multi.spoilt {
		refusal := error(errExecAbort)
		if s.multi.crossSlot {
			refusal = slots.ErrCrossSlot
		}
		s.endMulti()
		return refusal
	}
	asked := s.Cmd
	mark := s.mark()
	s.Out.Array(len(s.multi.queue))
	if s.multi.writes {
		s.writes.begin()
	}
	s.InExec = true
	err := s.execQueue()
	s.InExec = false
	s.Cmd = asked
	if err == nil && s.multi.writes {
		s.writes.end(s.Access.Slot)
	}
	switch {
	case err == errHeld:
		return err // nothing has happened, EXEC will come again
	case err == errChanged:
		s.rewind(mark)
		s.Out.NullArray()
		err = nil
	case errors.Is(err, keyspace.ErrOutOfMemory), isBusy(err):
		err = replyError("EXECABORT Transaction discarded because of: " + err.Error())
	}
	s.endMulti()
	return err
}

// execQueue runs the queue: stretches of commands that may run under the slot's lock in
// one transaction each, the others between them.
func (s *session) execQueue() error {
	if err := s.execRoute(); err != nil {
		return err
	}
	queue := s.multi.queue
	first := true
	for len(queue) > 0 || first {
		n, keys, writes := stretch(queue)
		var err error
		switch {
		case first && keys == 0 && len(s.watched.keys) > 0:
			// The watched keys are all that has to be looked at under a lock.
			if err = s.watchesHold(); err == nil {
				n, err = s.execPlain(queue, n)
			}
		case keys > 0:
			err = s.execStretch(queue[:n], writes, first)
		default:
			n, err = s.execPlain(queue, n)
		}
		if err != nil && first {
			return err
		}
		if err != nil { // a later stretch: what ran before it stays
			for range n {
				s.fail(err)
			}
		}
		queue, first = queue[n:], false
	}
	return nil
}

// stretch returns how many commands from the front may run under a slot's lock together,
// how many keys they name and whether one may write.
func stretch(queue []queued) (n, keys int, writes bool) {
	for _, q := range queue {
		if q.cmd.Tx == nil && !q.cmd.Has(commands.Plain) {
			break
		}
		n++
		if q.cmd.InSlot(q.args) {
			keys++
		}
		writes = writes || q.cmd.Has(commands.Write|commands.MayWrite)
	}
	return n, keys, writes
}

// execRoute checks before anything runs that this node serves the keys of the whole
// transaction, and that the watched ones lie in the same slot: only there can they be
// compared in the moment of the commit.
func (s *session) execRoute() error {
	stretches := s.execAccess()
	if len(s.Access.Keys)+s.Access.Channels == 0 {
		return nil
	}
	for _, w := range s.watched.keys {
		if w.slot != s.Access.Slot {
			s.Access.CrossSlot = true
			break
		}
	}
	if !stretches && !s.Access.CrossSlot {
		return nil // execStretch will find out
	}
	nothing := func(*keyspace.Tx) error { return nil }
	if s.multi.writes {
		return s.srv.engine.Update(&s.Access, nothing)
	}
	return s.srv.engine.View(&s.Access, nothing)
}

// execAccess makes the keys of the whole queue what is about to be touched. stretches says
// that there may be several, with something that runs between them.
func (s *session) execAccess() (stretches bool) {
	s.setAccess()
	for _, q := range s.multi.queue {
		if q.cmd.InSlot(q.args) {
			s.addKeys(q.cmd, q.args)
		} else if q.cmd.Tx == nil && !q.cmd.Has(commands.Plain) {
			stretches = true
		}
	}
	return stretches
}

// execStretch runs commands in one transaction on their slot.
func (s *session) execStretch(queue []queued, writes, first bool) error {
	s.setAccess()
	for _, q := range queue {
		if q.cmd.InSlot(q.args) {
			s.addKeys(q.cmd, q.args)
		}
	}
	mark := s.mark()
	run := func(tx *keyspace.Tx) error {
		if first && s.timer.on {
			s.timer.inSlotNow(s.srv)
		}
		if writes && first && s.srv.modes.Load()&modePaused != 0 {
			return errHeld
		}
		if first && s.watchedChanged(tx) {
			return errChanged
		}
		s.beginTracked(tx)
		if s.srv.modes.Load()&modeMeasured != 0 {
			defer s.ran(s.Access.Slot, s.srv.cfg.Now(), s.multiSize())
		}
		for _, q := range queue {
			if err := s.execOne(q, tx); err != nil {
				return err
			}
		}
		return nil
	}
	access := s.srv.engine.View
	if writes {
		access = s.srv.engine.Update
	}
	if slices.ContainsFunc(queue, func(q queued) bool { return q.cmd.Has(commands.Script) }) {
		s.stage(mark)
	}
	for {
		err := access(&s.Access, run)
		if err != nil {
			s.rewind(mark)
		}
		if err != errScriptAgain && err != keyspace.ErrInterrupted {
			s.unstage(err == nil)
			return err
		}
		s.dropStaged()
		s.script.yield()
		s.Access.Keys = append(s.Access.Keys, s.script.extra...)
	}
}

// watchedChanged is called under the lock of the slot that all watched keys are of.
func (s *session) watchedChanged(tx *keyspace.Tx) bool {
	for key, w := range s.watched.keys {
		if w.changed(tx, key, s.srv.engine.Map()) {
			return true
		}
	}
	return false
}

// execPlain runs at least one command without a slot's lock.
func (s *session) execPlain(queue []queued, n int) (ran int, err error) {
	n = min(max(n, 1), len(queue))
	for _, q := range queue[:n] {
		if err := s.execOne(q, nil); err != nil {
			return n, err
		}
	}
	return n, nil
}

// execOne runs a queued command. Its error becomes its reply, as in Redis: one command's
// failure does not undo the others. Two kinds end the transaction: memory has run out, or
// the reply grows too long.
func (s *session) execOne(q queued, tx *keyspace.Tx) error {
	s.Cmd, s.Args = q.cmd, q.args
	if err := s.stillMayRun(q); err != nil {
		s.fail(err)
		return nil
	}
	mark := s.mark()
	s.staged.at = mark.bytes
	stat := &s.shard.cmd[q.cmd.ID]
	w := weight(q.cmd, len(q.args), stat.calls.Load()+1, s.srv.modes.Load())
	var began time.Duration
	if w != 0 {
		began = s.srv.elapsed()
	}
	var err error
	if q.cmd.Tx != nil && tx != nil {
		s.setTouching(tx, q.cmd)
		err = q.cmd.Tx(&s.Call, tx)
		s.trackCommand(tx, q.cmd, q.args)
		if err == nil && q.cmd.After != nil {
			err = q.cmd.After(&s.Call)
		}
		if s.Later != nil {
			s.putAside(err)
		}
	} else {
		err = s.execAlone(q.cmd, mark)
	}
	if s.srv.modes.Load()&modeMonitored != 0 {
		s.show(q.cmd, q.args, err)
	}
	if s.outLen() > s.MaxOutput {
		err = commands.ErrReplyTooBig
	}
	switch {
	case err == nil:
	case errors.Is(err, keyspace.ErrOutOfMemory), err == commands.ErrReplyTooBig, err == errScriptAgain,
		err == keyspace.ErrInterrupted:
		return err
	case err == commands.ErrNoReply:
		s.rewind(mark)
	default:
		s.rewind(mark)
		s.fail(err)
		stat.failed.Add(1)
	}
	stat.calls.Add(1)
	if w != 0 {
		s.noteTime(q.cmd, q.args, s.srv.elapsed()-began, w)
	}
	return nil
}

// execAlone runs a queued command that is in no transaction on a slot.
func (s *session) execAlone(cmd *commands.Command, m mark) error {
	if !cmd.Has(commands.Script) || s.staged.on {
		return s.runAlone(cmd)
	}
	s.stage(m)
	err := s.runAlone(cmd)
	s.unstage(err == nil)
	return err
}

// watchesHold compares watched keys for a transaction without keys of its own.
func (s *session) watchesHold() error {
	for key, w := range s.watched.keys {
		err := s.Node.Store.TryView(w.slot, s.Access.Done, func(tx *keyspace.Tx) error {
			if w.changed(tx, key, s.srv.engine.Map()) {
				return errChanged
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
