package rdb

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCollectionsAgainstRedis exchanges random collections of all types and sizes with a
// real redis-server, both ways.
func TestCollectionsAgainstRedis(t *testing.T) {
	redis := startRedis(t)
	r := rand.New(rand.NewPCG(5, 6))
	const values = 2000
	for i := range values {
		if i == values/2 {
			redis.do(t, "CONFIG", "SET", "rdbcompression", "no")
		}
		typ := []Type{List, Set, ZSet, Hash}[r.IntN(4)]
		elements := randomElements(r, typ)
		ours := encode(t, typ, r.IntN(2) == 0, elements)
		if got := redis.do(t, "RESTORE", "k", "0", string(ours), "REPLACE"); got != "+OK" {
			t.Fatalf("value %d: Redis refuses our payload of %d elements of type %d: %s", i, len(elements), typ, got)
		}
		want := content(typ, elements)
		if got := redis.content(t, typ); got != want {
			t.Fatalf("value %d: Redis has %.500q, want %.500q", i, got, want)
		}
		v, back, err := elementsOf([]byte(redis.do(t, "DUMP", "k")))
		if err != nil || v.Type != typ || content(typ, back) != want {
			t.Fatalf("value %d: we read %.500q, %v, want %.500q", i, content(typ, back), err, want)
		}
	}
	for _, f := range former {
		if got := redis.do(t, "RESTORE", "k", "0", string(seal(f.body, 9)), "REPLACE"); got != "+OK" {
			t.Errorf("%s: the test's own payload is wrong: %s", f.name, got)
		} else if got, want := redis.content(t, f.typ), content(f.typ, f.elements); got != want {
			t.Errorf("%s: Redis has %q, want %q", f.name, got, want)
		}
	}
}

// randomElements makes elements as a store gives them: a sorted set in its order, no name
// twice but in a list.
func randomElements(r *rand.Rand, typ Type) (elements []Element) {
	taken := make(map[string]bool)
	for range 1 + r.IntN([]int{4, 4, 4, 40, 40, 400}[r.IntN(6)]) {
		e := Element{Name: randomString(r)}
		if typ != List && taken[string(e.Name)] {
			continue
		}
		taken[string(e.Name)] = true
		switch typ {
		case ZSet:
			e.Score = []float64{float64(r.IntN(3)), r.NormFloat64() * 1e9, math.Inf(1), math.Inf(-1), 1e300, 1e-300,
				math.Copysign(0, -1)}[r.IntN(7)]
		case Hash:
			e.Value = randomString(r)
		}
		elements = append(elements, e)
	}
	if typ == ZSet {
		slices.SortFunc(elements, func(a, b Element) int {
			return cmp.Or(cmp.Compare(a.Score, b.Score), bytes.Compare(a.Name, b.Name))
		})
	}
	return elements
}

func randomString(r *rand.Rand) []byte {
	switch r.IntN(6) {
	case 0:
		return strconv.AppendInt(nil, int64(r.Uint64())>>r.IntN(64), 10)
	case 1:
		return bytes.Repeat([]byte("ab"), r.IntN(100))
	case 2:
		if r.IntN(10) == 0 {
			return bytes.Repeat([]byte{'x', byte(r.Uint32())}, r.IntN(20_000))
		}
		fallthrough
	default:
		b := make([]byte, r.IntN(20))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
}

// content returns a text of a collection that is the same whatever the order of sets and
// hashes.
func content(typ Type, elements []Element) string {
	var list []string
	for _, e := range elements {
		s := append(strconv.AppendInt(nil, int64(len(e.Name)), 10), e.Name...)
		switch typ {
		case ZSet:
			s = strconv.AppendFloat(append(s, ' '), e.Score+0, 'g', -1, 64) // -0 is 0
		case Hash:
			s = append(append(s, ' '), e.Value...)
		}
		list = append(list, string(s))
	}
	if typ != List {
		slices.Sort(list)
	}
	return strings.Join(list, "\n")
}

// content reads the key k.
func (c *redis) content(t *testing.T, typ Type) string {
	var elements []Element
	switch typ {
	case List:
		elements = names(c.list(t, "LRANGE", "k", "0", "-1")...)
	case Set:
		elements = names(c.list(t, "SMEMBERS", "k")...)
	case Hash:
		elements = fields(c.list(t, "HGETALL", "k")...)
	case ZSet:
		elements = fields(c.list(t, "ZRANGE", "k", "0", "-1", "WITHSCORES")...)
		for i := range elements {
			score, err := strconv.ParseFloat(string(elements[i].Value), 64)
			if err != nil {
				t.Fatal(err)
			}
			elements[i].Score = score
		}
	}
	return content(typ, elements)
}
