package ranked

import (
	"errors"
	"math"
)

// ErrFull says that the members take more memory than references can tell apart, which is
// 16 GiB.
var ErrFull = errors.New("ranked: the sorted set is too large")

// Set is an ordered set of members with scores. Its zero value is not ready: see [New]. It
// is not safe for concurrent use, but a [Set.Clone] is independent of what it was made of.
type Set struct {
	records records
	index   index
	order   order
}

// New returns an empty set.
func New() *Set {
	s := &Set{records: newRecords(), index: newIndex()}
	s.setEpoch(nextEpoch())
	return s
}

func (s *Set) setEpoch(e epoch) { s.records.epoch, s.index.epoch, s.order.epoch = e, e, e }

// Len returns the number of members.
func (s *Set) Len() int { return s.order.size() }

// Bytes returns the memory in use, with what is shared with clones.
func (s *Set) Bytes() int64 { return s.records.bytes() + s.index.bytes() + s.order.bytes() }

// Score returns a member's score.
func (s *Set) Score(member []byte) (score float64, ok bool) {
	r := s.find(hash(member), member)
	if r == 0 {
		return 0, false
	}
	return s.records.score(r), true
}

// ScoreBytes returns a member's score as 8 bytes, big-endian; they alias the set until its
// next change.
func (s *Set) ScoreBytes(member []byte) (score []byte, ok bool) {
	r := s.find(hash(member), member)
	if r == 0 {
		return nil, false
	}
	return s.records.scoreBytes(r), true
}

// Set gives a member a score, which must not be NaN. The member is copied.
func (s *Set) Set(member []byte, score float64) (added bool, err error) {
	h := hash(member)
	r := s.find(h, member)
	if r == 0 {
		r = s.records.add(score, member)
		if r == 0 {
			return false, ErrFull
		}
		s.index.insert(cellOf(h, r))
		s.order.insert(s.rank(score, member), entry{score, r})
		return true, nil
	}
	old := s.records.score(r)
	if math.Float64bits(old) == math.Float64bits(score) {
		return false, nil
	}
	from, to := s.rank(old, member), s.rank(score, member)
	if from < to {
		to-- // the member itself came before
	}
	if from == to {
		s.order.replace(from, entry{score, r})
	} else {
		s.order.remove(from)
		s.order.insert(to, entry{score, r})
	}
	s.records.setScore(r, score)
	return false, nil
}

// Remove removes a member and reports whether it was there.
func (s *Set) Remove(member []byte) bool {
	h := hash(member)
	r := s.find(h, member)
	if r == 0 {
		return false
	}
	s.order.remove(s.rank(s.records.score(r), member))
	s.index.remove(cellOf(h, r))
	if page := s.records.free(r); page != 0 {
		s.compact(page)
	}
	return true
}

// compact moves the records of a page that is mostly free to other pages.
func (s *Set) compact(page int) {
	for r, member := range s.records.all(page) {
		h := hash(member)
		if !s.index.has(cellOf(h, r)) {
			continue
		}
		score := s.records.score(r)
		moved := s.records.add(score, member)
		if moved == 0 {
			return // there is no page to move to: the rest stays
		}
		s.index.replace(cellOf(h, r), cellOf(h, moved))
		s.order.replace(s.rank(score, member), entry{score, moved})
		s.records.free(r)
	}
}

// Rank returns how many members come before a member.
func (s *Set) Rank(member []byte) (rank int, ok bool) {
	r := s.find(hash(member), member)
	if r == 0 {
		return 0, false
	}
	return s.rank(s.records.score(r), member), true
}

// ScoreRank returns how many members have a lower score, or the same if inclusive.
func (s *Set) ScoreRank(score float64, inclusive bool) int {
	return s.order.rank(&bound{kind: byScore, score: score, inclusive: inclusive}, &s.records)
}

// MemberRank returns how many members come before a byte string, or are the same if
// inclusive. All scores must be equal; otherwise the result is between 0 and Len and means
// nothing.
func (s *Set) MemberRank(member []byte, inclusive bool) int {
	return s.order.rank(&bound{kind: byMember, member: member, inclusive: inclusive}, &s.records)
}

// At returns the member of a rank, which must be between 0 and Len-1. It aliases the set
// until its next change.
func (s *Set) At(rank int) (member []byte, score float64) {
	l, i := s.order.root.find(rank)
	return s.records.member(l.refs[i]), l.scores[i]
}

// Ascend visits the members from a rank on in ascending order until visit returns false.
// The set must not change meanwhile; a member aliases it.
func (s *Set) Ascend(rank int, visit func(member []byte, score float64) bool) {
	for rank >= 0 && rank < s.Len() {
		l, i := s.order.root.find(rank)
		rank += l.n - i
		for ; i < l.n; i++ {
			if !visit(s.records.member(l.refs[i]), l.scores[i]) {
				return
			}
		}
	}
}

// Descend is Ascend in descending order, down from a rank.
func (s *Set) Descend(rank int, visit func(member []byte, score float64) bool) {
	for rank >= 0 && rank < s.Len() {
		l, i := s.order.root.find(rank)
		rank -= i + 1
		for ; i >= 0; i-- {
			if !visit(s.records.member(l.refs[i]), l.scores[i]) {
				return
			}
		}
	}
}

// Clone returns a copy that shares pages with the set: each side copies a page before its
// first change of it. Reading the one while the other changes is safe.
func (s *Set) Clone() *Set {
	c := *s
	c.records, c.index = s.records.clone(), s.index.clone()
	c.setEpoch(nextEpoch())
	s.setEpoch(nextEpoch())
	return &c
}

func (s *Set) rank(score float64, member []byte) int {
	return s.order.rank(&bound{kind: byBoth, score: score, member: member}, &s.records)
}

// find returns the record of a member, 0 if there is none.
func (s *Set) find(h uint64, member []byte) ref {
	want := uint32(h >> hashRest)
	b := s.index.bucket(want)
	for at := b.home(want); at < len(b.cells); at++ {
		c := b.cells[at]
		if c == 0 || c.hash() > want {
			break
		}
		if c.hash() == want && string(s.records.member(c.ref())) == string(member) {
			return c.ref()
		}
	}
	return 0
}
