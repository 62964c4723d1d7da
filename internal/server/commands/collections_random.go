package commands

import (
	"math"
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/keyspace"
)

const (
	errOutOfRange = ReplyError("ERR value is out of range")
	errCountRange = ReplyError("ERR value is out of range, " +
		"value must between -9223372036854775807 and 9223372036854775807")
)

// randomCount reads how many elements a command is to choose; a negative number allows the
// same one several times.
func (c *Call) randomCount(i int) (int64, error) {
	n, err := c.Number(i)
	if err == nil && n == math.MinInt64 {
		err = errCountRange
	}
	return n, err
}

// sampled is a collection out of which elements are chosen at random.
type sampled interface {
	Len() int // may count some that are not there any more
	each(visit func(name, value []byte) bool)
	random() (name, value []byte, ok bool)
}

type sampledHash struct{ keyspace.HashRef }

func (h sampledHash) each(visit func(name, value []byte) bool) { h.All()(visit) }
func (h sampledHash) random() (name, value []byte, ok bool)    { return h.Random(rand.Uint64) }

type sampledSet struct{ keyspace.SetRef }

func (s sampledSet) each(visit func(name, value []byte) bool) {
	s.All()(func(member []byte) bool { return visit(member, nil) })
}

func (s sampledSet) random() (name, value []byte, ok bool) {
	name, ok = s.Random(rand.Uint64)
	return name, nil, ok
}

// sample appends random elements by emit, and returns how many: count different ones, all if
// there are fewer, or -count that may be the same.
func (c *Call) sample(from sampled, count int64, emit func(name, value []byte)) (n int) {
	visit := func(name, value []byte) bool {
		emit(name, value)
		n++
		return len(c.Out.B) <= c.MaxOutput
	}
	switch size := int64(from.Len()); {
	case size == 0:
	case count < 0:
		for range -count {
			if name, value, ok := from.random(); !ok || !visit(name, value) {
				break
			}
		}
	case count >= size:
		from.each(visit)
	case count > size/3:
		sampleMany(from, count, size, visit)
	default:
		sampleFew(from, count, visit)
	}
	return n
}

// sampleMany chooses each element with the chance that what is still wanted has among what
// is still to come.
func sampleMany(from sampled, wanted, left int64, visit func(name, value []byte) bool) {
	from.each(func(name, value []byte) bool {
		if rand.Int64N(left) < wanted {
			if wanted--; !visit(name, value) {
				return false
			}
		}
		left--
		return wanted > 0 && left > 0
	})
}

// sampleFew chooses elements until it has enough different ones: most are, since they are
// few.
func sampleFew(from sampled, wanted int64, visit func(name, value []byte) bool) {
	chosen := make(map[string]struct{}, wanted)
	for tries := 10*wanted + 100; wanted > 0 && tries > 0; tries-- {
		name, value, ok := from.random()
		if !ok {
			return
		}
		if _, again := chosen[string(name)]; again {
			continue
		}
		chosen[string(name)] = struct{}{}
		if wanted--; !visit(name, value) {
			return
		}
	}
}
