package server

import (
	"github.com/slotmesh/slotmesh/keyspace"
)

var stringCommands = []command{
	{name: "get", arity: 2, flags: flagReadOnly | flagFast, keys: oneKey, group: "string", since: "1.0.0",
		access:  "RO access",
		summary: "Returns the value of a key.", tx: cmdGet},
	{name: "set", arity: -3, flags: flagWrite | flagDenyOOM, keys: oneKey, group: "string", since: "1.0.0",
		access:  "RW access update variable_flags",
		summary: "Sets a key's value, whatever it was before; with options for expiry and conditions.", tx: cmdSet},
	{name: "setnx", arity: 3, flags: flagWrite | flagDenyOOM | flagFast, keys: oneKey, group: "string", since: "1.0.0",
		access:  "OW insert",
		summary: "Sets a key that is not there.", tx: cmdSetNX},
	{name: "setex", arity: 4, flags: flagWrite | flagDenyOOM, keys: oneKey, group: "string", since: "2.0.0",
		access:  "OW update",
		summary: "Sets a key with an expiry in seconds.", tx: cmdSetEX},
	{name: "psetex", arity: 4, flags: flagWrite | flagDenyOOM, keys: oneKey, group: "string", since: "2.6.0",
		access:  "OW update",
		summary: "Sets a key with an expiry in milliseconds.", tx: cmdPSetEX},
	{name: "getset", arity: 3, flags: flagWrite | flagDenyOOM | flagFast, keys: oneKey, group: "string", since: "1.0.0",
		access:  "RW access update",
		summary: "Sets a key and returns its old value.", tx: cmdGetSet},
	{name: "getdel", arity: 2, flags: flagWrite | flagFast, keys: oneKey, group: "string", since: "6.2.0",
		access:  "RW access delete",
		summary: "Deletes a key and returns its value.", tx: cmdGetDel},
	{name: "getex", arity: -2, flags: flagWrite | flagFast, keys: oneKey, group: "string", since: "6.2.0",
		access:  "RW access update",
		summary: "Returns a key's value and changes its expiry.", tx: cmdGetEX},
	{name: "mget", arity: -2, flags: flagReadOnly | flagFast, keys: allKeys, group: "string", since: "1.0.0",
		access: "RO access",
		tips:   "request_policy:multi_shard", summary: "Returns the values of several keys.", tx: cmdMGet},
	{name: "mset", arity: -3, flags: flagWrite | flagDenyOOM, keys: pairKeys, group: "string", since: "1.0.1",
		access: "OW update",
		tips:   "request_policy:multi_shard response_policy:all_succeeded", summary: "Sets several keys.", tx: cmdMSet},
	{name: "msetnx", arity: -3, flags: flagWrite | flagDenyOOM, keys: pairKeys, group: "string", since: "1.0.1",
		access: "OW insert",
		tips:   "request_policy:multi_shard response_policy:agg_min", summary: "Sets several keys if none of them is there.",
		tx: cmdMSetNX},
	{name: "append", arity: 3, flags: flagWrite | flagDenyOOM | flagFast, keys: oneKey, group: "string", since: "2.0.0",
		access:  "RW insert",
		summary: "Appends to a key's value.", tx: cmdAppend},
	{name: "strlen", arity: 2, flags: flagReadOnly | flagFast, keys: oneKey, group: "string", since: "2.2.0", access: "RO",
		summary: "Returns the length of a key's value in bytes.", tx: cmdStrlen},
	{name: "getrange", arity: 4, flags: flagReadOnly, keys: oneKey, group: "string", since: "2.4.0", access: "RO access",
		summary: "Returns a part of a key's value.", tx: cmdGetRange},
	{name: "substr", arity: 4, flags: flagReadOnly, keys: oneKey, group: "string", since: "1.0.0", access: "RO access",
		summary: "Old name of GETRANGE.", tx: cmdGetRange},
	{name: "setrange", arity: 4, flags: flagWrite | flagDenyOOM, keys: oneKey, group: "string", since: "2.2.0",
		access:  "RW update",
		summary: "Overwrites a part of a key's value.", tx: cmdSetRange},
}

// str returns the string value of a key. ok is false if the key is not there.
func str(tx *keyspace.Tx, key []byte) (e keyspace.Entry, ok bool, err error) {
	e, ok = tx.Get(key)
	if ok && e.Type != keyspace.String {
		return e, ok, errWrongType
	}
	return e, ok, nil
}

func (s *session) value(e keyspace.Entry, ok bool) {
	if ok {
		s.out.Bulk(e.Value)
	} else {
		s.out.Null()
	}
}

func cmdGet(s *session, tx *keyspace.Tx) error {
	e, ok, err := str(tx, s.args[1])
	if err != nil {
		return err
	}
	s.value(e, ok)
	return nil
}

func cmdMGet(s *session, tx *keyspace.Tx) error {
	s.out.Array(len(s.args) - 1)
	limit := s.maxOutput()
	for _, key := range s.args[1:] {
		e, ok := tx.Get(key)
		s.value(e, ok && e.Type == keyspace.String)
		if len(s.out.B) > limit {
			return errReplyTooBig
		}
	}
	return nil
}

func cmdStrlen(s *session, tx *keyspace.Tx) error {
	e, _, err := str(tx, s.args[1])
	if err != nil {
		return err
	}
	s.out.Int(int64(len(e.Value)))
	return nil
}

func cmdGetRange(s *session, tx *keyspace.Tx) error {
	from, err := s.number(2)
	if err != nil {
		return err
	}
	to, err := s.number(3)
	if err != nil {
		return err
	}
	e, _, err := str(tx, s.args[1])
	if err != nil {
		return err
	}
	s.out.Bulk(cut(e.Value, from, to))
	return nil
}

// cut returns v[from:to+1]; negative positions count from the end.
func cut(v []byte, from, to int64) []byte {
	n := int64(len(v))
	if from < 0 && to < 0 && from > to {
		return nil
	}
	if from < 0 {
		from = max(0, from+n)
	}
	if to < 0 {
		to = max(0, to+n)
	}
	to = min(to, n-1)
	if n == 0 || from > to {
		return nil
	}
	return v[from : to+1]
}

func cmdGetDel(s *session, tx *keyspace.Tx) error {
	e, ok, err := str(tx, s.args[1])
	if err != nil {
		return err
	}
	s.value(e, ok)
	if ok {
		tx.Delete(s.args[1])
	}
	return nil
}

func cmdGetSet(s *session, tx *keyspace.Tx) error {
	e, ok, err := str(tx, s.args[1])
	if err != nil {
		return err
	}
	s.value(e, ok)
	return tx.Put(s.args[1], keyspace.String, s.args[2], 0)
}

func cmdGetEX(s *session, tx *keyspace.Tx) error {
	opt, err := s.setOptions(2, "getex")
	if err != nil {
		return err
	}
	e, ok, err := str(tx, s.args[1])
	if err != nil {
		return err
	}
	s.value(e, ok)
	if !ok {
		return nil
	}
	at, set, err := opt.deadline(tx.Now(), "getex")
	switch {
	case err != nil:
		return err
	case set && at <= tx.Now():
		tx.Delete(s.args[1])
	case set:
		tx.Expire(s.args[1], at)
	case opt.persist && e.ExpireAt != 0:
		tx.Expire(s.args[1], 0)
	}
	return nil
}
