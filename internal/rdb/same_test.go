package rdb

import "testing"

func TestSame(t *testing.T) {
	hash, reversed := fields("a", "1", "b", "2"), fields("b", "2", "a", "1")
	sorted, other := []Element{scored(1, "a"), scored(2, "b")}, []Element{scored(1, "a"), scored(3, "b")}
	ziplist := seal(body(formListZiplist, ziplistOf("a", "a")), 9)
	for _, c := range []struct {
		name string
		a, b []byte
		want bool
	}{
		{"compressed string", []byte(vectors[6].payload), seal(body(formString, vectors[6].value), 10), true},
		{"other string", AppendString(nil, []byte("a")), AppendString(nil, []byte("b")), false},
		{"compact and table", encode(t, Hash, true, hash), encode(t, Hash, false, hash), true},
		{"other order", encode(t, Hash, true, hash), encode(t, Hash, true, reversed), true},
		{"one field less", encode(t, Hash, true, hash), encode(t, Hash, true, hash[:1]), false},
		{"one field more", encode(t, Hash, true, hash[:1]), encode(t, Hash, true, hash), false},
		{"other expiry", encode(t, Hash, true, hash), encode(t, Hash, true, until(fields("a", "1", "b", "2"), 5)), false},
		{"sorted sets", encode(t, ZSet, true, sorted), encode(t, ZSet, false, sorted), true},
		{"other score", encode(t, ZSet, true, sorted), encode(t, ZSet, true, other), false},
		{"list and set", encode(t, List, true, names("a")), encode(t, Set, true, names("a")), false},
		{"lists in another order", encode(t, List, true, names("a", "b")), encode(t, List, true, names("b", "a")), false},
		{"ziplist and listpack", encode(t, List, true, names("a", "a")), ziplist, true},
		{"nonsense", encode(t, List, true, names("a")), []byte("nonsense"), false},
	} {
		if got := Same(c.a, c.b); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
