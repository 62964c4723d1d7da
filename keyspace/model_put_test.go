package keyspace

import (
	"bytes"
	"slices"
)

// put is a step of the model that puts a key, by Put or PutAll.
func (m *modelRun) put(tx *Tx, model map[string]Entry, key []byte, there bool) {
	value, at, version, put := m.value(), m.expiry(), tx.Version(key), tx.Put
	switch {
	case there && m.rnd.IntN(4) == 0: // from another key's memory, as RENAME does
		if e, ok := tx.Get(key); ok {
			key = m.key()
			value = e.Value
			version = tx.Version(key)
		}
	case m.rnd.IntN(2) == 0:
		at = 0
		put = func(key []byte, _ Type, value []byte, _ int64) error { return tx.PutAll([][]byte{key, value}) }
		m.lent = append(m.lent, key, value)
	}
	kept := bytes.Clone(value)
	if err := put(key, String, value, at); err != nil {
		m.t.Fatal(err)
	}
	if !bytes.Equal(kept, value) {
		m.t.Fatal("a value that was read changed while the transaction went on")
	}
	m.save(model, key)
	model[string(key)] = Entry{Value: kept, ExpireAt: at}
	if tx.Version(key) == version {
		m.t.Fatalf("version of %q stayed %d when it was put", key, version)
	}
}

// reclaim ends the transaction: what was lent to it is the lender's again, who writes
// over it.
func (m *modelRun) reclaim() {
	for _, b := range m.lent {
		copy(b, bytes.Repeat([]byte{0xee}, len(b)))
	}
	m.lent = slices.Delete(m.lent, 0, len(m.lent))
}
