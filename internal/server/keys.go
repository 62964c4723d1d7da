package server

import (
	"bytes"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

var keyCommands = []command{
	{name: "del", arity: -2, flags: flagWrite, keys: allKeys, group: "generic", since: "1.0.0", access: "RM delete",
		tips: "request_policy:multi_shard response_policy:agg_sum", summary: "Deletes keys.", tx: cmdDel},
	{name: "unlink", arity: -2, flags: flagWrite | flagFast, keys: allKeys, group: "generic", since: "4.0.0",
		access: "RM delete",
		tips:   "request_policy:multi_shard response_policy:agg_sum", summary: "Deletes keys.", tx: cmdDel},
	{name: "exists", arity: -2, flags: flagReadOnly | flagFast, keys: allKeys, group: "generic", since: "1.0.0",
		access: "RO",
		tips:   "request_policy:multi_shard response_policy:agg_sum", summary: "Counts the keys that are there.",
		tx: cmdExists},
	{name: "touch", arity: -2, flags: flagReadOnly | flagFast, keys: allKeys, group: "generic", since: "3.2.1",
		access:  "RO",
		tips:    "request_policy:multi_shard response_policy:agg_sum",
		summary: "Counts the keys that are there and marks them as used.", tx: cmdTouch},
	{name: "type", arity: 2, flags: flagReadOnly | flagFast, keys: oneKey, group: "generic", since: "1.0.0", access: "RO",
		summary: "Returns the type of a key's value.", tx: cmdType},
	{name: "rename", arity: 3, flags: flagWrite, keys: twoKeys, group: "generic", since: "1.0.0",
		access:  "RW access delete,OW update",
		summary: "Renames a key.", tx: cmdRename},
	{name: "renamenx", arity: 3, flags: flagWrite | flagFast, keys: twoKeys, group: "generic", since: "1.0.0",
		access:  "RW access delete,OW insert",
		summary: "Renames a key if the new name is free.", tx: cmdRenameNX},
	{name: "copy", arity: -3, flags: flagWrite | flagDenyOOM, keys: twoKeys, group: "generic", since: "6.2.0",
		access:  "RO access,OW update",
		summary: "Copies a key's value and expiry to another key.", tx: cmdCopy},
	{name: "object", arity: -2, group: "generic", since: "2.2.3", summary: "Looks at how a key is kept.", list: rows(
		command{name: "encoding", arity: 3, flags: flagReadOnly, keys: subKey, since: "2.2.3", access: "RO",
			tips: "nondeterministic_output", summary: "Returns the encoding that Redis would use.", tx: cmdObjectEncoding},
		command{name: "freq", arity: 3, flags: flagReadOnly, keys: subKey, since: "4.0.0", access: "RO",
			tips: "nondeterministic_output", summary: "Returns how often a key is used, on a logarithmic scale.",
			tx: cmdObjectFreq},
		command{name: "help", arity: 2, flags: flagLoading | flagStale | flagPlain, since: "6.2.0",
			summary: "Lists the subcommands.", run: cmdHelp},
		command{name: "idletime", arity: 3, flags: flagReadOnly, keys: subKey, since: "2.2.3", access: "RO",
			tips: "nondeterministic_output", summary: "Returns the seconds since a key was used.", tx: cmdObjectIdleTime},
		command{name: "refcount", arity: 3, flags: flagReadOnly, keys: subKey, since: "2.2.3", access: "RO",
			tips: "nondeterministic_output", summary: "Returns 1: values are not shared.", tx: cmdObjectRefCount},
	)},
}

func cmdDel(s *session, tx *keyspace.Tx) error {
	n := int64(0)
	for _, key := range s.args[1:] {
		if tx.Delete(key) {
			n++
		}
	}
	s.out.Int(n)
	return nil
}

func cmdExists(s *session, tx *keyspace.Tx) error {
	n := int64(0)
	for _, key := range s.args[1:] {
		if _, ok := tx.Peek(key); ok {
			n++
		}
	}
	s.out.Int(n)
	return nil
}

func cmdTouch(s *session, tx *keyspace.Tx) error {
	n := int64(0)
	for _, key := range s.args[1:] {
		if _, ok := tx.Get(key); ok {
			n++
		}
	}
	s.out.Int(n)
	return nil
}

func cmdType(s *session, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(s.args[1]); ok {
		s.out.Simple("string")
	} else {
		s.out.Simple("none")
	}
	return nil
}

func cmdRename(s *session, tx *keyspace.Tx) error {
	if _, err := s.rename(tx, true); err != nil {
		return err
	}
	s.out.OK()
	return nil
}

func cmdRenameNX(s *session, tx *keyspace.Tx) error {
	done, err := s.rename(tx, false)
	if err != nil {
		return err
	}
	s.out.Int(int64(btoi(done)))
	return nil
}

func (s *session) rename(tx *keyspace.Tx, replace bool) (done bool, err error) {
	from, to := s.args[1], s.args[2]
	e, ok := tx.Get(from)
	if !ok {
		return false, errNoKey
	}
	if bytes.Equal(from, to) {
		return replace, nil
	}
	if _, taken := tx.Peek(to); taken && !replace {
		return false, nil
	}
	if err := tx.Put(to, e.Type, e.Value, e.ExpireAt); err != nil {
		return false, err
	}
	return tx.Delete(from), nil
}

func cmdCopy(s *session, tx *keyspace.Tx) error {
	replace := false
	for i := 3; i < len(s.args); i++ {
		switch {
		case s.word(i, "REPLACE"):
			replace = true
		case s.word(i, "DB") && i+1 < len(s.args):
			i++
			if err := s.copyDB(i); err != nil {
				return err
			}
		default:
			return errSyntax
		}
	}
	from, to := s.args[1], s.args[2]
	if bytes.Equal(from, to) {
		return replyError("ERR source and destination objects are the same")
	}
	e, ok := tx.Get(from)
	if ok && !replace {
		_, taken := tx.Peek(to)
		ok = !taken
	}
	if ok {
		if err := tx.Put(to, e.Type, e.Value, e.ExpireAt); err != nil {
			return err
		}
	}
	s.out.Int(int64(btoi(ok)))
	return nil
}

// copyDB checks the DB option of COPY: there is one database.
func (s *session) copyDB(i int) error {
	db, ok := resp.ParseInt(s.args[i])
	switch {
	case !ok:
		return errNotInt
	case db < 0 || db > 15:
		return replyError("ERR DB index is out of range")
	case db != 0 && !s.srv.standalone():
		return replyError("ERR Copying to another database is not allowed in cluster mode")
	case db != 0:
		return replyError("ERR DB index is out of range")
	}
	return nil
}

func cmdObjectEncoding(s *session, tx *keyspace.Tx) error {
	e, ok := tx.Peek(s.args[2])
	if !ok {
		s.out.Null()
		return nil
	}
	s.out.BulkString(encoding(e.Value))
	return nil
}

// encoding names what Redis would make of a value. Here all values are kept as
// bytes.
func encoding(v []byte) string {
	const embedded = 44 // longest value that Redis keeps beside its header
	if _, ok := resp.ParseInt(v); ok {
		return "int"
	}
	if len(v) <= embedded {
		return "embstr"
	}
	return "raw"
}

func cmdObjectRefCount(s *session, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(s.args[2]); !ok {
		s.out.Null()
		return nil
	}
	s.out.Int(1)
	return nil
}

func (s *session) lfu() bool {
	p := s.srv.store.Policy()
	return p == keyspace.AllKeysLFU || p == keyspace.VolatileLFU
}

func cmdObjectIdleTime(s *session, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(s.args[2]); !ok {
		s.out.Null()
		return nil
	}
	if s.lfu() {
		return replyError("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when " +
			"switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
	s.out.Int(int64(tx.Idle(s.args[2]).Seconds()))
	return nil
}

func cmdObjectFreq(s *session, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(s.args[2]); !ok {
		s.out.Null()
		return nil
	}
	if !s.lfu() {
		return replyError("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that " +
			"when switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
	s.out.Int(int64(tx.Freq(s.args[2])))
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
