package migrate

import (
	"bytes"

	"github.com/slotmesh/slotmesh/keyspace"
)

// listBudget is about how many bytes of keys and values one answer to a list looks at.
const listBudget = 256 << 10

// listKeys answers a list: it sends the keys of the slots in as many messages as it
// takes, the last without More.
func listKeys(s *keyspace.Store, e list, budget int, send func(message) error) error {
	for slot := range e.set.All() {
		var at keyspace.Cursor
		for done := false; !done; {
			m := message{Type: msgKeys, N: e.n, Slot: slot, More: true}
			var err error
			at, done, err = s.Dump(slot, at, budget, func(op keyspace.Op) error {
				m.Keys = append(m.Keys, bytes.Clone(op.Key))
				return nil
			})
			if err == nil && len(m.Keys) > 0 {
				err = send(m)
			}
			if err != nil {
				return err
			}
		}
	}
	return send(message{Type: msgKeys, N: e.n})
}
