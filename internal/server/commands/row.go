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
	Blocking       // may make its client wait: see Call.Wait
	Loading        // also while data are being loaded
	Stale          // also on a replica that lost its master
	Fast           // O(1) or O(log n)
	NoAuth         // before the password
	NoAsyncLoading // not while data are being replaced
	NoMulti        // not in a transaction
	AllowBusy      // also while a script runs
	SkipSlowlog
	Asking      // as if ASKING had been said before
	MovableKeys // which arguments are keys depends on others: see Command.KeyRange, Counted and KeysAfter
	SkipMonitor
	NoMandatoryKeys // makes sense without keys, too
	PubSub          // about messages: see Command.Channels

	// Ours, not shown.
	Now       // runs at once in MULTI, is not queued
	Dangerous // category @dangerous without Admin
	Plain     // in EXEC: touches neither the store nor the cluster, so it may run under a slot's lock
	KeepAsk   // does not use up ASKING
	Hidden    // not in Redis 7.0: an addition
	Callable  // without keys, and makes sense without a connection
	Protected // only where the server allows DEBUG
	Script    // runs a script
	MayWrite  // the script may change data, or only read them
	Sharded   // Keys are channels of shards, which are routed as keys are
	Publishes // changes no data, but is treated as a write by pauses and by scripts that may only read
	Quick     // not Fast in Redis, but as little to do as if it were
)

var flagNames = []struct {
	flag Flag
	name string
}{
	{Write, "write"}, {ReadOnly, "readonly"}, {DenyOOM, "denyoom"}, {Admin, "admin"},
	{NoScript, "noscript"}, {Blocking, "blocking"}, {Loading, "loading"}, {Stale, "stale"}, {SkipSlowlog, "skip_slowlog"},
	{Fast, "fast"}, {NoAuth, "no_auth"}, {NoAsyncLoading, "no_async_loading"},
	{NoMulti, "no_multi"}, {AllowBusy, "allow_busy"}, {Asking, "asking"}, {SkipMonitor, "skip_monitor"},
	{NoMandatoryKeys, "no_mandatory_keys"}, {MovableKeys, "movablekeys"}, {PubSub, "pubsub"},
}

// KeySpec says which arguments are keys: every Step-th from First to Last; a negative
// Last counts from the end. The zero KeySpec means none.
type KeySpec struct{ First, Last, Step int }

// Keyword is a word that stands at argument From of a line, or later.
type Keyword struct {
	Word string // upper case
	From int
}

// Where commands have their keys.
var (
	OneKey   = KeySpec{1, 1, 1}
	TwoKeys  = KeySpec{1, 2, 1}
	AllKeys  = KeySpec{1, -1, 1}
	PairKeys = KeySpec{1, -1, 2}
	SubKey   = KeySpec{2, 2, 1} // of a subcommand
)

// Command is a row of the command table. Exactly one of Run and Tx is set, or Subs with
// the subcommands (COMMAND has both Subs and Run). A command that makes sense without keys
// too, such as EVAL, has both: Run is for lines that name none.
type Command struct {
	Name    string // lower case; a subcommand's is "client|list" once it is in a Table
	Arity   int    // arguments with the name; -n means at least n
	Flags   Flag
	Keys    KeySpec
	Group   string // string, hash, set, sorted-set, list, generic, connection, server, cluster, transactions, scripting
	Since   string // version of Redis
	Summary string
	// KeyFlags says what happens to the keys, for COMMAND: "RO access", several separated by
	// commas; after a ? of keys that options name, see optionUse.
	KeyFlags string
	Tips     string // hints for clients, separated by spaces
	Args     string // of a subcommand, in the words of Redis, for HELP
	Category string // of ACLs, several separated by spaces; "": that of the group

	// Channels says which arguments are channels that the user of a client must have a right
	// to; ChannelPatterns that they are patterns of channels.
	Channels        KeySpec
	ChannelPatterns bool

	// Counted is the argument that says how many keys come after it, 0 = none. A line in which
	// it is wrong has no keys, and the command refuses it.
	Counted int

	// KeysAfter is a word before keys, of which the first half of the arguments after it are.
	// A line without it has no keys, and the command refuses it.
	KeysAfter Keyword

	// KeyRange returns which arguments are keys where Keys only tells the usual ones; n may
	// be 0.
	KeyRange func(args [][]byte) (first, n int)

	// StoreKey returns which argument is a key because an option says so, 0 = none. It is
	// written, beside those of Keys.
	StoreKey func(args [][]byte) int

	// keyFlagsIn is KeyFlags of a command whose arguments tell what it does to its keys.
	keyFlagsIn func(args [][]byte) *keyFlags

	Ahead func(*Call)                     // what need not wait for the slot's lock; not called in EXEC
	Run   func(*Call) error               // without keys, or not in a transaction on their slot
	Tx    func(*Call, *keyspace.Tx) error // with keys: inside the transaction on their slot
	After func(*Call) error               // what of Tx need not be done under the lock; in EXEC it is
	// Locked takes the place of Run in a script that holds a slot; nil: it is refused there,
	// unless it is Plain.
	Locked func(*Call, *keyspace.Tx) error
	Subs   []Command // in the order in which COMMAND shows them

	// What a Table sets.
	ID     int // index into the statistics
	parent *Command
	list   []*Command // the rows of Subs
	subs   *nameSet   // finds them; nil if there are none
	uses   []keyUse   // Keys and KeyFlags, split by what happens to the keys
}

// Has reports whether a flag is set; of several, whether one of them is.
func (c *Command) Has(f Flag) bool { return c.Flags&f != 0 }

// InSlot reports whether a command line runs in a transaction on the slot of its keys.
func (c *Command) InSlot(line [][]byte) bool {
	if c.Tx == nil || c.Run == nil {
		return c.Tx != nil
	}
	_, ok := countedKeys(line, c.Counted)
	return ok
}

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
