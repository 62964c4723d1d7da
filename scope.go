package slotmesh

import (
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrUndeclaredKey is matched by the error of a transaction that touched a key which it
// had not named.
var ErrUndeclaredKey = errors.New("slotmesh: the transaction did not name this key")

// scope is the keys that a transaction may touch; nil is all of them.
type scope struct {
	keys  [][]byte
	index map[string]struct{} // of keys, if there are many
	err   error               // about the first key that was touched and is not among them
}

// fewKeys is how many are searched one by one.
const fewKeys = 16

func newScope(keys [][]byte) *scope {
	s := &scope{keys: keys}
	if len(keys) > fewKeys {
		s.index = make(map[string]struct{}, len(keys))
		for _, key := range keys {
			s.index[string(key)] = struct{}{}
		}
	}
	return s
}

// has reports whether key may be touched; if not, the transaction will fail.
func (s *scope) has(key string) bool {
	if s == nil {
		return true
	}
	if s.index != nil {
		if _, ok := s.index[key]; ok {
			return true
		}
	} else {
		for _, k := range s.keys {
			if string(k) == key {
				return true
			}
		}
	}
	if s.err == nil {
		s.err = fmt.Errorf("%w: %q", ErrUndeclaredKey, key)
	}
	return false
}

// runTx runs a caller's function on keys, all of which are of slot.
func runTx(tx *keyspace.Tx, slot slots.Slot, keys [][]byte, fn func(Tx) error) error {
	t := Tx{tx: tx, slot: slot, scope: newScope(keys)}
	if err := fn(t); err != nil {
		return err
	}
	return t.scope.err
}
