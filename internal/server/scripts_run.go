package server

import (
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/scripting"
	"github.com/slotmesh/slotmesh/slots"
)

// A script runs in one transaction on the slot of its keys, as a command does: what it
// reads and writes is one moment, and its effects are one record of the stream. An error
// does not take back what it has written, as in Redis, where scripts rely on that. (A
// command of the host program does, since there the error is how it says so: see
// Extension.)
//
// A script that is given no keys starts without a slot. The first command with a key that
// it calls decides which one: the rest of the script runs in a transaction on that.

// scriptRun is a session's script under way. A session has one, for all its scripts in
// turn.
type scriptRun struct {
	session *session
	found         // what runs
	err     error // why nothing does
	armed   bool  // found and run are those of the command under way
	calls   bool  // the script is under way
	run     scripting.Run

	tx       *keyspace.Tx // nil until the script has a slot
	readOnly bool         // the command or the script's flags forbid writes
	wrote    bool         // a command that may write was called

	enter   func(slots.Slot) bool // asks for a transaction on a slot; nil if the script has its own
	refused error                 // why there is none
	stop    atomic.Pointer[error] // why the script must end; see also lasting
	extra   [][]byte              // keys in flight that it was not given

	began   time.Time         // when the engine first asked Stop; zero before
	lasting *lasting          // what others know of the script; nil while it is short
	cut     *lasting          // the last one
	holds   bool              // lasting's Hold has the slot
	told    bool              // the log has been told that it lasts too long
	called  uint32            // commands that the script has called
	failure string            // the reply to the last of them that failed; "": none has
	outer   *commands.Command // that runs the script
	args    [][]byte          // its

	inner engine.Access // of the command that the script calls
	reply []byte        // of the last one
}

// found is a script or a function that a command names.
type found struct {
	id     string // for texts of errors
	exec   func(*scripting.Run)
	flags  scripting.Flags
	legacy bool // it says nothing about itself: what it may do shows when it does it
}

// errScriptAgain says that nothing has happened: the script has to run again with the keys
// that it turned out to use.
var errScriptAgain = errors.New("the script uses keys in flight")

// startScript runs EVAL and the other commands of scripts outside of EXEC. The script is
// looked for, and compiled, before the slot is locked; but a client that is wrong here is
// redirected first.
func (s *session) startScript(cmd *commands.Command) error {
	r := s.arm()
	defer r.disarm()
	mark := s.mark()
	s.stage(mark)
	s.setAccess()
	if !cmd.InSlot(s.Args) {
		err := cmd.Run(&s.Call)
		s.unstage(err == nil)
		return err
	}
	s.addKeys(cmd, s.Args)
	for {
		err := s.accessOf(cmd)(&s.Access, s.inSlot)
		if err != errScriptAgain && err != keyspace.ErrInterrupted {
			s.unstage(err == nil)
			return err
		}
		s.rewind(mark)
		s.dropStaged()
		r.yield()
		s.Access.Keys = append(s.Access.Keys, r.extra...)
		s.arm()
	}
}

// accessOf returns what gives a command its slot: a script only reads where the client
// reads at a replica.
func (s *session) accessOf(cmd *commands.Command) func(*engine.Access, func(*keyspace.Tx) error) error {
	switch {
	case !cmd.Has(commands.Write | commands.MayWrite):
		return s.srv.engine.View
	case cmd.Has(commands.Write):
		return s.srv.engine.Update
	}
	r := s.script
	switch m := s.srv.engine.Map(); {
	case r != nil && r.armed && r.readOnly, s.Access.ReadOnly && m != nil && !m.Self().IsMaster():
		return s.srv.engine.View
	case r != nil && r.armed && r.legacy && s.srv.engine.Vetoed() != nil:
		return s.srv.engine.View // it may only read
	}
	return s.srv.engine.Update
}

// arm finds the script of the command under way.
func (s *session) arm() *scriptRun {
	if s.script == nil {
		s.script = &scriptRun{session: s}
		s.script.run.Host = s.script
	}
	r := s.script
	r.armed, r.wrote, r.extra = true, false, r.extra[:0]
	r.stop.Store(nil)
	r.lasting = nil
	r.err = r.prepare()
	return r
}

// disarm keeps nothing of the script.
func (r *scriptRun) disarm() {
	r.armed, r.found, r.tx, r.enter = false, found{}, nil, nil
	r.began, r.lasting, r.told = time.Time{}, nil, false
	clear(r.inner.Keys)
	r.inner.Keys = r.inner.Keys[:0]
	if cap(r.reply) > keepReply {
		r.reply = nil
	}
}

// running reports whether the script is under way: it calls commands then.
func (r *scriptRun) running() bool { return r != nil && r.calls }

// keepReply is how long a buffer for replies a session keeps from script to script.
const keepReply = 16 << 10

func (r *scriptRun) prepare() (err error) {
	s := r.session
	n := 0
	if strings.HasPrefix(s.Cmd.Name, "fcall") {
		r.found, n, err = s.findFunction()
	} else if n, err = s.scriptKeys(); err == nil {
		r.found, err = s.findScript()
	}
	if err != nil {
		return err
	}
	r.readOnly = s.Cmd.Has(commands.ReadOnly) || r.flags.Has(scripting.NoWrites)
	r.run.ID, r.run.Keys, r.run.Args = r.id, s.Args[3:3+n], s.Args[3+n:]
	r.run.RESP3, r.run.MaxReply = s.Out.RESP3, s.MaxOutput
	r.run.Memory = s.srv.limits.Load().ScriptMemory
	return r.mayStart()
}

// findScript finds what the first argument names.
func (s *session) findScript() (found, error) {
	var sc *script
	var err error
	switch s.Cmd.Name {
	case "eval", "eval_ro":
		sc, err = s.srv.scripts.get(s.Args[1], false)
	default:
		sc, err = s.srv.scripts.find(s.Args[1])
	}
	if err != nil {
		return found{}, err
	}
	return found{sc.sha, sc.program.Run, sc.flags, sc.legacy}, nil
}

// scriptKeys returns how many of the arguments after the third are keys.
func (s *session) scriptKeys() (int, error) {
	n, err := s.Number(2)
	switch {
	case err != nil:
		return 0, err
	case n > int64(len(s.Args)-3):
		return 0, replyError("ERR Number of keys can't be greater than number of args")
	case n < 0:
		return 0, replyError("ERR Number of keys can't be negative")
	}
	return int(n), nil
}

// mayStart compares the script's flags with the node and the command.
func (r *scriptRun) mayStart() error {
	s := r.session
	switch {
	case r.legacy:
		return nil
	case r.flags.Has(scripting.NoCluster) && !s.Node.Standalone():
		return replyError("ERR Can not run script on cluster, 'no-cluster' flag is set.")
	case !r.flags.Has(scripting.NoWrites) && s.Cmd.Has(commands.ReadOnly):
		return replyError("ERR Can not execute a script with write flag using *_ro command.")
	}
	return nil
}

// runScript runs the script of the command under way: in the transaction on the slot of its
// keys or, where that is nil, without one to begin with.
func (s *session) runScript(tx *keyspace.Tx) error {
	r := s.script
	if r == nil || !r.armed { // in EXEC
		r = s.arm()
		defer r.disarm()
	}
	if s.srv.modes.Load()&modeMonitored != 0 {
		s.srv.monitors.show(s, s.Cmd, s.Args)
	}
	if r.err != nil {
		return r.err
	}
	if tx == nil {
		return r.alone()
	}
	if r.denied(tx) {
		return errShort
	}
	r.tx = tx
	r.execute()
	return r.undone(errScriptAgain, keyspace.ErrInterrupted)
}

const errShort = replyError("OOM allow-oom flag is not set on the script, can not run it when used memory > " +
	"'maxmemory'")

// denied reports whether the script's flags keep it from running while memory is short. One
// without flags may run, and learns from its first write.
func (r *scriptRun) denied(tx *keyspace.Tx) bool {
	return !r.legacy && !r.readOnly && !r.flags.Has(scripting.AllowOOM) && tx.Short()
}

// undone returns the error that takes back what the script has done, nil if that stands.
// again is for a script that may run once more, interrupted for one whose slot is
// needed by others: it, too, may run again.
func (r *scriptRun) undone(again, interrupted error) error {
	switch why := r.stopped(); why {
	case errScriptAgain:
		return again
	case keyspace.ErrInterrupted:
		return interrupted
	case ErrClosed:
		return why
	}
	return nil
}

// alone runs a script that was given no keys: as a coroutine, which stops where the script
// needs a slot and goes on in a transaction on that.
func (r *scriptRun) alone() error {
	s := r.session
	access := s.accessOf(s.Cmd) // which is another one while the script calls it
	next, end := iter.Pull(func(yield func(slots.Slot) bool) {
		r.enter = yield
		r.execute()
	})
	defer end()
	for {
		slot, more := next()
		if !more {
			return nil
		}
		s.Access.Slot, s.Access.Keys, s.Access.CrossSlot = slot, r.inner.Keys, false
		s.Access.Channels = r.inner.Channels
		entered := false
		err := access(&s.Access, func(tx *keyspace.Tx) error {
			if r.denied(tx) {
				return errShort
			}
			r.tx, entered = tx, true
			s.beginTracked(tx)
			next()
			return r.undone(slots.ErrTryAgain, slots.ErrTryAgain)
		})
		s.Access.Keys, s.Access.Channels = nil, 0
		if entered {
			return err
		}
		r.refused = err
	}
}

// execute runs the script and appends its reply to those of the session.
func (r *scriptRun) execute() {
	s := r.session
	cmd, args, out := s.Cmd, s.Args, s.Out
	r.outer, r.args = cmd, args
	defer func() {
		r.unlist()
		r.calls, r.tx, r.args, s.Borrowed = false, nil, nil, false
		s.Cmd, s.Args, s.Out = cmd, args, out
		s.Out.B = r.run.Reply
		r.run.Keys, r.run.Args, r.run.Reply = nil, nil, nil
	}()
	r.calls, r.failure, r.run.Reply, s.Borrowed = true, "", out.B, true
	began := len(out.B)
	r.exec(&r.run)
	reply := r.run.Reply[began:]
	if len(reply) > 0 && reply[0] == '-' && r.undone(errScriptAgain, keyspace.ErrInterrupted) == nil {
		if r.failure == "" || !strings.HasPrefix(string(reply), r.failure) { // otherwise it has been counted
			s.srv.stats.countError(string(reply[1:]))
		}
		s.shard.cmd[cmd.ID].failed.Add(1)
	}
}
