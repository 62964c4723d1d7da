package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// plain is a type of collection that is as simple as can be: packed, a list of parts and
// values with a byte of length each; large, a map.
const plain Type = 7

func init() { forms[plain] = plainForm{} }

type plainForm struct{}

type plainObject struct {
	parts map[string]string
}

func (plainForm) each(packed []byte, visit func(part, value []byte, expireAt int64) bool) {
	for len(packed) > 0 {
		parts, n := packed[2:], int(packed[0])
		part, value := parts[:n], parts[n:n+int(packed[1])]
		if !visit(part, value, 0) {
			return
		}
		packed = packed[2+len(part)+len(value):]
	}
}

func (f plainForm) get(packed, part []byte) (value []byte, expireAt int64, ok bool) {
	f.each(packed, func(p, v []byte, _ int64) bool {
		if ok = bytes.Equal(p, part); ok {
			value = v
		}
		return !ok
	})
	return value, 0, ok
}

func (f plainForm) set(packed, part, value []byte, _ int64) []byte {
	packed, _ = f.cut(packed, part)
	packed = append(packed, byte(len(part)), byte(len(value)))
	return append(append(packed, part...), value...)
}

func (f plainForm) cut(packed, part []byte) ([]byte, bool) {
	v, _, ok := f.get(packed, part)
	if !ok {
		return packed, false
	}
	end := cap(packed) - cap(v) + len(v)
	return slices.Delete(packed, end-len(v)-len(part)-2, end), true
}

func (f plainForm) size(packed []byte) (n int) {
	f.each(packed, func(_, _ []byte, _ int64) bool { n++; return true })
	return n
}

func (plainForm) due([]byte) int64        { return never }
func (plainForm) fits(packed []byte) bool { return len(packed) < 40 }

func (plainForm) check(packed []byte) error {
	for len(packed) > 0 {
		if len(packed) < 2 || len(packed) < 2+int(packed[0])+int(packed[1]) {
			return errors.New("parts end too early")
		}
		packed = packed[2+int(packed[0])+int(packed[1]):]
	}
	return nil
}

func (f plainForm) grow(packed []byte) object {
	o := &plainObject{map[string]string{}}
	f.each(packed, func(p, v []byte, _ int64) bool { o.parts[string(p)] = string(v); return true })
	return o
}

func (o *plainObject) form() form { return plainForm{} }
func (o *plainObject) get(part []byte) ([]byte, int64, bool) {
	v, ok := o.parts[string(part)]
	return []byte(v), 0, ok
}
func (o *plainObject) set(part, value []byte, _ int64) error {
	o.parts[string(part)] = string(value)
	return nil
}
func (o *plainObject) cut(part []byte) bool {
	_, ok := o.parts[string(part)]
	delete(o.parts, string(part))
	return ok
}
func (o *plainObject) size() int     { return len(o.parts) }
func (o *plainObject) bytes() int64  { return int64(100 * len(o.parts)) }
func (o *plainObject) due() int64    { return never }
func (o *plainObject) clone() object { return &plainObject{maps.Clone(o.parts)} }
func (o *plainObject) walk(from partCursor, visit func(part, value []byte, expireAt int64) bool) (partCursor, bool) {
	for _, p := range slices.Sorted(maps.Keys(o.parts)) {
		if p >= string(from) && !visit([]byte(p), []byte(o.parts[p]), 0) {
			return partCursor(p), false
		}
	}
	return nil, true
}

// plainModel is what a slot with strings and plain collections should hold.
type plainModel map[string]map[string]string

func (m plainModel) clone() plainModel {
	next := plainModel{}
	for k, v := range m {
		next[k] = maps.Clone(v)
	}
	return next
}

// step makes a random change in a transaction and in the model.
func (m plainModel) step(t *testing.T, rnd *rand.Rand, tx *Tx) {
	key, other := fmt.Sprintf("k%d", rnd.IntN(4)), fmt.Sprintf("k%d", rnd.IntN(4))
	part, value := fmt.Sprintf("p%d", rnd.IntN(12)), fmt.Sprintf("v%d", rnd.IntN(1000))
	switch c := m[key]; rnd.IntN(24) {
	case 0:
		if got := tx.Delete([]byte(key)); got != (c != nil) {
			t.Fatalf("Delete %s: %v", key, got)
		}
		delete(m, key)
	case 1:
		if err := tx.Put([]byte(key), String, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
		m[key] = map[string]string{"": value}
	case 2:
		if ok, err := tx.Rename([]byte(key), []byte(other)); err != nil || ok != (c != nil) {
			t.Fatalf("Rename %s: %v, %v", key, ok, err)
		}
		if c != nil && key != other {
			m[other] = c
			delete(m, key)
		}
	case 3:
		if ok, err := tx.Copy([]byte(key), []byte(other)); err != nil || ok != (c != nil) {
			t.Fatalf("Copy %s: %v, %v", key, ok, err)
		}
		if c != nil && key != other {
			m[other] = maps.Clone(c)
		}
	case 14:
		if c, other := m[key], m[other]; isStream(other) {
			m.buildStream(t, tx, key, other)
			return
		} else if isStream(c) && rnd.IntN(4) > 0 {
			return // it would seldom become long
		}
		c, built := map[string]string{}, &Collection{typ: plain}
		for range rnd.IntN(12) {
			p := fmt.Sprintf("p%d", rnd.IntN(12))
			if added, err := built.Set([]byte(p), []byte(value), 0); err != nil || added != (c[p] == "") {
				t.Fatalf("Set %s: %v, %v", p, added, err)
			}
			c[p] = value
		}
		if built.Len() != len(c) {
			t.Fatalf("Len is %d, want %d", built.Len(), len(c))
		}
		if err := tx.PutCollection([]byte(key), built, 0); err != nil {
			t.Fatal(err)
		}
		if m[key] = c; len(c) == 0 {
			delete(m, key)
		}
	case 4:
		if got := tx.Expire([]byte(key), int64(1e15)); got != (c != nil) {
			t.Fatalf("Expire %s: %v", key, got)
		}
	case 15, 16, 17:
		m.stepRange(t, rnd, tx, key)
	case 18, 19, 20, 21, 22, 23:
		m.stepStream(t, rnd, tx, key)
	default:
		i, err := tx.open([]byte(key), plain)
		_, isString := c[""]
		if isString || isStream(c) {
			if !errors.Is(err, ErrWrongType) {
				t.Fatalf("open of another type %s: %v", key, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		_, had := c[part]
		if rnd.IntN(3) == 0 {
			if got := tx.cutPart(i, []byte(part)); got != had {
				t.Fatalf("cut %s %s: %v", key, part, got)
			}
			if delete(c, part); c != nil && len(c) == 0 {
				delete(m, key)
			}
			return
		}
		if added, err := tx.setPart(i, []byte(part), []byte(value), 0); err != nil || added == had {
			t.Fatalf("set %s %s: %v, %v", key, part, added, err)
		}
		if c == nil {
			m[key] = map[string]string{}
		}
		m[key][part] = value
	}
}

// content is what a transaction sees.
func content(tx *Tx) plainModel {
	m := plainModel{}
	for key, e := range tx.All() {
		if e.Type == String {
			m[string(key)] = map[string]string{"": string(e.Value)}
			continue
		}
		i, _ := tx.open(key, e.Type)
		c := map[string]string{}
		visit := func(p, v []byte, _ int64) bool { c[string(p)] = string(v); return true }
		if o := tx.at(i); o.coll != nil {
			o.coll.walk(nil, visit)
		} else {
			o.form.each(o.packed, visit)
		}
		m[string(key)] = c
	}
	return m
}

func (m plainModel) equal(other plainModel) bool {
	return maps.EqualFunc(m, other, func(a, b map[string]string) bool { return maps.Equal(a, b) })
}

// follower applies what a store commits to another one.
type follower struct {
	t  *testing.T
	to *Store
}

// carrier does what a store has done in another one, beside its follower.
type carrier struct {
	follower
	double *Store
}

func decodeAll(t *testing.T, wire []byte) (ops []Op) {
	for len(wire) > 0 {
		op, rest, err := DecodeOp(wire)
		if err != nil {
			t.Fatalf("DecodeOp: %v", err)
		}
		ops, wire = append(ops, op), rest
	}
	return ops
}

func (f follower) Commit(_ slots.Slot, ops []Op) { f.apply(ops) }

// apply returns the ops as they came over the wire.
func (f follower) apply(ops []Op) []Op {
	var wire []byte
	bound := 0
	for i := range ops {
		wire = AppendOp(wire, &ops[i])
		bound += ops[i].WireBound()
	}
	if len(wire) > bound {
		f.t.Fatalf("%d bytes, %d were announced", len(wire), bound)
	}
	all := decodeAll(f.t, wire)
	for _, op := range all {
		for range 2 { // once more changes nothing
			if err := f.to.Apply(op); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	if err := f.to.ApplyAll(all); err != nil { // nor does all of it once more
		f.t.Fatal(err)
	}
	return all
}

func (c carrier) Commit(slot slots.Slot, ops []Op) {
	all := c.apply(ops)
	if all[0].Kind == OpDrop {
		c.double.Drop(slot)
		return
	}
	err := c.double.Update(slot, func(tx *Tx) error {
		for i := range all {
			if err := tx.Carry(&all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// exported returns a store made of what Export says of each key.
func exported(t *testing.T, s *Store) *Store {
	to := newStore(Config{}, 3)
	s.View(1, func(tx *Tx) error {
		for key := range tx.All() {
			op, ok := tx.Export(key)
			if !ok {
				t.Fatalf("Export of %s", key)
			}
			if err := to.ApplyAll(decodeAll(t, AppendOp(nil, &op))); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	})
	return to
}

// TestParts changes strings and collections at random, in transactions of which some fail,
// and compares the store, those that follow it, and an export with a model.
func TestParts(t *testing.T) {
	for seed := range uint64(testSeeds(t, 40)) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		replica := newStore(Config{}, 2)
		replica.SetPassive(true)
		double := newStore(Config{}, 3)
		s := newStore(Config{Sink: carrier{follower{t, replica}, double}}, 1)
		model := plainModel{}
		for range 60 {
			next := model.clone()
			fail := rnd.IntN(4) == 0
			err := s.Update(1, func(tx *Tx) error {
				for range 1 + rnd.IntN(6) {
					next.step(t, rnd, tx)
				}
				if got := content(tx); !got.equal(next) {
					t.Fatalf("seed %d: within the transaction: %v, want %v", seed, got, next)
				}
				if want := len(next); tx.Len() != want {
					t.Fatalf("seed %d: Len %d, want %d", seed, tx.Len(), want)
				}
				if fail {
					return errors.New("failed")
				}
				return nil
			})
			if (err != nil) != fail {
				t.Fatal(err)
			}
			if !fail {
				model = next
			}
			stores := map[string]*Store{"store": s, "replica": replica, "double": double, "export": exported(t, s)}
			for name, store := range stores {
				store.View(1, func(tx *Tx) error {
					if got := content(tx); !got.equal(model) {
						t.Fatalf("seed %d: %s: %v, want %v", seed, name, got, model)
					}
					return nil
				})
			}
		}
		s.Clear()
		for _, store := range []*Store{s, replica, double} {
			if store.Memory() != 0 || store.Len() != 0 {
				t.Fatalf("seed %d: %d keys and %d bytes are left", seed, store.Len(), store.Memory())
			}
		}
	}
}
