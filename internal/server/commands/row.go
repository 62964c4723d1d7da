package commands

import (
	"strings"

	"github.com/slotmesh/slotmesh/keyspace"
)

// Flag says what a command is like; the names are Redis'.
type Flag uint32

// What commands are like.
const (
	Write    Flag = 1 << iota // may change data
	ReadOnly                  // reads data
	DenyOOM                   // may need memory
	Admin
	NoScript
	Loading        // also while data are being loaded
	Stale          // also on a replica that lost its master
	Fast           // O(1) or O(log n)
	NoAuth         // before the password
	NoAsyncLoading // not while data are being replaced
	NoMulti        // not in a transaction
	AllowBusy      // also while a script runs
	SkipSlowlog
	Asking      // as if ASKING had been said before
	MovableKeys // which arguments are keys depends on others: see Command.KeyRange

	// Ours, not shown.
	Now       // runs at once in MULTI, is not queued
	Dangerous // category @dangerous without Admin
	Plain     // in EXEC: touches neither the store nor the cluster, so it may run under a slot's lock
	KeepAsk   // does not use up ASKING
	Hidden    // not in Redis 7.0: an addition
	Callable  // without keys, and makes sense without a connection
	Protected // only where the server allows DEBUG
)

var flagNames = []struct {
	flag Flag
	name string
}{
	{Write, "write"}, {ReadOnly, "readonly"}, {DenyOOM, "denyoom"}, {Admin, "admin"},
	{NoScript, "noscript"}, {Loading, "loading"}, {Stale, "stale"}, {SkipSlowlog, "skip_slowlog"},
	{Fast, "fast"}, {NoAuth, "no_auth"}, {NoAsyncLoading, "no_async_loading"},
	{NoMulti, "no_multi"}, {AllowBusy, "allow_busy"}, {Asking, "asking"}, {MovableKeys, "movablekeys"},
}

// KeySpec says which arguments are keys: every Step-th from First to Last; a negative
// Last counts from the end. The zero KeySpec means none.
type KeySpec struct{ First, Last, Step int }

// Where commands have their keys.
var (
	OneKey   = KeySpec{1, 1, 1}
	TwoKeys  = KeySpec{1, 2, 1}
	AllKeys  = KeySpec{1, -1, 1}
	PairKeys = KeySpec{1, -1, 2}
	SubKey   = KeySpec{2, 2, 1} // of a subcommand
)

// Command is a row of the command table. Exactly one of Run and Tx is set, or Subs with
// the subcommands (COMMAND has both Subs and Run).
type Command struct {
	Name     string // lower case; a subcommand's is "client|list" once it is in a Table
	Arity    int    // arguments with the name; -n means at least n
	Flags    Flag
	Keys     KeySpec
	Group    string // string, generic, connection, server, cluster, transactions
	Since    string // version of Redis
	Summary  string
	KeyFlags string // what happens to the keys, for COMMAND: "RO access", two separated by a comma
	Tips     string // hints for clients, separated by spaces
	Args     string // of a subcommand, in the words of Redis, for HELP
	Category string // of ACLs; "": that of the group

	// KeyRange returns which arguments are keys where Keys only tells the usual ones; n may
	// be 0.
	KeyRange func(args [][]byte) (first, n int)

	// keyFlagsIn is KeyFlags of a command whose arguments tell what it does to its keys.
	keyFlagsIn func(args [][]byte) *keyFlags

	Ahead func(*Call)                     // what need not wait for the slot's lock; not called in EXEC
	Run   func(*Call) error               // without keys, or not in a transaction on their slot
	Tx    func(*Call, *keyspace.Tx) error // with keys: inside the transaction on their slot
	Subs  []Command                       // in the order in which COMMAND shows them

	// What a Table sets.
	ID     int // index into the statistics
	parent *Command
	list   []*Command // the rows of Subs
	subs   *nameSet   // finds them; nil if there are none
	uses   []keyUse   // Keys and KeyFlags, split by what happens to the keys
}

// Has reports whether a flag is set.
func (c *Command) Has(f Flag) bool { return c.Flags&f != 0 }

// FullName returns the name, also of no command.
func (c *Command) FullName() string {
	if c == nil {
		return "NULL"
	}
	return c.Name
}

// lastName returns the name without the container's.
func (c *Command) lastName() string {
	if _, sub, ok := strings.Cut(c.Name, "|"); ok {
		return sub
	}
	return c.Name
}

func (c *Command) accepts(args int) bool {
	if c.Arity > 0 {
		return args == c.Arity
	}
	return args >= -c.Arity
}
