package server

import (
	"strings"

	"github.com/slotmesh/slotmesh/keyspace"
)

// flag says what a command is like; the names are Redis'.
type flag uint32

const (
	flagWrite    flag = 1 << iota // may change data
	flagReadOnly                  // reads data
	flagDenyOOM                   // may need memory
	flagAdmin
	flagNoScript
	flagLoading        // also while data are being loaded
	flagStale          // also on a replica that lost its master
	flagFast           // O(1) or O(log n)
	flagNoAuth         // before the password
	flagNoAsyncLoading // not while data are being replaced
	flagNoMulti        // not in a transaction
	flagAllowBusy      // also while a script runs
	flagSkipSlowlog
	flagAsking      // as if ASKING had been said before
	flagMovableKeys // which arguments are keys depends on others: see command.keyRange

	// Ours, not shown.
	flagNow       // runs at once in MULTI, is not queued
	flagDangerous // category @dangerous without flagAdmin
	flagPlain     // in EXEC: touches neither the store nor the cluster, so it may run under a slot's lock
	flagKeepAsk   // does not use up ASKING
	flagHidden    // not in Redis 7.0: an addition
	flagProtected // only where Config.Debug allows it
)

var flagNames = []struct {
	flag flag
	name string
}{
	{flagWrite, "write"}, {flagReadOnly, "readonly"}, {flagDenyOOM, "denyoom"}, {flagAdmin, "admin"},
	{flagNoScript, "noscript"}, {flagLoading, "loading"}, {flagStale, "stale"}, {flagSkipSlowlog, "skip_slowlog"},
	{flagFast, "fast"}, {flagNoAuth, "no_auth"}, {flagNoAsyncLoading, "no_async_loading"},
	{flagNoMulti, "no_multi"}, {flagAllowBusy, "allow_busy"}, {flagAsking, "asking"}, {flagMovableKeys, "movablekeys"},
}

// keySpec says which arguments are keys: every step-th from first to last; a
// negative last counts from the end. The zero keySpec means none.
type keySpec struct{ first, last, step int }

var (
	oneKey   = keySpec{1, 1, 1}
	twoKeys  = keySpec{1, 2, 1}
	allKeys  = keySpec{1, -1, 1}
	pairKeys = keySpec{1, -1, 2}
	subKey   = keySpec{2, 2, 1} // of a subcommand
)

// command is a row of the command table. Exactly one of run and tx is set, or
// list with the subcommands (COMMAND has both).
type command struct {
	name    string // lower case; a subcommand's is "client|list"
	arity   int    // arguments with the name; -n means at least n
	flags   flag
	keys    keySpec
	group   string // string, generic, connection, server, cluster, transactions
	since   string // version of Redis
	summary string
	access  string // flags of the keys for COMMAND: "RO access", two separated by a comma
	tips    string // hints for clients, separated by spaces

	// keyRange returns which arguments are keys where keys only tells the usual ones; n may
	// be 0.
	keyRange func(args [][]byte) (first, n int)

	ahead func(*session)                     // what need not wait for the slot's lock; not called in EXEC
	run   func(*session) error               // without keys, or not in a transaction on their slot
	tx    func(*session, *keyspace.Tx) error // with keys: inside the transaction on their slot
	subs  *commandSet                        // by the second argument

	list   []*command // what subs finds, in table order
	parent *command
	id     int // index into the statistics
}

func (c *command) has(f flag) bool { return c.flags&f != 0 }

// fullName is name, also of no command.
func (c *command) fullName() string {
	if c == nil {
		return "NULL"
	}
	return c.name
}

// lastName is the name without the container's.
func (c *command) lastName() string {
	if _, sub, ok := strings.Cut(c.name, "|"); ok {
		return sub
	}
	return c.name
}

func (c *command) accepts(args int) bool {
	if c.arity > 0 {
		return args == c.arity
	}
	return args >= -c.arity
}

var (
	commands    *commandSet // top level
	commandList []*command  // the same in table order
	allCommands []*command  // with subcommands; index is id
)

// The table is filled at start and not by its declaration, because some
// commands (COMMAND) look into it.
func init() {
	for _, rows := range [][]command{
		stringCommands, numberCommands, keyCommands, expiryCommands, dumpCommands, migrateCommands, keyspaceCommands,
		connectionCommands, transactionCommands, serverCommands, clusterCommands, replicationCommands, saveCommands,
	} {
		for i := range rows {
			commandList = append(commandList, &rows[i])
			rows[i].register()
		}
	}
	commands = newCommandSet(commandList)
}

func (c *command) register() {
	c.id = len(allCommands)
	allCommands = append(allCommands, c)
	if c.list == nil {
		return
	}
	for _, sub := range c.list {
		sub.parent = c
		if sub.group == "" {
			sub.group = c.group
		}
		sub.name = c.name + "|" + sub.name
		sub.register()
	}
	c.subs = newCommandSet(c.list)
}

// rows turns a literal list into the form of command.list.
func rows(list ...command) []*command {
	p := make([]*command, len(list))
	for i := range list {
		p[i] = &list[i]
	}
	return p
}
