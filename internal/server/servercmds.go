package server

import (
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
)

const flagsConfig = flagAdmin | flagNoScript | flagLoading | flagStale

var serverCommands = []command{
	infoCommand,
	commandCommand,
	{name: "config", arity: -2, group: "server", since: "2.0.0", summary: "Shows and changes the configuration.",
		list: rows(
			command{name: "get", arity: -3, flags: flagsConfig, since: "2.0.0",
				summary: "Returns the directives that match globs.", run: cmdConfigGet},
			command{name: "help", arity: 2, flags: flagLoading | flagStale | flagPlain, since: "5.0.0",
				summary: "Lists the subcommands.", run: cmdHelp},
			command{name: "resetstat", arity: 2, flags: flagsConfig, since: "2.0.0", summary: "Sets counters to zero.",
				run: cmdConfigResetStat},
			command{name: "rewrite", arity: 2, flags: flagsConfig, since: "2.8.0",
				summary: "Writes the configuration to its file.", run: cmdConfigRewrite},
			command{name: "set", arity: -4, flags: flagsConfig, since: "2.0.0",
				tips:    "request_policy:all_nodes response_policy:all_succeeded",
				summary: "Changes directives while the node runs.", run: cmdConfigSet},
		)},
	{name: "time", arity: 1, flags: flagLoading | flagStale | flagFast | flagPlain, group: "server", since: "2.6.0",
		tips: "nondeterministic_output", summary: "Returns the node's time.", run: cmdTime},
	{name: "role", arity: 1, flags: flagNoScript | flagLoading | flagStale | flagFast | flagDangerous, group: "server",
		since:   "2.8.12",
		summary: "Returns the node's role in replication.", run: cmdRole},
	{name: "shutdown", arity: -1, flags: flagAdmin | flagNoScript | flagLoading | flagStale | flagNoMulti | flagAllowBusy,
		group: "server", since: "1.0.0",
		summary: "Ends the node.", run: cmdShutdown},
	{name: "memory", arity: -2, group: "server", since: "4.0.0", summary: "Looks at memory.", list: rows(
		command{name: "help", arity: 2, flags: flagLoading | flagStale | flagPlain, since: "4.0.0",
			summary: "Lists the subcommands.", run: cmdHelp},
		command{name: "usage", arity: -3, flags: flagReadOnly, keys: subKey, since: "4.0.0", access: "RO",
			summary: "Returns the bytes that a key takes.", tx: cmdMemoryUsage},
	)},
	{name: "debug", arity: -2, flags: flagAdmin | flagNoScript | flagLoading | flagStale | flagProtected,
		group: "server", since: "1.0.0",
		summary: "Helps with tests.", run: cmdDebug},
}

func cmdTime(s *session) error {
	now := s.srv.cfg.Now()
	s.out.Array(2)
	s.out.BulkInt(now.Unix())
	s.out.BulkInt(int64(now.Nanosecond() / 1000))
	return nil
}

const errNoSettings = replyError("ERR CONFIG is not available: the host program configures this node")

func cmdConfigGet(s *session) error {
	if s.srv.cfg.Settings == nil {
		s.out.Map(0)
		return nil
	}
	var pairs [][2]string
	seen := make(map[string]bool)
	for _, pattern := range s.args[2:] {
		for _, pair := range s.srv.cfg.Settings.Get(string(pattern)) {
			if !seen[pair[0]] {
				seen[pair[0]] = true
				pairs = append(pairs, pair)
			}
		}
	}
	s.out.Map(len(pairs))
	for _, pair := range pairs {
		s.out.BulkString(pair[0])
		s.out.BulkString(pair[1])
	}
	return nil
}

// cmdConfigSet changes all the directives named or, if one is refused, none.
func cmdConfigSet(s *session) error {
	if len(s.args)%2 != 0 {
		return errArity(s.cmd)
	}
	if s.srv.cfg.Settings == nil {
		return errNoSettings
	}
	var pairs [][2]string
	for i := 2; i < len(s.args); i += 2 {
		pairs = append(pairs, [2]string{strings.ToLower(string(s.args[i])), string(s.args[i+1])})
	}
	if err := s.srv.cfg.Settings.Set(pairs); err != nil {
		return replyError("ERR " + strings.TrimPrefix(err.Error(), "ERR "))
	}
	s.out.OK()
	return nil
}

func cmdConfigRewrite(s *session) error {
	if s.srv.cfg.Settings == nil {
		return errNoSettings
	}
	if err := s.srv.cfg.Settings.Rewrite(); err != nil {
		return replyError("ERR " + err.Error())
	}
	s.out.OK()
	return nil
}

func cmdConfigResetStat(s *session) error {
	s.srv.stats.reset()
	s.srv.store.ResetStats()
	if s.srv.cfg.ResetStats != nil {
		s.srv.cfg.ResetStats()
	}
	s.out.OK()
	return nil
}

// cmdShutdown closes this connection without a reply; the node ends by itself. Whether it
// saves before is its own rules' business unless the client says SAVE, whose failure is a
// reason not to end (but for FORCE), or NOSAVE.
func cmdShutdown(s *session) error {
	var save, noSave, force bool
	for i := 1; i < len(s.args); i++ {
		switch {
		case s.word(i, "ABORT") && len(s.args) == 2:
			return replyError("ERR No shutdown in progress.")
		case s.word(i, "NOSAVE") && !save:
			noSave = true
		case s.word(i, "SAVE") && !noSave:
			save = true
		case s.word(i, "FORCE"):
			force = true
		case s.word(i, "NOW"):
		default:
			return errSyntax
		}
	}
	if s.srv.cfg.OnShutdown == nil {
		return replyError("ERR SHUTDOWN is not available: the host program ends this node")
	}
	if snapshots := s.srv.cfg.Snapshots; snapshots != nil {
		if save {
			if err := snapshots.Save(s.srv.life); err != nil && !force {
				s.srv.cfg.Logger.Error("SHUTDOWN SAVE refused: the snapshot failed", "error", err)
				return replyError("ERR Errors trying to SHUTDOWN. Check logs.")
			}
		}
		if noSave {
			snapshots.NoLastSave()
		}
	}
	s.srv.cfg.Logger.Info("a client asked for SHUTDOWN", "client", s.id, "addr", s.conn.RemoteAddr())
	go s.srv.cfg.OnShutdown() // it will wait for this goroutine, in Close
	s.hangUp = true
	return errSilent
}

func cmdRole(s *session) error {
	r := s.srv.cfg.Replication()
	if m := r.Master; m != nil {
		s.out.Array(5)
		s.out.BulkString("slave")
		s.out.BulkString(m.Host)
		s.out.Int(int64(m.Port))
		s.out.BulkString(m.State)
		s.out.Int(r.Offset)
		return nil
	}
	s.out.Array(3)
	s.out.BulkString("master")
	s.out.Int(r.Offset)
	s.out.Array(len(r.Replicas))
	for _, rep := range r.Replicas {
		s.out.Array(3)
		s.out.BulkString(rep.Host)
		s.out.BulkString(itoa(int(rep.Port)))
		s.out.BulkInt(rep.Offset)
	}
	return nil
}

func cmdMemoryUsage(s *session, tx *keyspace.Tx) error {
	for i := 3; i < len(s.args); i += 2 {
		if !s.word(i, "SAMPLES") || i+1 == len(s.args) {
			return errSyntax
		}
		n, err := s.number(i + 1)
		if err != nil {
			return err
		}
		if n < 0 {
			return errSyntax
		}
	}
	if _, ok := tx.Peek(s.args[2]); !ok {
		s.out.Null()
		return nil
	}
	s.out.Int(tx.Size(s.args[2]))
	return nil
}

// cmdDebug knows SLEEP, which makes all clients wait: tests use it to make a node
// look hung. The bus goes on.
func cmdDebug(s *session) error {
	switch {
	case s.word(1, "HELP"):
		return cmdHelp(s)
	case s.word(1, "SLEEP") && len(s.args) == 3:
		seconds, err := strconv.ParseFloat(string(s.args[2]), 64)
		if err != nil || !(seconds >= 0 && seconds <= 1e6) {
			seconds = 0 // as C's strtod and usleep would have it
		}
		s.srv.Pause(time.Duration(seconds*float64(time.Second)), false)
		s.out.OK()
		if !s.srv.awaitUnpause() {
			s.hangUp = true
		}
		return nil
	}
	return errSubArity(s.args)
}

func sortSessions(list []*session) {
	sort.Slice(list, func(i, j int) bool { return list[i].id < list[j].id })
}
