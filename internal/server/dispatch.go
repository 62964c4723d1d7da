package server

import (
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Reading the clock costs as much as a GET. So the first calls of a command are
// timed, then one in some.
const (
	timeFirst = 64
	timeOneIn = 64
)

// execute runs one command and appends its reply. held means that nothing has
// happened yet: the command waits for the end of a pause.
func (s *session) execute(args [][]byte) (held bool) {
	s.args = args
	mark := len(s.out.B)
	cmd, err := s.srv.resolve(s.srv.commands, args)
	if err == nil {
		err = s.mayDebug(cmd)
	}
	if err == nil && !s.authed && !cmd.has(flagNoAuth) {
		err = errNoAuth
	}
	if err == nil && !cmd.has(flagLoading) && s.srv.loading.Load() {
		err = errLoading
	}
	if err != nil {
		s.cmd = cmd
		if cmd == nil && isHTTP(args) {
			s.abortHTTP()
			return false
		}
		s.reject(err)
		s.endCommand(mark)
		return false
	}
	s.cmd = cmd
	if s.srv.paused.Load() != nil && s.mustWait(cmd) {
		return true
	}
	if s.multi.on && !cmd.has(flagNow) {
		s.enqueue(cmd)
		s.endCommand(mark)
		return false
	}
	if cmd.has(flagWrite) {
		s.noteTerm()
	}
	switch err := s.timed(cmd); {
	case err == nil:
		if cmd.has(flagWrite) {
			s.noteWrite()
		}
	case err == errHeld:
		s.out.B = s.out.B[:mark]
		return true
	case err == errSilent:
		s.out.B = s.out.B[:mark]
	default:
		s.out.B = s.out.B[:mark]
		s.fail(err)
		s.shard.cmd[cmd.id].failed.Add(1)
	}
	s.endCommand(mark)
	return false
}

// resolve finds a command of set and checks the number of its arguments.
func (s *Server) resolve(set *commandSet, args [][]byte) (*command, error) {
	cmd := s.findIn(set, args[0])
	if cmd == nil {
		return nil, errUnknownCommand(args)
	}
	if cmd.subs != nil && len(args) > 1 {
		sub := cmd.subs.find(args[1])
		if sub == nil {
			return nil, errUnknownSub(args[0], args[1])
		}
		cmd = sub
	}
	if !cmd.accepts(len(args)) {
		return cmd, errArity(cmd)
	}
	return cmd, nil
}

// reject replies with an error found before the command ran. In a transaction it
// spoils the whole of it; an EXEC that is refused ends it.
func (s *session) reject(err error) {
	if s.cmd != nil {
		s.shard.cmd[s.cmd.id].rejected.Add(1)
		if s.cmd.name == "exec" {
			s.endMulti()
			err = replyError("EXECABORT Transaction discarded because of: " + strings.TrimPrefix(err.Error(), "ERR "))
		}
	}
	if s.multi.on {
		s.multi.spoil()
	}
	s.fail(err)
}

// endCommand ends a command: ASKING is used up, CLIENT REPLY has its way.
func (s *session) endCommand(mark int) {
	if s.asking && !s.multi.on && (s.cmd == nil || !s.cmd.has(flagKeepAsk)) {
		s.asking = false
	}
	switch s.replies {
	case repliesOn:
		return
	case replySkip1:
		s.replies = repliesOn
	case replySkip:
		s.replies = replySkip1
	}
	s.out.B = s.out.B[:mark]
}

func (s *session) timed(cmd *command) error {
	stat := &s.shard.cmd[cmd.id]
	if n := stat.calls.Add(1); n > timeFirst && n%timeOneIn != 0 {
		err := s.start(cmd)
		if err == errHeld {
			stat.calls.Add(-1)
		}
		return err
	}
	began := s.srv.cfg.Now()
	err := s.start(cmd)
	if err == errHeld {
		stat.calls.Add(-1)
		return err
	}
	stat.timed.Add(1)
	stat.nanos.Add(int64(s.srv.cfg.Now().Sub(began)))
	return err
}

// start runs a command outside of EXEC.
func (s *session) start(cmd *command) error {
	if cmd.tx == nil {
		return cmd.run(s)
	}
	s.setAccess()
	s.addKeys(cmd, s.args)
	if cmd.ahead != nil {
		return s.startAhead(cmd)
	}
	if cmd.has(flagWrite) {
		return s.srv.engine.Update(&s.access, s.inSlot)
	}
	return s.srv.engine.View(&s.access, s.inSlot)
}

// runInSlot is called under the slot's lock.
func (s *session) runInSlot(tx *keyspace.Tx) error {
	if s.cmd.has(flagWrite) && s.srv.paused.Load() != nil {
		return errHeld // the pause began after the check in execute
	}
	return s.cmd.tx(s, tx)
}

func (s *session) setAccess() {
	s.access.Slot = 0
	s.access.Keys = s.access.Keys[:0]
	s.access.CrossSlot = false
	s.access.Asking = s.asking
	// Whoever asks for fresh data is sent to the master by the same MOVED as without READONLY.
	s.access.ReadOnly = s.readOnly && (s.maxStaleness == 0 || s.srv.cfg.MaxStaleness(s.maxStaleness))
}

// addKeys adds the keys of a command to what is about to be touched.
func (s *session) addKeys(cmd *command, args [][]byte) {
	if cmd.has(flagAsking) {
		s.access.Asking = true
	}
	s.addKeysAt(cmd.keys, args)
}

func (s *session) addKeysAt(keys keySpec, args [][]byte) {
	first, last, step := keys.first, keys.last, keys.step
	if last < 0 {
		last += len(args)
	}
	last = min(last, len(args)-1)
	if last > first {
		s.access.Keys = slices.Grow(s.access.Keys, (last-first)/step+1)
	}
	standalone := s.srv.standalone()
	for i := first; i <= last; i += step {
		key := args[i]
		if !standalone {
			slot := slots.Of(key)
			if len(s.access.Keys) == 0 {
				s.access.Slot = slot
			} else if slot != s.access.Slot {
				s.access.CrossSlot = true
			}
		}
		s.access.Keys = append(s.access.Keys, key)
	}
}

func errUnknownCommand(args [][]byte) error {
	b := []byte("ERR unknown command '")
	b = append(b, clip(args[0], 128)...)
	b = append(b, "', with args beginning with: "...)
	start := len(b)
	for _, arg := range args[1:] {
		room := 128 - (len(b) - start)
		if room <= 0 {
			break
		}
		b = append(b, '\'')
		b = append(b, clip(arg, room)...)
		b = append(b, "' "...)
	}
	return replyError(b)
}

// errUnknownSub names the command as the client did: it may have been given another name.
func errUnknownSub(cmd, name []byte) error {
	return replyError("ERR unknown subcommand '" + string(clip(name, 128)) + "'. Try " + upper(string(clip(cmd, 128))) +
		" HELP.")
}

// errSubArity refuses what the table lets through because some form of the subcommand
// takes as many arguments.
func errSubArity(args [][]byte) error {
	return replyError("ERR unknown subcommand or wrong number of arguments for '" + string(clip(args[1], 128)) +
		"'. Try " + upper(string(clip(args[0], 128))) + " HELP.")
}

// clip cuts a text that came from the client to n bytes, and at a zero byte.
func clip(b []byte, n int) []byte {
	if len(b) > n {
		b = b[:n]
	}
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}
