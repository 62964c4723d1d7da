package server

import (
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Commands about all keys of this node, whatever their slot.
var keyspaceCommands = []command{
	{name: "keys", arity: 2, flags: flagReadOnly | flagDangerous, group: "generic", since: "1.0.0",
		tips: "request_policy:all_shards nondeterministic_output_order", summary: "Returns all keys that match a glob.",
		run: cmdKeys},
	{name: "scan", arity: -2, flags: flagReadOnly, group: "generic", since: "2.8.0",
		tips: "nondeterministic_output request_policy:special", summary: "Walks through all keys, some at a time.",
		run: cmdScan},
	{name: "randomkey", arity: 1, flags: flagReadOnly, group: "generic", since: "1.0.0",
		tips: "request_policy:all_shards nondeterministic_output", summary: "Returns a random key.", run: cmdRandomKey},
	{name: "dbsize", arity: 1, flags: flagReadOnly | flagFast, group: "server", since: "1.0.0",
		tips: "request_policy:all_shards response_policy:agg_sum", summary: "Returns the number of keys.", run: cmdDBSize},
	{name: "flushall", arity: -1, flags: flagWrite | flagDangerous, group: "server", since: "1.0.0",
		tips: "request_policy:all_shards response_policy:all_succeeded", summary: "Deletes all keys.", run: cmdFlush},
	{name: "flushdb", arity: -1, flags: flagWrite | flagDangerous, group: "server", since: "1.0.0",
		tips: "request_policy:all_shards response_policy:all_succeeded", summary: "Deletes all keys.", run: cmdFlush},
}

// scanStep is how many keys KEYS takes at a time.
const scanStep = 1000

func cmdKeys(s *session) error {
	var list resp.Writer
	n := 0
	limit := s.maxOutput()
	for cursor := uint64(0); ; {
		cursor = s.srv.store.Scan(cursor, scanStep, func(_ slots.Slot, key []byte, _ keyspace.Entry) bool {
			if glob.Match(s.args[1], key) {
				list.Bulk(key)
				n++
			}
			return len(list.B) <= limit
		})
		if len(list.B) > limit {
			return errReplyTooBig
		}
		if cursor == 0 {
			break
		}
	}
	s.out.Array(n)
	s.out.B = append(s.out.B, list.B...)
	return nil
}

func cmdScan(s *session) error {
	cursor, ok := scanCursor(s.args[1])
	if !ok {
		return errBadCursor
	}
	var match []byte
	count, wanted := int64(10), true
	for i := 2; i < len(s.args); i += 2 {
		if i+1 == len(s.args) {
			return errSyntax
		}
		switch {
		case s.word(i, "COUNT"):
			n, err := s.number(i + 1)
			if err != nil {
				return err
			}
			if n < 1 {
				return errSyntax
			}
			count = n
		case s.word(i, "MATCH"):
			match = s.args[i+1]
		case s.word(i, "TYPE"):
			wanted = s.word(i+1, "STRING")
		default:
			return errSyntax
		}
	}
	if len(match) == 1 && match[0] == '*' {
		match = nil
	}
	var list resp.Writer
	n, limit := 0, s.maxOutput()
	cursor = s.srv.store.Scan(cursor, int(min(count, 1<<30)), func(_ slots.Slot, key []byte, _ keyspace.Entry) bool {
		if wanted && (match == nil || glob.Match(match, key)) {
			list.Bulk(key)
			n++
		}
		return len(list.B) < limit
	})
	s.out.Array(2)
	s.out.BulkInt(int64(cursor))
	s.out.Array(n)
	s.out.B = append(s.out.B, list.B...)
	return nil
}

// scanCursor reads an unsigned number; Redis takes spaces and signs here too, but
// no client sends them.
func scanCursor(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

func cmdRandomKey(s *session) error {
	key, ok := s.srv.store.RandomKey(rand.Uint64)
	if !ok {
		s.out.Null()
		return nil
	}
	s.out.Bulk(key)
	return nil
}

func cmdDBSize(s *session) error {
	s.out.Int(int64(s.srv.store.Len()))
	return nil
}

// cmdFlush is FLUSHALL and FLUSHDB: there is one database. ASYNC and SYNC are the same
// here, dropping a slot takes no time that depends on its keys.
func cmdFlush(s *session) error {
	if len(s.args) > 2 || len(s.args) == 2 && !s.word(1, "SYNC") && !s.word(1, "ASYNC") {
		return errSyntax
	}
	if err := s.srv.engine.Clear(s.access.Done); err != nil {
		return err
	}
	s.out.OK()
	return nil
}
