package keyspace

import (
	"bytes"
	"testing"
)

// fuzzForm feeds bytes from outside to a form: what passes its check must do what a map
// does with the same parts, whatever is set and cut.
func fuzzForm(f *testing.F, typ Type, seeds ...[][]byte) {
	form := forms[typ]
	for i, parts := range seeds {
		var packed []byte
		for k, part := range parts {
			packed = form.set(packed, part, bytes.Repeat(part, k), int64(k%3*i))
		}
		f.Add(packed, []byte("part"), []byte("value"), int64(i))
		f.Add(packed[:len(packed)-1], parts[0], []byte{}, int64(0))
	}
	f.Fuzz(func(t *testing.T, packed, part, value []byte, expireAt int64) {
		if form.check(packed) != nil {
			return
		}
		packed = append([]byte(nil), packed...)
		m := newPartModel()
		form.each(packed, func(part, value []byte, expireAt int64) bool {
			m.set(part, value, expireAt)
			return true
		})
		compareForm(t, typ, packed, m)
		if form.fits(packed) {
			compareObject(t, form.grow(packed), m)
		}
		if typ == Set {
			value, expireAt = nil, 0
		}
		expireAt = max(expireAt, 0)
		packed = form.set(packed, part, value, expireAt)
		m.set(part, value, expireAt)
		compareForm(t, typ, packed, m)
		for _, name := range append([]string{string(part)}, m.order...) {
			ok := false
			if packed, ok = form.cut(packed, []byte(name)); ok != m.cut([]byte(name)) {
				t.Fatalf("cut %q is %v", name, ok)
			}
		}
		if n := form.size(packed); n != 0 {
			t.Fatalf("%d parts are left", n)
		}
	})
}

func FuzzPackedHash(f *testing.F) {
	fuzzForm(f, Hash, [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("long"), 40)}, [][]byte{[]byte("field"), {0x80, 0xff}})
}

func FuzzPackedSet(f *testing.F) {
	fuzzForm(f, Set, [][]byte{[]byte("1"), []byte("-1"), []byte("0")},
		[][]byte{[]byte("-9223372036854775808"), []byte("9223372036854775807"), []byte("70000"), []byte("300")},
		[][]byte{[]byte("12"), []byte("012"), []byte("-0"), {}}, [][]byte{bytes.Repeat([]byte("m"), 200)})
}
