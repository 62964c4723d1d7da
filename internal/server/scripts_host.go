package server

import (
	"bytes"
	"errors"
	"time"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/scripting"
	"github.com/slotmesh/slotmesh/slots"
)

// scriptRun is the host of its script: see scripting.Host. The commands that it calls run
// as those of the session, one inside the other, with a buffer for replies of their own.
var _ scripting.Host = (*scriptRun)(nil)

// The refusals of commands that scripts call, in the order in which they are checked.
const (
	errCalledUnknown = replyError("ERR Unknown Redis command called from script")
	errCalledArity   = replyError("ERR Wrong number of args calling Redis command from script")
	errCalledNever   = replyError("ERR This Redis command is not allowed from script")
	errCalledUser    = replyError("ERR The user executing the script can't run this command or subcommand")
	errCalledKey     = replyError("ERR The user executing the script can't access at least one of the keys " +
		"mentioned in the command arguments")
	errCalledChannel = replyError("ERR The user executing the script can't publish to the channel mentioned " +
		"in the command")
	errCalledWrite    = replyError("ERR Write commands are not allowed from read-only scripts.")
	errCalledReadOnly = replyError("READONLY You can't write against a read only replica.")
	errCalledDown     = replyError("ERR Script attempted to execute a command while the cluster is down")
	errCalledDownRO   = replyError("ERR Script attempted to execute a write command while the cluster is down " +
		"and readonly")
	errCalledElsewhere = replyError("ERR Script attempted to access a non local key in a cluster node")
	errCalledCross     = replyError("ERR Script attempted to access keys that do not hash to the same slot")
)

// errCalledLocked refuses a command that would need the locks of other slots, or wait for
// something, while the script holds that of its own.
func errCalledLocked(cmd *commands.Command) error {
	return replyError("ERR '" + cmd.Name + "' is not allowed from a script that has used a key: " +
		"it needs more than the slot that the script holds")
}

// A script of few instructions can take long in the commands that it calls: every so many
// of them, and after one with a long reply, others that wait for the slot may have to know.
const (
	lookEvery = 16
	longReply = 16 << 10
)

// Call runs a command of the script and returns its reply.
func (r *scriptRun) Call(args [][]byte, resp3 bool) []byte {
	s := r.session
	s.Out.B, s.Out.RESP3 = r.reply[:0], resp3
	if err := r.call(args); err != nil {
		s.Out.B = s.Out.B[:0]
		s.fail(err)
		r.failure = string(bytes.TrimRight(s.Out.B, "\r\n"))
	}
	r.reply, s.Out.B = s.Out.B, nil
	if r.called++; r.called%lookEvery == 0 || len(r.reply) > longReply {
		r.Stop() // for the clock: what has to end the engine will see
	}
	return r.reply
}

func (r *scriptRun) call(args [][]byte) error {
	s := r.session
	cmd, err := r.resolve(args)
	if err == nil {
		err = r.mayCall(cmd, args)
	}
	if err != nil {
		return err
	}
	if l := r.lasting; l != nil && cmd.Has(commands.Write) && !l.mayWrite() {
		return l.reason()
	}
	s.Cmd, s.Args = cmd, args
	if err := r.locate(cmd, args); err != nil {
		return err
	}
	if r.tx != nil && cmd.Has(commands.Write) {
		// What has begun to write is not stopped by a lack of memory, as in Redis.
		r.tx.Exceed(r.wrote || r.flags.Has(scripting.AllowOOM))
		defer r.tx.Exceed(false)
	}
	stat := &s.shard.cmd[cmd.ID]
	w := weight(cmd, len(args), stat.calls.Load()+1, s.srv.modes.Load())
	var began time.Duration
	if w != 0 {
		began = s.srv.elapsed()
	}
	err = r.runCommand(cmd)
	s.count(stat, err)
	if w != 0 {
		s.noteTime(cmd, args, s.srv.elapsed()-began, w)
	}
	if s.srv.modes.Load()&modeMonitored != 0 {
		s.show(cmd, args, err)
	}
	r.wrote = r.wrote || cmd.Has(commands.Write) && !errors.Is(err, keyspace.ErrOutOfMemory)
	return err
}

func (r *scriptRun) resolve(args [][]byte) (*commands.Command, error) {
	cmd, err := r.table().Resolve(args)
	switch {
	case err == nil:
		return cmd, nil
	case cmd == nil:
		return nil, errCalledUnknown
	}
	return nil, errCalledArity
}

// table returns the commands by the names that the session's client knows.
func (r *scriptRun) table() *commands.Table {
	if r.session.Client == nil {
		return r.session.srv.original
	}
	return r.session.Node.Table
}

// mayCall makes the checks that come before those of keys.
func (r *scriptRun) mayCall(cmd *commands.Command, args [][]byte) error {
	s := r.session
	if cmd.Has(commands.NoScript) || s.mayDebug(cmd) != nil {
		return errCalledNever
	}
	if s.user != nil && !s.user.Unrestricted() {
		if err := r.mayUse(cmd, args); err != nil {
			return err
		}
	}
	if cmd.Has(commands.Publishes) && r.readOnly {
		return errCalledWrite
	}
	if cmd.Has(commands.Write) {
		switch m := s.srv.engine.Map(); {
		case r.readOnly:
			return errCalledWrite
		case m != nil && !m.Self().IsMaster():
			return errCalledReadOnly
		case !r.wrote:
			return s.srv.engine.Vetoed()
		}
	}
	return nil
}

// mayUse checks the rights of the session's user.
func (r *scriptRun) mayUse(cmd *commands.Command, args [][]byte) error {
	s := r.session
	d := s.denial(s.user, cmd, args)
	switch d.Reason {
	case acl.Allowed:
		return nil
	case acl.DeniedKey:
		s.logDenial(d.Reason, string(args[d.Arg]))
		return errCalledKey
	case acl.DeniedChannel:
		s.logDenial(d.Reason, string(args[d.Arg]))
		return errCalledChannel
	}
	s.logDenial(d.Reason, cmd.Name)
	return errCalledUser
}

// MayRun reports whether the session's user has the right to a command line.
func (r *scriptRun) MayRun(args [][]byte) (bool, error) {
	s := r.session
	cmd, err := r.table().Resolve(args)
	if cmd == nil {
		return false, err
	}
	if s.user == nil || s.user.Unrestricted() {
		return true, nil
	}
	if err != nil { // the number of arguments is wrong: it is unknown which are keys
		return !s.user.Check(&acl.Request{Command: cmd.ID, Args: args}).Denied(), nil
	}
	return !s.denial(s.user, cmd, args).Denied(), nil
}

// locate sees to it that the keys of a command are of the script's slot, and here. A script
// without a slot gets that of the first keys.
func (r *scriptRun) locate(cmd *commands.Command, args [][]byte) error {
	if !cmd.InSlot(args) {
		if r.tx != nil && cmd.Tx == nil && cmd.Locked == nil && !cmd.Has(commands.Plain) {
			return errCalledLocked(cmd)
		}
		return nil
	}
	s := r.session
	outer := s.Access
	s.Access = engine.Access{Keys: r.inner.Keys[:0], Asking: outer.Asking, ReadOnly: outer.ReadOnly}
	s.AddKeysOf(cmd, args)
	r.inner, s.Access = s.Access, outer
	switch {
	case r.inner.CrossSlot:
		return errCalledElsewhere
	case r.tx == nil:
		return r.takeSlot()
	case len(r.inner.Keys)+r.inner.Channels == 0: // the command will refuse its arguments
		return nil
	case r.inner.Slot != r.tx.Slot():
		return r.elsewhere()
	}
	return r.stillHere(cmd)
}

// elsewhere says why keys of another slot than the script's cannot be used.
func (r *scriptRun) elsewhere() error {
	if m := r.session.srv.engine.Map(); m != nil {
		a := &r.inner
		err := slots.Route(m, slots.Request{Slot: a.Slot, Keys: 1, Asking: a.Asking, ReadOnly: a.ReadOnly})
		if err != nil {
			return refusalInScript(err)
		}
	}
	return errCalledCross
}

// takeSlot stops the script until it has a transaction on the slot of a command's keys.
func (r *scriptRun) takeSlot() error {
	if r.enter == nil || !r.enter(r.inner.Slot) {
		return errCalledElsewhere
	}
	if r.tx != nil {
		return nil
	}
	return refusalInScript(r.refused)
}

// refusalInScript returns the error of a command whose keys this node does not serve.
func refusalInScript(err error) error {
	var moved *slots.MovedError
	var ask *slots.AskError
	switch {
	case err == slots.ErrClusterDown:
		return errCalledDown
	case err == slots.ErrDownReadOnly:
		return errCalledDownRO
	case err == slots.ErrTryAgain, err == slots.ErrSlotNotServed, errors.As(err, &moved), errors.As(err, &ask):
		return errCalledElsewhere
	}
	return err
}

// stillHere looks at keys that the script was not given: one may be on its way to another
// node, or there already.
func (r *scriptRun) stillHere(cmd *commands.Command) error {
	e := r.session.srv.engine
	write := cmd.Has(commands.Write)
	wait, err := e.Admit(r.tx, &r.inner, write)
	switch {
	case err != nil:
		return refusalInScript(err)
	case !wait:
		return nil
	}
	for _, key := range r.inner.Keys {
		r.extra = append(r.extra, append([]byte(nil), key...))
	}
	r.end(errScriptAgain)
	return errScriptAgain
}

// end makes the script end.
func (r *scriptRun) end(why error) { r.stop.CompareAndSwap(nil, &why) }

func (r *scriptRun) runCommand(cmd *commands.Command) (err error) {
	s := r.session
	switch {
	case r.tx != nil && cmd.Locked != nil:
		err = cmd.Locked(&s.Call, r.tx)
	case cmd.Tx == nil:
		err = cmd.Run(&s.Call)
	default:
		s.setTouching(r.tx, cmd)
		err = cmd.Tx(&s.Call, r.tx)
		s.trackCommand(r.tx, cmd, s.Args)
	}
	if later := s.Later; later != nil {
		s.Later = nil
		if err == nil {
			err = later()
		}
	}
	if err == nil && cmd.After != nil {
		err = cmd.After(&s.Call)
	}
	if len(s.Out.B) > s.MaxOutput {
		err = commands.ErrReplyTooBig
	}
	return err
}

// Log writes to the node's log.
func (r *scriptRun) Log(level scripting.Level, message string) {
	log := r.session.srv.cfg.Logger
	switch level {
	case scripting.Debug, scripting.Verbose:
		log.Debug("script", "message", message)
	case scripting.Notice:
		log.Info("script", "message", message)
	default:
		log.Warn("script", "message", message)
	}
}
