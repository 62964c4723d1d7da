package server

import (
	"strings"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

// execute runs one command and appends its reply. held means that nothing has happened
// yet: the command waits for the end of a pause.
func (s *session) execute(args [][]byte) (held bool) {
	s.Args = args
	mark := s.mark()
	modes := s.srv.modes.Load()
	cmd, err := s.Node.Table.Resolve(args)
	if err == nil {
		err = s.mayDebug(cmd)
	}
	if err == nil && !s.authed && !cmd.Has(commands.NoAuth) && s.isStranger() {
		err = errNoAuth
	}
	if err == nil && !s.user.Unrestricted() {
		s.Cmd = cmd
		err = s.mayRun(cmd, args)
	}
	if err == nil && s.subs != nil {
		err = s.mayWhileSubscribed(cmd)
	}
	if err == nil && modes&modeLoading != 0 && !cmd.Has(commands.Loading) {
		err = errLoading
	}
	if err == nil && modes&modeUnlogged != 0 {
		err = mayShow(cmd, s.srv.cfg.Disk)
	}
	if err != nil {
		s.Cmd = cmd
		if cmd == nil && isHTTP(args) {
			s.abortHTTP()
			return false
		}
		s.reject(err)
		s.endCommand(mark)
		return false
	}
	s.Cmd = cmd
	if modes&modeMonitored != 0 && s.monitoring && mayNotTouch(cmd) {
		s.reject(errMonitorKeys)
		s.endCommand(mark)
		return false
	}
	if modes&modePaused != 0 && s.mustWait(cmd) {
		return true
	}
	if s.multi.on && !cmd.Has(commands.Now) {
		s.enqueue(cmd)
		s.endCommand(mark)
		return false
	}
	if cmd.Has(commands.Write | commands.MayWrite) {
		s.writes.begin()
	}
	err = s.timed(cmd)
	s.writes.shown = s.writes.shown || err == nil && shows(cmd)
	switch {
	case s.wait != nil && err == nil:
		return false // the reply comes when the wait is over
	case err == nil:
		if cmd.Has(commands.Write | commands.MayWrite) {
			s.writes.end(s.Access.Slot)
		}
	case err == errHeld:
		s.rewind(mark)
		return true
	case err == commands.ErrNoReply:
		s.rewind(mark)
	default:
		s.rewind(mark)
		s.fail(s.unblockedBy(err))
	}
	s.endCommand(mark)
	if modes&modeMonitored != 0 {
		if cmd.Tx == nil {
			s.show(cmd, args, err)
		}
		s.showOwn()
	}
	return false
}

// reject replies with an error found before the command ran. In a transaction it spoils
// the whole of it; an EXEC that is refused ends it.
func (s *session) reject(err error) {
	if s.Cmd != nil {
		s.shard.cmd[s.Cmd.ID].rejected.Add(1)
		if s.Cmd.Name == "exec" {
			s.endMulti()
			err = replyError("EXECABORT Transaction discarded because of: " + strings.TrimPrefix(err.Error(), "ERR "))
		}
	}
	if s.multi.on {
		s.spoilMulti()
	}
	s.fail(err)
}

// endCommand ends a command: ASKING is used up, CLIENT REPLY has its way.
func (s *session) endCommand(m mark) {
	s.again = nil
	if s.asking && !s.multi.on && (s.Cmd == nil || !s.Cmd.Has(commands.KeepAsk)) {
		s.asking = false
	}
	if s.replies != repliesOn {
		s.skipReply(m)
	}
	if s.tracking.on || len(s.tracking.pending) > 0 {
		s.endTracked()
	}
	if s.usage.ran {
		s.countUsage(m)
	}
}

func (s *session) skipReply(m mark) {
	switch s.replies {
	case replySkip1:
		s.replies = repliesOn
	case replySkip:
		s.replies = replySkip1
	}
	s.rewind(m)
	s.Out.B, s.loud = append(s.Out.B, s.loud...), s.loud[:0]
}

// start runs a command outside of EXEC.
func (s *session) start(cmd *commands.Command) error {
	if cmd.Tx == nil {
		return s.runAlone(cmd)
	}
	if cmd.Has(commands.Script) {
		return s.startScript(cmd)
	}
	s.setAccess()
	s.addKeys(cmd, s.Args)
	if cmd.Ahead != nil {
		cmd.Ahead(&s.Call)
		if s.timer.on {
			s.timer.ahead = s.srv.elapsed() - s.timer.began
		}
		defer s.Forget()
	}
	access := s.srv.engine.View
	if cmd.Has(commands.Write) {
		access = s.srv.engine.Update
	}
	err := access(&s.Access, s.inSlot)
	switch {
	case s.wait == nil:
	case err == nil:
		s.wait.start()
	default:
		s.wait = nil
	}
	if s.Later != nil {
		s.putAside(err)
	}
	if err == nil && cmd.After != nil {
		return cmd.After(&s.Call)
	}
	return err
}

// runAlone runs a command that is in no transaction on a slot.
func (s *session) runAlone(cmd *commands.Command) error {
	if !cmd.Has(commands.Write) {
		return cmd.Run(&s.Call)
	}
	if cmd.KeyRange != nil {
		first, n := cmd.KeyRange(s.Args)
		s.setAccess()
		s.AddKeys(commands.KeySpec{First: first, Last: first + n - 1, Step: 1}, s.Args)
	}
	s.Wrote = false
	err := cmd.Run(&s.Call)
	if s.Wrote {
		s.writes.end(s.Access.Slot)
	}
	s.writes.endAll() // FLUSHALL, for example
	return err
}

// runInSlot is called under the slot's lock.
func (s *session) runInSlot(tx *keyspace.Tx) error {
	if s.timer.on {
		s.timer.inSlotNow(s.srv)
	}
	if s.srv.modes.Load() != 0 {
		return s.runInMode(tx)
	}
	s.setTouching(tx, s.Cmd)
	return s.Cmd.Tx(&s.Call, tx)
}

// runInMode is runInSlot while something is unusual at the server.
func (s *session) runInMode(tx *keyspace.Tx) error {
	modes := s.srv.modes.Load()
	if modes&modePaused != 0 && s.Cmd.Has(commands.Write|commands.MayWrite) {
		return errHeld // the pause began after the check in execute
	}
	if modes&modeMeasured != 0 {
		defer s.ran(s.Access.Slot, s.srv.cfg.Now(), requestSize(s.Args))
	}
	s.setTouching(tx, s.Cmd)
	s.beginTracked(tx)
	err := s.Cmd.Tx(&s.Call, tx)
	if modes&modeMonitored != 0 && s.again == nil { // what has waited for a key was shown before
		s.show(s.Cmd, s.Args, err)
	}
	if s.tracks(s.Cmd) {
		s.trackKeys(tx, s.Access.Keys)
	}
	return err
}

func (s *session) setAccess() {
	s.Access.Slot = 0
	s.Access.Keys, s.Access.Channels = s.Access.Keys[:0], 0
	s.Access.CrossSlot = false
	s.Access.Asking = s.asking
	// A client that wants fresher data is sent to the master by the same MOVED as without
	// READONLY.
	s.Access.ReadOnly = s.readOnly && (s.maxStaleness == 0 || s.srv.cfg.MaxStaleness(s.maxStaleness))
}

// addKeys adds the keys of a command to what is about to be touched.
func (s *session) addKeys(cmd *commands.Command, args [][]byte) {
	if cmd.Has(commands.Asking) {
		s.Access.Asking = true
	}
	s.AddKeysOf(cmd, args)
}
