package server

import (
	"errors"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

// errChanged says that a watched key has changed.
const errChanged = replyError("watched key changed")

func cmdExec(s *session) error {
	if !s.multi.on {
		return replyError("ERR EXEC without MULTI")
	}
	if s.multi.spoilt {
		s.endMulti()
		return errExecAbort
	}
	asked := s.Cmd
	mark := len(s.Out.B)
	s.Out.Array(len(s.multi.queue))
	if s.multi.writes {
		s.writes.begin()
	}
	err := s.execQueue()
	s.Cmd = asked
	if err == nil && s.multi.writes {
		s.writes.end(s.Access.Slot)
	}
	switch {
	case err == errHeld:
		return err // nothing has happened, EXEC will come again
	case err == errChanged:
		s.Out.B = s.Out.B[:mark]
		s.Out.NullArray()
		err = nil
	case errors.Is(err, keyspace.ErrOutOfMemory):
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
		if q.cmd.Tx != nil {
			keys++
		}
		writes = writes || q.cmd.Has(commands.Write)
	}
	return n, keys, writes
}

// execRoute checks before anything runs that this node serves the keys of the whole
// transaction, and that the watched ones lie in the same slot: only there can they be
// compared in the moment of the commit.
func (s *session) execRoute() error {
	s.setAccess()
	stretches := false // several of them, and something runs before the last
	for _, q := range s.multi.queue {
		if q.cmd.Tx != nil {
			s.addKeys(q.cmd, q.args)
		} else if !q.cmd.Has(commands.Plain) {
			stretches = true
		}
	}
	if len(s.Access.Keys) == 0 {
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

// execStretch runs commands in one transaction on their slot.
func (s *session) execStretch(queue []queued, writes, first bool) error {
	s.setAccess()
	for _, q := range queue {
		if q.cmd.Tx != nil {
			s.addKeys(q.cmd, q.args)
		}
	}
	mark := len(s.Out.B)
	run := func(tx *keyspace.Tx) error {
		if writes && s.srv.paused.Load() != nil && first {
			return errHeld
		}
		if first && s.watchedChanged(tx) {
			return errChanged
		}
		for _, q := range queue {
			if err := s.execOne(q, tx); err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	if writes {
		err = s.srv.engine.Update(&s.Access, run)
	} else {
		err = s.srv.engine.View(&s.Access, run)
	}
	if err != nil {
		s.Out.B = s.Out.B[:mark]
	}
	return err
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
	mark := len(s.Out.B)
	var err error
	if q.cmd.Tx != nil {
		err = q.cmd.Tx(&s.Call, tx)
	} else {
		err = s.runAlone(q.cmd)
	}
	s.shard.cmd[q.cmd.ID].calls.Add(1)
	if len(s.Out.B) > s.MaxOutput {
		err = commands.ErrReplyTooBig
	}
	switch {
	case err == nil:
	case errors.Is(err, keyspace.ErrOutOfMemory), err == commands.ErrReplyTooBig:
		return err
	case err == commands.ErrNoReply:
		s.Out.B = s.Out.B[:mark]
	default:
		s.Out.B = s.Out.B[:mark]
		s.fail(err)
		s.shard.cmd[q.cmd.ID].failed.Add(1)
	}
	return nil
}

// watchesHold compares watched keys for a transaction without keys of its own.
func (s *session) watchesHold() error {
	for key, w := range s.watched.keys {
		err := s.Node.Store.View(w.slot, func(tx *keyspace.Tx) error {
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
