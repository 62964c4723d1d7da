package client

import "fmt"

// scope is the keys that a transaction may touch.
type scope struct {
	keys  [][]byte
	index map[string]struct{} // of keys, if there are many
	err   error               // why the transaction will fail
}

// fewKeys is how many keys are searched one by one.
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
	s.fail(fmt.Errorf("%w: %q", ErrUndeclaredKey, key))
	return false
}

// fail makes the transaction fail, by the first error.
func (s *scope) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}
