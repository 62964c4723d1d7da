package migrate

import (
	"bytes"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// listBudget is about how many bytes of keys and values one answer to a list looks at.
const listBudget = 256 << 10

// Each answers: it calls send with messages that hold the keys of the slots in the store,
// and behind them those that have been deleted here (see [Deletions.Of]), in as many as it
// takes. An error of send ends it.
func (e ListKeys) Each(s *keyspace.Store, deleted func(slots.Slot) [][]byte, send func(Message) error) error {
	return listKeys(s, deleted, e, listBudget, send)
}

// listKeys answers a list: it sends the keys of the slots, and behind them those that
// have been deleted here, in as many messages as it takes, the last without More. A key
// that is deleted meanwhile is in one of the two.
func listKeys(s *keyspace.Store, deleted func(slots.Slot) [][]byte, e ListKeys, budget int,
	send func(Message) error) error {
	for slot := range e.Set.All() {
		var at keyspace.DumpCursor
		for done := false; !done; {
			m := Message{typ: msgKeys, n: e.N, slot: slot, more: true}
			var err error
			at, done, err = s.Dump(slot, at, budget, func(op keyspace.Op) error {
				if op.Kind == keyspace.OpPut {
					m.keys = append(m.keys, bytes.Clone(op.Key))
				}
				return keyspace.SkipParts
			})
			if err == nil && len(m.keys) > 0 {
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
			if err := send(Message{typ: msgKeys, n: e.N, slot: slot, more: true, keys: keys[:n]}); err != nil {
				return err
			}
			keys = keys[n:]
		}
	}
	return send(Message{typ: msgKeys, n: e.N})
}
