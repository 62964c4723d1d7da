package migrate

import (
	"bytes"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// listBudget is about how many bytes of keys and values one answer to a list looks at.
const listBudget = 256 << 10

// listKeys answers a list: it sends the keys of the slots, and behind them those that
// have been deleted here, in as many messages as it takes, the last without More. A key
// that is deleted meanwhile is in one of the two.
func listKeys(s *keyspace.Store, deleted func(slots.Slot) [][]byte, e list, budget int,
	send func(message) error) error {
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
		for keys := deleted(slot); len(keys) > 0; {
			n := 0
			for size := 0; n < len(keys) && size < budget; n++ {
				size += len(keys[n])
			}
			if err := send(message{Type: msgKeys, N: e.n, Slot: slot, More: true, Keys: keys[:n]}); err != nil {
				return err
			}
			keys = keys[n:]
		}
	}
	return send(message{Type: msgKeys, N: e.n})
}
