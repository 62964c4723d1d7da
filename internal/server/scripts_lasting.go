package server

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

// Most scripts take microseconds, and nobody asks about them. One that has run for
// lastsAfter is put on a list, by which it can be ended, and turns the lock of its slot
// into a keyspace.Hold. Until then it costs nothing but a look at the clock every time that
// the engine asks whether it may go on.

// lastsAfter is how long others may have to wait for a slot without a say.
const lastsAfter = time.Millisecond

// lastingScripts are the scripts that have run for some time.
type lastingScripts struct {
	mu     sync.Mutex
	list   []*lasting // in the order in which they came
	closed bool       // further ones are ended at once
}

// lasting is what others know of a script that runs.
type lasting struct {
	keyspace.Hold // of its slot, once it has one
	name          string
	function      bool     // otherwise a script of EVAL
	command       [][]byte // guarded by lastingScripts.mu: the client's memory

	writes atomic.Uint32 // noWrite, wrote or mayNotWrite
	cause  atomic.Pointer[error]
}

// A script that has called a command that writes is not killed, and one that is killed
// writes nothing any more.
const (
	noWrite = iota
	wrote
	mayNotWrite
)

// The texts of Redis, and why scripts end. What ends a script becomes a Lua error, so it has
// no code.
const (
	errBusyScript = replyError("BUSY Redis is busy running a script. You can only call SCRIPT KILL or " +
		"SHUTDOWN NOSAVE.")
	errBusyFunction = replyError("BUSY Redis is busy running a script. You can only call FUNCTION KILL or " +
		"SHUTDOWN NOSAVE.")
	errNotBusy    = replyError("NOTBUSY No scripts in execution right now.")
	errUnkillable = replyError("UNKILLABLE Sorry the script already executed write commands against the dataset. " +
		"You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.")

	errKilled      = replyError("Script killed by user with SCRIPT KILL...")
	errOverwritten = replyError("Script ended: it has run for too long, and its master has written to the slot")
)

// busy is what clients get that want the script's slot.
func (l *lasting) busy() error {
	if l.function {
		return errBusyFunction
	}
	return errBusyScript
}

// end makes the script end.
func (l *lasting) end(why error) {
	if why == keyspace.ErrOverwritten {
		why = errOverwritten
	}
	l.cause.CompareAndSwap(nil, &why)
}

// kill ends the script if it has not written.
func (l *lasting) kill() bool {
	if l.writes.Load() != mayNotWrite && !l.writes.CompareAndSwap(noWrite, mayNotWrite) {
		return false
	}
	l.end(errKilled)
	return true
}

// mayWrite is called before the script calls a command that writes.
func (l *lasting) mayWrite() bool {
	return l.writes.CompareAndSwap(noWrite, wrote) || l.writes.Load() == wrote
}

// reason returns why the script must end, nil if it may go on.
func (l *lasting) reason() error {
	if why := l.cause.Load(); why != nil {
		return *why
	}
	return nil
}

func (ls *lastingScripts) add(l *lasting) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		l.end(ErrClosed)
	}
	ls.list = append(ls.list, l)
}

func (ls *lastingScripts) remove(l *lasting) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.list = slices.DeleteFunc(ls.list, func(o *lasting) bool { return o == l })
	l.command = nil
}

// close ends all scripts, and those to come after a moment.
func (ls *lastingScripts) close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.closed = true
	for _, l := range ls.list {
		l.end(ErrClosed)
	}
}

// lateLocked returns the scripts that have run for longer than limit; 0 is for ever.
func (ls *lastingScripts) lateLocked(limit time.Duration) (late []*lasting) {
	for _, l := range ls.list {
		if limit > 0 && time.Since(l.Began) >= limit {
			late = append(late, l)
		}
	}
	return late
}

// kill ends the scripts, or functions, that have run for longer than limit and have not
// written. If none has run for so long, it ends the one that has run longest.
func (ls *lastingScripts) kill(function bool, limit time.Duration) error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.list) == 0 {
		return errNotBusy
	}
	list := ls.lateLocked(limit)
	if len(list) == 0 {
		list = append(list, slices.MinFunc(ls.list, func(a, b *lasting) int { return a.Began.Compare(b.Began) }))
	}
	killed := false
	var refusal error
	for _, l := range list {
		switch {
		case l.function != function:
			if refusal == nil {
				refusal = l.busy()
			}
		case l.kill():
			killed = true
		default:
			refusal = errUnkillable
		}
	}
	if killed {
		return nil
	}
	return refusal
}

// scriptControl is the server's scripts as commands see them.
type scriptControl struct{ s *Server }

func (c scriptControl) Kill(function bool) error {
	return c.s.lasting.kill(function, c.s.engine.Store().BusyAfter())
}

// Busy returns the error of a script that has run for too long, nil if there is none.
func (c scriptControl) Busy() error {
	ls := &c.s.lasting
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.lateLocked(c.s.engine.Store().BusyAfter()) {
		return l.busy()
	}
	return nil
}

// Function returns the function that has run longest.
func (c scriptControl) Function() (f commands.RunningFunction, ok bool) {
	ls := &c.s.lasting
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.list {
		if l.function && (!ok || l.Began.Before(f.Began)) {
			f, ok = commands.RunningFunction{Name: l.name, Command: cloneArgs(l.command), Began: l.Began}, true
		}
	}
	return f, ok
}

// isBusy reports whether err is that of a script that has run for too long.
func isBusy(err error) bool { return errors.Is(err, errBusyScript) || errors.Is(err, errBusyFunction) }

// Stop returns why the script has to end, nil if it may go on.
func (r *scriptRun) Stop() error {
	if why := r.stop.Load(); why != nil {
		return *why
	}
	now := time.Now()
	if r.began.IsZero() {
		r.began = now
	}
	took := now.Sub(r.began)
	if took < lastsAfter {
		return nil
	}
	if r.lasting == nil {
		r.list()
	}
	if r.tx != nil && !r.holds {
		r.holds = true
		r.tx.Hold(&r.lasting.Hold)
	}
	if limit := r.session.srv.engine.Store().BusyAfter(); limit > 0 && took >= limit && !r.told {
		r.told = true
		r.session.srv.cfg.Logger.Warn("a script has run for long: clients that want its slot get BUSY; SCRIPT KILL or "+
			"FUNCTION KILL ends it unless it has written", "script", r.id, "ran", took, "client", r.session.id)
	}
	return r.lasting.reason()
}

// list puts the script on the list of those that last.
func (r *scriptRun) list() {
	l := &lasting{name: r.id, function: strings.HasPrefix(r.outer.Name, "fcall"), command: r.args}
	l.Began, l.Busy, l.End = r.began, l.busy(), l.end
	if r.wrote {
		l.writes.Store(wrote)
	}
	r.session.srv.lasting.add(l)
	r.lasting = l
}

// unlist undoes list, and turns the Hold into a lock.
func (r *scriptRun) unlist() {
	if r.holds {
		r.holds = false
		r.tx.EndHold()
	}
	if r.lasting != nil {
		r.session.srv.lasting.remove(r.lasting)
	}
	r.cut = r.lasting
}

// yield lets those have the slot that have asked for it, before the script runs again.
func (r *scriptRun) yield() {
	if l := r.cut; l != nil {
		r.cut = nil
		l.Yield()
	}
}

// stopped returns why the script had to end.
func (r *scriptRun) stopped() error {
	if why := r.stop.Load(); why != nil {
		return *why
	}
	if r.lasting != nil {
		return r.lasting.reason()
	}
	return nil
}
