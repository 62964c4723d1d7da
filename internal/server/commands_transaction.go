package server

import (
	"unsafe"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A transaction's commands are queued as they come, each checked as far as that is
// possible without running it, and run by EXEC: those with keys, all of one slot, in one
// transaction of the store, so that other clients see all of them or none (docs/spec.md
// §7, last line).
//
// Commands that concern the whole keyspace or the cluster (FLUSHALL, DBSIZE, CLUSTER
// RESET …) cannot run under a slot's lock. They keep their place in the order, but the
// commands before and after them are then two transactions of the store, and other
// clients may be served in between.

// multi is an open MULTI.
type multi struct {
	on     bool
	spoilt bool // a command could not be queued: EXEC will refuse, and the queue is kept no longer
	writes bool // a queued command may write

	publishes bool // a queued command publishes a message
	bytes     int  // that the queue takes
	queue     []queued

	crossSlot bool // spoilt, and what had been queued before has keys in several slots
}

// spoilMulti makes EXEC refuse the open transaction.
func (s *session) spoilMulti() {
	if m := &s.multi; !m.spoilt {
		s.execAccess()
		m.spoilt, m.crossSlot = true, s.Access.CrossSlot
		m.queue, m.bytes = nil, 0
		s.shared.queuedBytes.Store(0)
	}
}

type queued struct {
	cmd  *commands.Command
	args [][]byte
}

// watches are the keys that a client watches. A key that is watched again stays as it was
// found first.
type watches struct {
	keys  map[string]watch
	bytes int // that they take
}

// watch is a key as WATCH found it. A key that was absent and is absent again counts as
// unchanged: its absence is what the client relied on. A slot that is leaving for another
// node is the exception: the key may be there by now.
type watch struct {
	slot    slots.Slot
	present bool
	version uint64
}

// changed is called under the slot's lock.
func (w *watch) changed(tx *keyspace.Tx, key string, m *slots.Map) bool {
	if _, ok := tx.Peek(bytesOf(key)); ok || w.present {
		return ok != w.present || tx.ChangedSince(bytesOf(key), w.version)
	}
	leaving := false
	if m != nil {
		_, leaving = m.Migrating(w.slot)
	}
	return leaving
}

// bytesOf views a string as bytes for code that only reads them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// transactionGroup is the commands on transactions.
var transactionGroup = []commands.Command{
	{Name: "multi", Arity: 1,
		Flags: commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.AllowBusy | commands.Now,
		Group: "transactions", Since: "1.2.0", Summary: "Starts a transaction: commands are queued until EXEC.",
		Run: ofSession(cmdMulti)},
	{Name: "exec", Arity: 1,
		Flags: commands.NoScript | commands.Loading | commands.Stale | commands.SkipSlowlog | commands.Now,
		Group: "transactions", Since: "1.2.0", Summary: "Runs the commands of a transaction.",
		Run: ofSession(cmdExec)},
	{Name: "discard", Arity: 1,
		Flags: commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.AllowBusy | commands.Now,
		Group: "transactions", Since: "2.0.0", Summary: "Gives up a transaction.", Run: ofSession(cmdDiscard)},
	{Name: "watch", Arity: -2,
		Flags: commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.AllowBusy | commands.Now,
		Keys:  commands.AllKeys, Group: "transactions", Since: "2.2.0", KeyFlags: "RO",
		Summary: "Makes the next EXEC do nothing if a key has changed until then.", Tx: ofSessionTx(cmdWatch)},
	{Name: "unwatch", Arity: 1,
		Flags: commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.AllowBusy | commands.Plain,
		Group: "transactions", Since: "2.2.0", Summary: "Forgets the watched keys.", Run: ofSession(cmdUnwatch)},
}

func cmdMulti(s *session) error {
	if s.multi.on {
		return replyError("ERR MULTI calls can not be nested")
	}
	s.multi = multi{on: true, queue: s.multi.queue[:0]}
	s.shared.queued.Store(0)
	s.Out.OK()
	return nil
}

func cmdDiscard(s *session) error {
	if !s.multi.on {
		return replyError("ERR DISCARD without MULTI")
	}
	s.endMulti()
	s.Out.OK()
	return nil
}

func (s *session) endMulti() {
	clear(s.multi.queue)
	s.multi = multi{}
	s.watched = watches{}
	s.shared.queued.Store(-1)
	s.shared.queuedBytes.Store(0)
	s.shared.watching.Store(0)
}

func cmdWatch(s *session, tx *keyspace.Tx) error {
	if s.multi.on {
		return replyError("ERR WATCH inside MULTI is not allowed")
	}
	for _, key := range s.Args[1:] {
		if _, known := s.watched.keys[string(key)]; known {
			continue
		}
		w := watch{slot: tx.Slot()}
		if e, ok := tx.Peek(key); ok {
			w.present, w.version = true, e.Version
		}
		if s.watched.keys == nil {
			s.watched.keys = make(map[string]watch)
		}
		s.watched.keys[string(key)] = w
		s.watched.bytes += len(key) + watchOverhead
	}
	s.shared.watching.Store(int32(len(s.watched.keys)))
	if !s.mayKeep() {
		return commands.ErrNoReply
	}
	s.Out.OK()
	return nil
}

func cmdUnwatch(s *session) error {
	s.watched = watches{}
	s.shared.watching.Store(0)
	s.Out.OK()
	return nil
}

// enqueue keeps a command for EXEC, after the checks that Redis makes at this point too:
// may it be in a transaction, would this node serve its keys.
func (s *session) enqueue(cmd *commands.Command) {
	if cmd.Has(commands.NoMulti) {
		s.reject(replyError("ERR Command not allowed inside a transaction"))
		return
	}
	if err := s.wouldServe(cmd); err != nil {
		s.reject(err)
		return
	}
	if s.multi.spoilt { // EXEC will refuse: there is nothing to keep it for
		s.Out.Simple("QUEUED")
		return
	}
	s.multi.bytes += queuedOverhead
	for _, arg := range s.Args {
		s.multi.bytes += len(arg) + argOverhead
	}
	if !s.mayKeep() {
		return
	}
	s.multi.queue = append(s.multi.queue, queued{cmd: cmd, args: cloneArgs(s.Args)})
	s.multi.writes = s.multi.writes || cmd.Has(commands.Write|commands.MayWrite)
	s.multi.publishes = s.multi.publishes || cmd.Has(commands.Publishes)
	s.shared.queued.Store(int32(len(s.multi.queue)))
	s.shared.queuedBytes.Store(int64(s.multi.bytes))
	s.Out.Simple("QUEUED")
}

// What a queued command, each of its arguments and a watched key take beside their bytes.
// Without it a queue of PINGs would take many times the memory that its limit says.
const (
	queuedOverhead = 48
	argOverhead    = 24
	watchOverhead  = 80
)

// mayKeep reports whether the transaction's commands and watched keys are within the
// limit of a query. If not, the client is closed without a word, as for a single command
// of that size.
func (s *session) mayKeep() bool {
	kept := s.multi.bytes + s.watched.bytes
	if kept <= s.limits.Query.MaxQuery {
		return true
	}
	s.srv.cfg.Logger.Warn("client closed: its transaction exceeds the query buffer limit", "client", s.id,
		"addr", s.conn.RemoteAddr(), "bytes", kept, "queued", len(s.multi.queue), "watched", len(s.watched.keys))
	s.hangUp = true
	return false
}

func cloneArgs(args [][]byte) [][]byte {
	total := 0
	for _, arg := range args {
		total += len(arg)
	}
	block := make([]byte, 0, total)
	list := make([][]byte, len(args))
	for i, arg := range args {
		from := len(block)
		block = append(block, arg...)
		list[i] = block[from:len(block):len(block)]
	}
	return list
}

func (s *session) wouldServe(cmd *commands.Command) error {
	if !cmd.InSlot(s.Args) {
		return nil
	}
	s.setAccess()
	s.addKeys(cmd, s.Args)
	nothing := func(*keyspace.Tx) error { return nil }
	return s.accessOf(cmd)(&s.Access, nothing)
}
