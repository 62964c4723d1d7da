package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// The model is what a store should be: a map for each slot. modelRun does random
// things to both and compares.
type modelRun struct {
	t     *testing.T
	rnd   *rand.Rand
	now   time.Time
	store *Store
	slots map[slots.Slot]map[string]Entry
	sink  *replicaSink
	keys  int // keys to choose from, for each slot
	undo  []func()
	lent  [][]byte // to the transaction under way
}

// replicaSink applies all it hears to another store.
type replicaSink struct {
	replica *Store
	err     error
	ops     int
}

func (r *replicaSink) Commit(slot slots.Slot, ops []Op) {
	r.ops += len(ops)
	for i := range ops {
		op, rest, err := DecodeOp(AppendOp(nil, &ops[i]))
		if err == nil && len(rest) == 0 && op.Slot == slot {
			err = r.replica.Apply(op)
		}
		if err != nil {
			r.err = fmt.Errorf("%s of %q: %w", op.Kind, op.Key, err)
		}
	}
}

var errRollback = errors.New("roll back")

func testSeeds(t *testing.T, fewest int) int {
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil {
		return n
	}
	if raceEnabled { // it makes these single-threaded tests ten times slower
		return max(1, fewest/8)
	}
	return fewest
}

func TestStoreDoesWhatAMapDoes(t *testing.T) {
	for seed := range testSeeds(t, 12) {
		t.Run(strconv.Itoa(seed), func(t *testing.T) { newModelRun(t, uint64(seed)).run(3000) })
	}
}

func newModelRun(t *testing.T, seed uint64) *modelRun {
	m := &modelRun{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), now: time.UnixMilli(1_700_000_000_000),
		slots: map[slots.Slot]map[string]Entry{}}
	clock := func() time.Time { return m.now }
	m.sink = &replicaSink{replica: newStore(Config{Now: clock}, seed+1)}
	m.sink.replica.SetPassive(true)
	m.store = newStore(Config{Now: clock, Sink: m.sink}, seed)
	m.keys = []int{5, 60, 3000}[seed%3]
	return m
}

func (m *modelRun) run(steps int) {
	for range steps {
		slot := slots.Slot(m.rnd.IntN(3) * 100)
		switch n := m.rnd.IntN(1000); {
		case n < 900:
			m.transaction(slot)
		case n < 960:
			m.now = m.now.Add(time.Duration(m.rnd.IntN(3000)) * time.Millisecond)
		case n < 990:
			m.store.ExpireStep(time.Second)
		case n < 993:
			m.drop(slot)
		default:
			m.compare(m.store)
		}
		if m.t.Failed() || m.sink.err != nil {
			m.t.Fatal(m.sink.err)
		}
	}
	m.compare(m.store)
	m.compare(m.sink.replica)
	m.copyByDump()
}

func (m *modelRun) key() []byte {
	k := m.rnd.IntN(m.keys)
	switch k % 50 {
	case 0:
		return bytes.Repeat([]byte{byte(k), byte(k >> 8)}, 300+k%100) // longer than maxKey
	case 1:
		return []byte{}
	}
	return fmt.Appendf(nil, "key:%d", k)
}

func (m *modelRun) value() []byte {
	n := m.rnd.IntN(150)
	switch m.rnd.IntN(40) {
	case 0:
		n = LargeValue - 5 + m.rnd.IntN(10)
	case 1:
		n = 0
	case 2:
		n = 10_000
	}
	v := make([]byte, n)
	for i := range v {
		v[i] = byte(m.rnd.Uint32())
	}
	return v
}

func (m *modelRun) expiry() int64 {
	if m.rnd.IntN(3) > 0 {
		return 0
	}
	return m.now.UnixMilli() + int64(m.rnd.IntN(5000))
}

func (m *modelRun) live(e Entry, ok bool) bool {
	return ok && (e.ExpireAt == 0 || e.ExpireAt > m.now.UnixMilli())
}

// transaction does some reads and writes in one transaction, and fails one in five.
func (m *modelRun) transaction(slot slots.Slot) {
	if m.slots[slot] == nil {
		m.slots[slot] = map[string]Entry{}
	}
	model := m.slots[slot]
	m.undo = nil
	steps := 1
	if m.rnd.IntN(3) == 0 {
		steps = m.rnd.IntN(40)
	}
	if m.rnd.IntN(100) == 0 { // many more than fewOps
		steps = m.rnd.IntN(500)
	}
	fail, bang := m.rnd.IntN(5) == 0, m.rnd.IntN(20) == 0
	err := func() (err error) {
		defer func() {
			if recover() != nil {
				err = errRollback
			}
		}()
		return m.store.Update(slot, func(tx *Tx) error {
			for range steps {
				m.step(tx, model)
			}
			m.sameAll(tx, model)
			if fail && bang {
				panic("bang")
			} else if fail {
				return errRollback
			}
			return nil
		})
	}()
	m.reclaim()
	if fail != (err == errRollback) {
		m.t.Fatalf("Update returned %v", err)
	}
	if fail {
		for _, undo := range slices.Backward(m.undo) {
			undo()
		}
	}
}

// save remembers how to undo a change of key.
func (m *modelRun) save(model map[string]Entry, key []byte) {
	name := string(key)
	was, ok := model[name]
	m.undo = append(m.undo, func() {
		delete(model, name)
		if ok {
			model[name] = was
		}
	})
}

func (m *modelRun) step(tx *Tx, model map[string]Entry) {
	key := m.key()
	want, ok := model[string(key)]
	ok = m.live(want, ok)
	version := tx.Version(key)
	switch m.rnd.IntN(6) {
	case 0, 1, 2:
		m.put(tx, model, key, ok)
	case 3:
		if tx.Delete(key) != ok {
			m.t.Fatalf("Delete(%q) did not return %v", key, ok)
		}
		m.save(model, key)
		delete(model, string(key))
		if ok && tx.Version(key) == version {
			m.t.Fatalf("version of %q stayed %d when it was deleted", key, version)
		}
	case 4:
		at := m.expiry()
		if tx.Expire(key, at) != ok {
			m.t.Fatalf("Expire(%q) did not return %v", key, ok)
		}
		if ok {
			want.ExpireAt = at
			m.save(model, key)
			model[string(key)] = want
		}
	case 5:
		e, there := tx.Get(key)
		if there != ok || ok && (!bytes.Equal(e.Value, want.Value) || e.ExpireAt != want.ExpireAt) {
			m.t.Fatalf("Get(%q) = %d bytes, %d, %v; want %d bytes, %d, %v", key, len(e.Value), e.ExpireAt, there,
				len(want.Value), want.ExpireAt, ok)
		}
	}
}

// sameAll compares all that a transaction sees.
func (m *modelRun) sameAll(tx *Tx, model map[string]Entry) {
	if m.rnd.IntN(10) > 0 {
		return
	}
	seen := map[string]bool{}
	for key, e := range tx.All() {
		want, ok := model[string(key)]
		if seen[string(key)] || !m.live(want, ok) || !bytes.Equal(want.Value, e.Value) {
			m.t.Fatalf("All yields %q (seen before: %v, in the model: %v)", key, seen[string(key)], ok)
		}
		seen[string(key)] = true
	}
	for key, e := range model {
		if m.live(e, true) && !seen[key] {
			m.t.Fatalf("All does not yield %q", key)
		}
	}
	if tx.Len() < len(seen) {
		m.t.Fatalf("Len is %d, All yields %d", tx.Len(), len(seen))
	}
}

func (m *modelRun) drop(slot slots.Slot) {
	n := m.store.Count(slot)
	if got := m.store.Drop(slot); got != n || m.store.Count(slot) != 0 {
		m.t.Fatalf("Drop returned %d of %d keys, %d are left", got, n, m.store.Count(slot))
	}
	delete(m.slots, slot)
}

// compare reads the whole of a store by Scan.
func (m *modelRun) compare(s *Store) {
	seen := map[string]bool{}
	for cursor := uint64(0); ; {
		cursor = s.Scan(cursor, 1+m.rnd.IntN(50), func(slot slots.Slot, key []byte, e Entry) bool {
			id := fmt.Sprint(slot, string(key))
			want, ok := m.slots[slot][string(key)]
			if seen[id] || !m.live(want, ok) || !bytes.Equal(want.Value, e.Value) || want.ExpireAt != e.ExpireAt {
				m.t.Fatalf("Scan yields %d:%q (seen before: %v, in the model: %v)", slot, key, seen[id], ok)
			}
			seen[id] = true
			return m.rnd.IntN(30) > 0
		})
		if cursor == 0 {
			break
		}
	}
	alive := 0
	for _, keys := range m.slots {
		for _, e := range keys {
			if m.live(e, true) {
				alive++
			}
		}
	}
	if alive != len(seen) {
		m.t.Fatalf("Scan yields %d keys, the model has %d", len(seen), alive)
	}
	checkStore(m.t, s)
}

// copyByDump dumps all slots in small batches into an empty store and compares.
func (m *modelRun) copyByDump() {
	target := newStore(Config{Now: func() time.Time { return m.now }}, m.rnd.Uint64())
	for slot := range m.slots {
		var from DumpCursor
		for done := false; !done; {
			var err error
			from, done, err = m.store.Dump(slot, from, 1+m.rnd.IntN(5000), target.Apply)
			if err != nil {
				m.t.Fatal(err)
			}
		}
	}
	m.compare(target)
}
