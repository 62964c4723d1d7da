package server

import (
	"bytes"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// tracking is a session's side of CLIENT TRACKING. It belongs to the session's goroutine.
type tracking struct {
	on      bool
	caching bool // CLIENT CACHING, good for the next command or transaction
	pending []*invalidation
	kept    []keptRead
	access  engine.Access // of a command in a transaction or a script
}

// keptRead is a read of a key that the same transaction had changed before: unlike other
// reads, it is not out of date once the transaction is committed.
type keptRead struct {
	key     []byte
	version uint64
	due     int // how often the client is to be told of changes before
}

// beginTracked says that the transaction acts for this session.
func (s *session) beginTracked(tx *keyspace.Tx) {
	if s.tracking.on {
		s.tracking.kept = s.tracking.kept[:0]
		tx.SetOrigin(s)
	}
}

// tracks reports whether the keys that a command reads are to be remembered: as in Redis,
// all that it names, whether they are there or not.
func (s *session) tracks(cmd *commands.Command) bool {
	if !s.tracking.on || !cmd.Has(commands.ReadOnly) || cmd.Has(commands.Script) {
		return false
	}
	switch mode := s.shared.tracked.Load().mode.Load(); {
	case mode&trackBcast != 0:
		return false
	case mode&trackOptIn != 0:
		return s.tracking.caching
	case mode&trackOptOut != 0:
		return !s.tracking.caching
	}
	return true
}

// trackKeys remembers the keys that a command has read. It is called under the slot's lock,
// in the transaction that has read them.
func (s *session) trackKeys(tx *keyspace.Tx, keys [][]byte) {
	t, c := &s.srv.tracker, s.shared.tracked.Load()
	for _, key := range keys {
		added := t.table.add(tx.Slot(), key, c)
		if tx.Changed(key) {
			s.tracking.keep(key, tx.Version(key), !added)
		}
	}
}

// trackCommand is trackKeys for a command in a transaction or a script. As in Redis, what
// is read there by a script are the keys that the script was given.
func (s *session) trackCommand(tx *keyspace.Tx, cmd *commands.Command, args [][]byte) {
	if !s.tracks(cmd) {
		return
	}
	if s.script.running() {
		s.trackKeys(tx, s.script.run.Keys)
		return
	}
	outer := s.Access
	s.Access = engine.Access{Keys: s.tracking.access.Keys[:0]}
	s.AddKeysOf(cmd, args)
	s.tracking.access, s.Access = s.Access, outer
	s.trackKeys(tx, s.tracking.access.Keys)
	clear(s.tracking.access.Keys)
}

// keep notes that the key was read after a change by the same transaction. known says that
// it was remembered before.
func (t *tracking) keep(key []byte, version uint64, known bool) {
	at := slices.IndexFunc(t.kept, func(k keptRead) bool { return bytes.Equal(k.key, key) })
	switch {
	case at < 0:
		k := keptRead{key: bytes.Clone(key), version: version}
		if known {
			k.due = 1
		}
		t.kept = append(t.kept, k)
	case t.kept[at].version != version:
		t.kept[at].version = version
		t.kept[at].due++
	}
}

// changedKept is tracker.changed for a transaction that has read what it had changed.
func (t *tracker) changedKept(slot slots.Slot, ops []keyspace.Op, by *session) {
	last := make(map[string]uint64)
	var order []string
	for i := range ops {
		key, other, _ := ops[i].Changes()
		for _, k := range [...][]byte{key, other} {
			if k == nil {
				continue
			}
			if _, again := last[string(k)]; !again {
				order = append(order, string(k))
			}
			last[string(k)] = ops[i].Version
		}
	}
	for _, key := range order {
		t.invalidateKept(slot, bytesOf(key), last[key], by)
	}
	by.tracking.kept = by.tracking.kept[:0] // what a waiter changes comes after all reads
}

// invalidateKept is invalidate for a key that may have been read after its last change,
// which made that version.
func (t *tracker) invalidateKept(slot slots.Slot, key []byte, version uint64, by *session) {
	own := &by.tracking
	at := slices.IndexFunc(own.kept, func(k keptRead) bool { return bytes.Equal(k.key, key) })
	if at < 0 {
		t.invalidate(slot, key, by)
		return
	}
	list, c := t.table.remove(slot, key), by.shared.tracked.Load()
	others := slices.DeleteFunc(slices.Clone(list), func(o *tracked) bool { return o == c })
	t.tell(others, key, by)
	due := own.kept[at].due
	if version > own.kept[at].version {
		due++
	} else if len(others) < len(list) {
		t.table.add(slot, key, c)
	}
	for range due {
		t.tell(trackedBy{c}, key, by)
	}
}

// invalidateOwn notes that the session is to be told of a key that it has changed itself.
func (t *tracking) invalidateOwn(key []byte) {
	t.pending = append(t.pending, &invalidation{keys: [][]byte{bytes.Clone(key)}})
}

// endTracked ends a command of a session that tracks keys: what it has changed itself
// follows the reply.
func (s *session) endTracked() {
	t := &s.tracking
	if t.caching && !s.multi.on && (s.Cmd == nil || s.Cmd.Name != "client" && !strings.HasPrefix(s.Cmd.Name, "client|")) {
		t.caching = false
	}
	if len(t.pending) > 0 {
		c := s.shared.tracked.Load()
		for _, m := range t.pending {
			if to, b := c.route(m); to == s {
				s.pushSelf(b)
			} else if to != nil {
				to.push(b)
			}
		}
		clear(t.pending)
		t.pending = t.pending[:0]
	}
	if limit := s.limits.TrackedKeys; limit > 0 && s.srv.tracker.table.keys.Load() > limit {
		s.srv.tracker.shrink()
	}
}
