package keyspace

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math"
)

// ZSetRef is a sorted set within a transaction: members with scores, ordered by score, and
// among equal scores as byte strings. A set that is not there is empty; one whose last
// member goes is no key any more.
//
// Members that it returns alias the store: they are read only, and valid until the set
// changes or the transaction's function returns. The set must not change while an iterator
// runs.
type ZSetRef struct {
	tx *Tx
	i  int // of the opened collection
}

// ZSet returns the sorted set of key and counts as a use of it. The error is ErrWrongType.
func (tx *Tx) ZSet(key []byte) (ZSetRef, error) {
	i, err := tx.open(key, ZSet)
	return ZSetRef{tx, i}, err
}

// Snapshot returns the set as it is now. It stays so, as [Snapshot] does; its methods that
// write panic.
func (z ZSetRef) Snapshot() ZSetRef { return ZSetRef{z.tx.detached(z.tx.at(z.i)), 0} }

// state returns the set in one of its two forms, as the transaction has left it. Both are
// nil if the key is not there or has another type.
func (z ZSetRef) state() (packed []byte, large *zsetObject) {
	o := z.tx.at(z.i)
	if o.coll != nil {
		large, _ = o.coll.object.(*zsetObject)
		return nil, large
	}
	return o.packed, nil
}

// Len returns the number of members.
func (z ZSetRef) Len() int { return z.tx.at(z.i).size() }

// Score returns a member's score.
func (z ZSetRef) Score(member []byte) (score float64, ok bool) {
	value, _, ok := z.tx.at(z.i).get(member)
	if !ok {
		return 0, false
	}
	return zsetScore(value), true
}

// Set gives a member a score, and reports whether it was not there before. Both are
// copied. The errors are those of [Tx.Put], ErrScore for NaN, and ErrWrongType if the key
// has got another type since.
func (z ZSetRef) Set(member []byte, score float64) (added bool, err error) {
	if math.IsNaN(score) {
		return false, ErrScore
	}
	return z.tx.setPart(z.i, member, appendScore(z.tx.score[:0], score), 0)
}

func appendScore(b []byte, score float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(score))
}

// Remove removes a member and reports whether it was there.
func (z ZSetRef) Remove(member []byte) bool { return z.tx.cutPart(z.i, member) }

// Rank returns how many members come before a member.
func (z ZSetRef) Rank(member []byte) (rank int, ok bool) {
	packed, large := z.state()
	if large != nil {
		return large.ranked.Rank(member)
	}
	for at := zsetHeader; at < len(packed); rank++ {
		e := zsetEntryAt(packed[at:])
		if bytes.Equal(e.member, member) {
			return rank, true
		}
		at += e.size
	}
	return 0, false
}

// RankOfScore returns how many members have a lower score, or the same if inclusive: the
// rank of the first that does not.
func (z ZSetRef) RankOfScore(score float64, inclusive bool) int {
	packed, large := z.state()
	if large != nil {
		return large.ranked.ScoreRank(score, inclusive)
	}
	rank := 0
	for at := zsetHeader; at < len(packed); rank++ {
		e := zsetEntryAt(packed[at:])
		if s := e.number(); s > score || s == score && !inclusive {
			break
		}
		at += e.size
	}
	return rank
}

// RankOfMember returns how many members of a set in which all scores are equal come before
// a byte string, or are the same if inclusive. If scores differ, the result means nothing.
func (z ZSetRef) RankOfMember(member []byte, inclusive bool) int {
	packed, large := z.state()
	if large != nil {
		return large.ranked.MemberRank(member, inclusive)
	}
	rank := 0
	for at := zsetHeader; at < len(packed); rank++ {
		e := zsetEntryAt(packed[at:])
		if diff := bytes.Compare(e.member, member); diff > 0 || diff == 0 && !inclusive {
			break
		}
		at += e.size
	}
	return rank
}

// At returns the member of a rank; ok is false if there is none.
func (z ZSetRef) At(rank int) (member []byte, score float64, ok bool) {
	for member, score := range z.From(rank) {
		return member, score, true
	}
	return nil, 0, false
}

// All yields the members with their scores in ascending order.
func (z ZSetRef) All() iter.Seq2[[]byte, float64] { return z.From(0) }

// From yields the members from a rank on in ascending order.
func (z ZSetRef) From(rank int) iter.Seq2[[]byte, float64] {
	return func(yield func([]byte, float64) bool) { z.ascend(rank, yield) }
}

// Down yields the members from a rank down to the first in descending order.
func (z ZSetRef) Down(rank int) iter.Seq2[[]byte, float64] {
	return func(yield func([]byte, float64) bool) { z.descend(rank, yield) }
}

func (z ZSetRef) ascend(rank int, visit func([]byte, float64) bool) {
	packed, large := z.state()
	if large != nil {
		large.ranked.Ascend(rank, visit)
		return
	}
	if rank < 0 {
		return
	}
	for at := zsetHeader; at < len(packed); rank-- {
		e := zsetEntryAt(packed[at:])
		if rank <= 0 && !visit(e.member, e.number()) {
			return
		}
		at += e.size
	}
}

func (z ZSetRef) descend(rank int, visit func([]byte, float64) bool) {
	packed, large := z.state()
	if large != nil {
		large.ranked.Descend(rank, visit)
		return
	}
	var starts [zsetEntries]uint16
	n := 0
	for at := zsetHeader; at < len(packed); n++ {
		e := zsetEntryAt(packed[at:])
		starts[n] = uint16(at)
		at += e.size
	}
	if rank >= n {
		return
	}
	for ; rank >= 0; rank-- {
		e := zsetEntryAt(packed[starts[rank]:])
		if !visit(e.member, e.number()) {
			return
		}
	}
}

// Scan visits some members, about count, and returns the cursor for the next call, 0 at
// the end; the first call has 0. It visits each member that is there from the first call
// to the last at least once. A small set is visited in one call.
func (z ZSetRef) Scan(cursor uint64, count int, visit func(member []byte, score float64)) (next uint64) {
	_, large := z.state()
	if large == nil {
		for member, score := range z.All() {
			visit(member, score)
		}
		return 0
	}
	next, _ = large.ranked.Walk(cursor, func(member, score []byte) bool {
		if count <= 0 {
			return false
		}
		count--
		visit(member, zsetScore(score))
		return true
	})
	return next
}
