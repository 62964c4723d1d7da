package keyspace

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// partModel is what a collection should be: its parts, and the order in which they came.
type partModel struct {
	parts map[string]partValue
	order []string
}

type partValue struct {
	value    string
	expireAt int64
}

func newPartModel() *partModel { return &partModel{parts: map[string]partValue{}} }

func (m *partModel) set(part, value []byte, expireAt int64) {
	if _, ok := m.parts[string(part)]; !ok {
		m.order = append(m.order, string(part))
	}
	m.parts[string(part)] = partValue{string(value), expireAt}
}

func (m *partModel) cut(part []byte) bool {
	if _, ok := m.parts[string(part)]; !ok {
		return false
	}
	delete(m.parts, string(part))
	m.order = slices.DeleteFunc(m.order, func(p string) bool { return p == string(part) })
	return true
}

func (m *partModel) clone() *partModel {
	c := newPartModel()
	for part, v := range m.parts {
		c.parts[part] = v
	}
	c.order = slices.Clone(m.order)
	return c
}

func (m *partModel) due() int64 {
	due := int64(never)
	for _, v := range m.parts {
		if v.expireAt != 0 {
			due = min(due, v.expireAt)
		}
	}
	return due
}

// partMaker makes random parts of a type.
type partMaker struct {
	rnd  *rand.Rand
	typ  Type
	most int  // names to choose from
	text bool // of a set: not only integers
}

func (m *partMaker) part() []byte {
	n := m.rnd.IntN(m.most)
	if m.typ == Set && !m.text {
		return appendInt(nil, int64(n)*int64(n)*int64(n)*int64(1-n%2*2))
	}
	switch n % 40 {
	case 0:
		return bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 20+n%400)
	case 1:
		return []byte{byte(n)}
	case 2:
		return []byte{}
	}
	return fmt.Appendf(nil, "part:%d", n)
}

func (m *partMaker) value() (value []byte, expireAt int64) {
	if m.typ == Set {
		return nil, 0
	}
	n := m.rnd.IntN(24)
	switch m.rnd.IntN(50) {
	case 0:
		n = 100 + m.rnd.IntN(200)
	case 1:
		n = LargeValue - 5 + m.rnd.IntN(10)
	}
	if m.rnd.IntN(8) == 0 {
		expireAt = 1 + m.rnd.Int64N(1000)
	}
	return bytes.Repeat([]byte{byte(m.rnd.Uint32())}, n), expireAt
}

// compareParts compares what a collection's functions say with the model.
func compareParts(t *testing.T, m *partModel, size int, due int64, exact bool,
	get func([]byte) ([]byte, int64, bool), each func(func(part, value []byte, expireAt int64) bool)) {
	t.Helper()
	if size != len(m.parts) {
		t.Fatalf("size is %d, want %d", size, len(m.parts))
	}
	if want := m.due(); due > want || exact && due != want {
		t.Fatalf("due is %d, want %d", due, want)
	}
	for part, want := range m.parts {
		value, expireAt, ok := get([]byte(part))
		if !ok || string(value) != want.value || expireAt != want.expireAt {
			t.Fatalf("get %q = %.20q, %d, %v, want %.20q, %d", part, value, expireAt, ok, want.value, want.expireAt)
		}
	}
	seen := map[string]bool{}
	each(func(part, value []byte, expireAt int64) bool {
		want, ok := m.parts[string(part)]
		if !ok || string(value) != want.value || expireAt != want.expireAt {
			t.Fatalf("each visits %q = %.20q, %d, want %.20q, %d (%v)", part, value, expireAt, want.value, want.expireAt, ok)
		}
		seen[string(part)] = true
		return true
	})
	if len(seen) != len(m.parts) {
		t.Fatalf("each visits %d parts of %d", len(seen), len(m.parts))
	}
}

func TestPackedFormsDoWhatAMapDoes(t *testing.T) {
	for seed := range testSeeds(t, 24) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 3))
		make := partMaker{rnd: rnd, typ: []Type{Hash, Set}[seed%2], most: []int{6, 40, 300}[seed/2%3], text: seed%4 == 3}
		t.Run(fmt.Sprintf("%s/%d", make.typ, seed), func(t *testing.T) {
			f, m := forms[make.typ], newPartModel()
			var packed []byte
			for range 1500 {
				if f.fits(packed) && rnd.IntN(3) > 0 {
					part := make.part()
					value, expireAt := make.value()
					packed = f.set(packed, part, value, expireAt)
					m.set(part, value, expireAt)
				} else {
					part := make.part()
					if rnd.IntN(2) == 0 && len(m.order) > 0 {
						part = []byte(m.order[rnd.IntN(len(m.order))])
					}
					var ok bool
					if packed, ok = f.cut(packed, part); ok != m.cut(part) {
						t.Fatalf("cut %q is %v", part, ok)
					}
				}
				if rnd.IntN(20) > 0 {
					continue
				}
				compareForm(t, make.typ, packed, m)
				if rnd.IntN(10) == 0 {
					compareObject(t, f.grow(packed), m)
				}
			}
		})
	}
}

func compareForm(t *testing.T, typ Type, packed []byte, m *partModel) {
	t.Helper()
	f := forms[typ]
	if len(m.parts) > 0 {
		if err := f.check(packed); err != nil {
			t.Fatal(err)
		}
	}
	get := func(part []byte) ([]byte, int64, bool) { return f.get(packed, part) }
	each := func(visit func(part, value []byte, expireAt int64) bool) { f.each(packed, visit) }
	compareParts(t, m, f.size(packed), f.due(packed), true, get, each)
	var order []string
	f.each(packed, func(part, _ []byte, _ int64) bool { order = append(order, string(part)); return true })
	want := slices.Clone(m.order)
	if len(packed) > 0 && typ == Set && areInts(packed) {
		slices.SortFunc(want, func(a, b string) int {
			x, _ := strconv.ParseInt(a, 10, 64)
			y, _ := strconv.ParseInt(b, 10, 64)
			return cmp.Compare(x, y)
		})
	}
	if typ == Hash || len(packed) > 0 && areInts(packed) {
		if !slices.Equal(order, want) {
			t.Fatalf("the order is %q, want %q", order, want)
		}
	}
}

func compareObject(t *testing.T, o object, m *partModel) {
	t.Helper()
	each := func(visit func(part, value []byte, expireAt int64) bool) {
		var at partCursor
		for done := false; !done; {
			left := 50
			at, done = o.walk(at, func(part, value []byte, expireAt int64) bool {
				left--
				return left >= 0 && visit(part, value, expireAt)
			})
		}
	}
	compareParts(t, m, o.size(), o.due(), false, o.get, each)
}
