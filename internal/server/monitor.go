package server

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// MONITOR shows a client the commands that the node carries out, a line for each. As in
// Redis a line follows the command, but that of a script goes before it, so that what the
// script calls stands below; EXEC comes after the commands of its transaction; and what is
// refused before it runs (unknown, no rights, MOVED) is not shown, nor are the commands of
// administrators. The line of a command on a slot is made under the slot's lock: lines
// about a key are in the order of its changes.

// monitors are the clients that MONITOR shows commands.
type monitors struct {
	mu   sync.Mutex // guards what follows; taken under slots' locks, and before those of outputs
	list []*session
}

// monitorGroup is the command MONITOR.
var monitorGroup = []commands.Command{
	{Name: "monitor", Arity: 1, Flags: commands.Admin | commands.NoScript | commands.Loading | commands.Stale,
		Group: "server", Since: "1.0.0", Summary: "Shows the commands that the node carries out.",
		Run: ofSession(cmdMonitor)},
}

const (
	errMonitorMulti = replyError("ERR MONITOR isn't allowed for DENY BLOCKING client")
	errMonitorKeys  = replyError("ERR Replica can't interact with the keyspace") // Redis' words
)

// cmdMonitor answers nothing to a client that monitors already, as Redis.
func cmdMonitor(s *session) error {
	if s.multi.on {
		return errMonitorMulti
	}
	if s.monitoring {
		return commands.ErrNoReply
	}
	s.startPushing()
	s.monitoring = true
	s.setFlag(clientMonitor, true)
	m := &s.srv.monitors
	m.mu.Lock()
	m.list = append(m.list, s)
	s.srv.setMode(modeMonitored, true)
	m.mu.Unlock()
	s.Out.OK()
	return nil
}

// stopMonitoring undoes MONITOR.
func (s *session) stopMonitoring() {
	if !s.monitoring {
		return
	}
	s.monitoring = false
	s.setFlag(clientMonitor, false)
	m := &s.srv.monitors
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = slices.DeleteFunc(m.list, func(o *session) bool { return o == s })
	if len(m.list) == 0 {
		s.srv.setMode(modeMonitored, false)
	}
}

// mayNotTouch reports whether a command is one that a client cannot use that monitors.
func mayNotTouch(cmd *commands.Command) bool {
	return cmd.Has(commands.Write|commands.ReadOnly|commands.MayWrite) || cmd.Name == "publish" || cmd.Name == "spublish"
}

// show tells the clients that monitor of a command that has been carried out, or of a
// script that is about to be. err is what the command has returned.
func (s *session) show(cmd *commands.Command, args [][]byte, err error) {
	if !cmd.Has(commands.Admin|commands.SkipMonitor) && !refused(err) {
		s.srv.monitors.show(s, cmd, args)
	}
}

// refused reports whether err says that a command has not been carried out: there was no
// memory for it, or its keys are not served here.
func refused(err error) bool {
	if err == nil {
		return false
	}
	var moved *slots.MovedError
	var ask *slots.AskError
	return err == errHeld || errors.Is(err, keyspace.ErrOutOfMemory) || errors.Is(err, slots.ErrClusterDown) ||
		errors.Is(err, keyspace.ErrNoReplicas) || errors.Is(err, keyspace.ErrNotSaved) ||
		errors.Is(err, keyspace.ErrNotLogged) ||
		err == slots.ErrTryAgain || err == slots.ErrCrossSlot || err == slots.ErrReadOnly || isBusy(err) ||
		errors.As(err, &moved) || errors.As(err, &ask)
}

func (m *monitors) show(s *session, cmd *commands.Command, args [][]byte) {
	text := make([]byte, 0, 256)
	text = append(text, " [0 "...)
	text = append(text, s.monitorAddr()...)
	text = append(text, ']')
	hidden := secretsIn(cmd, args)
	for i, arg := range args {
		text = append(text, ' ')
		if hidden(i) {
			text = append(text, `"(redacted)"`...)
		} else {
			text = resp.AppendQuoted(text, arg)
		}
	}
	text = append(text, "\r\n"...)
	m.mu.Lock() // the lines have one order, and so have their times
	defer m.mu.Unlock()
	now := s.srv.cfg.Now()
	line := append(make([]byte, 0, 32+len(text)), '+')
	line = strconv.AppendInt(line, now.Unix(), 10)
	at := len(line)
	line = strconv.AppendInt(line, 1e6+int64(now.Nanosecond()/1000), 10)
	line[at] = '.'
	line = append(line, text...)
	for _, to := range m.list {
		switch {
		case to.hasFlag(clientMuted):
		case to == s:
			s.ownLines = append(s.ownLines, line...)
		default:
			to.push(line)
		}
	}
}

// monitorAddr returns where a command comes from: a client's address, "lua" for one that a
// script calls, and "go:0", which tools read as an address, for a call of the host program
// or another node.
func (s *session) monitorAddr() string {
	switch {
	case s.script.running():
		return "lua"
	case s.conn == nil:
		return "go:0"
	case s.hasFlag(clientUnix):
		return "unix:" + s.conn.LocalAddr().String()
	}
	return s.conn.RemoteAddr().String()
}

// showOwn appends the lines about a command of a client that itself monitors: behind the
// whole reply, which they would break into if they came where the command did.
func (s *session) showOwn() {
	if len(s.ownLines) > 0 && !s.hangUp {
		s.pushSelf(s.ownLines)
	}
	s.ownLines = nil
}

// secretsIn tells which arguments of a command are never shown. Where a line is wrong, and
// Redis shows what it did not get to, whatever might be a password is hidden.
func secretsIn(cmd *commands.Command, args [][]byte) func(i int) bool {
	switch cmd.Name {
	case "auth":
		return func(i int) bool { return i > 0 }
	case "acl|setuser":
		return func(i int) bool { return i > 1 }
	case "config|set":
		return func(i int) bool { return i > 2 && i%2 == 1 && secretDirectives[strings.ToLower(string(args[i-1]))] }
	case "hello":
		from := 1
		if len(args) > 1 {
			if _, ok := resp.ParseInt(args[1]); ok {
				from = 2
			}
		}
		return hiddenIn(args, from, helloSecrets)
	case "migrate":
		return hiddenIn(args, 6, migrateSecrets)
	}
	return func(int) bool { return false }
}

// secretDirectives are those whose values are not shown.
var secretDirectives = map[string]bool{
	"requirepass": true, "masterauth": true, "primaryauth": true, "masteruser": true, "primaryuser": true,
	"tls-key-file-pass": true, "tls-client-key-file-pass": true, "cluster-secret": true, "cluster-secret-old": true,
}

// hiddenIn looks at the options from an argument on. secrets returns how many arguments an
// option has, and whether they are hidden; n < 0 ends the options.
func hiddenIn(args [][]byte, from int, secrets func(option []byte) (n int, hide bool)) func(i int) bool {
	var hidden []int
	for i := from; i < len(args); i++ {
		n, hide := secrets(args[i])
		if n < 0 && !hide {
			break
		}
		if n < 0 { // unknown: nothing from here on is certain
			n, i = len(args), i-1
		}
		for j := i + 1; hide && j <= i+n && j < len(args); j++ {
			hidden = append(hidden, j)
		}
		i += n
	}
	return func(i int) bool { return slices.Contains(hidden, i) }
}

func helloSecrets(option []byte) (n int, hide bool) {
	switch {
	case commands.IsWord(option, "AUTH"):
		return 2, true
	case commands.IsWord(option, "SETNAME"):
		return 1, false
	}
	return -1, true
}

func migrateSecrets(option []byte) (n int, hide bool) {
	switch {
	case commands.IsWord(option, "COPY"), commands.IsWord(option, "REPLACE"):
		return 0, false
	case commands.IsWord(option, "AUTH"):
		return 1, true
	case commands.IsWord(option, "AUTH2"):
		return 2, true
	case commands.IsWord(option, "KEYS"):
		return -1, false
	}
	return -1, true
}
