package commands

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/keyspace"
)

const errSortScore = ReplyError("ERR One or more scores can't be converted into double")

// sortElement is an element and what it is sorted by.
type sortElement struct {
	element []byte
	score   float64
	by      []byte // of ALPHA; nil sorts before all others
}

// sort returns the elements that are asked for, in order. tx is needed for BY with a
// pattern only.
func (s *sorting) sort(tx *keyspace.Tx) ([][]byte, error) {
	list := s.elements()
	typ := s.snapshot.Entry().Type
	if s.unsorted && typ == keyspace.Set && s.store != nil { // the order of a set is not defined
		s.unsorted, s.alpha, s.by = false, true, nil
	}
	switch {
	case !s.unsorted:
		if err := s.weigh(tx, list); err != nil {
			return nil, err
		}
		slices.SortStableFunc(list, s.compare)
	case s.descending && typ != keyspace.Set:
		slices.Reverse(list)
	}
	from, to := s.window(len(list))
	sorted := make([][]byte, 0, to-from)
	for _, e := range list[from:to] {
		sorted = append(sorted, e.element)
	}
	return sorted, nil
}

// elements returns all elements, those of lists and of sorted sets in their order.
func (s *sorting) elements() []sortElement {
	list := make([]sortElement, 0, s.snapshot.Len())
	typ := s.snapshot.Entry().Type
	s.snapshot.Parts(func(part, value []byte, _ int64) bool {
		e := sortElement{element: part}
		switch typ {
		case keyspace.List:
			e.element = value
		case keyspace.ZSet:
			e.score = math.Float64frombits(binary.BigEndian.Uint64(value))
		}
		e.element = bytes.Clone(e.element)
		list = append(list, e)
		return true
	})
	if typ == keyspace.ZSet && s.unsorted {
		slices.SortFunc(list, compareScores)
	}
	return list
}

// weigh finds out what each element is sorted by.
func (s *sorting) weigh(tx *keyspace.Tx, list []sortElement) error {
	for i := range list {
		e := &list[i]
		e.by, e.score = e.element, 0
		if s.by != nil {
			value, ok := followPattern(tx, s.by, e.element)
			if e.by = value; !ok {
				e.by = nil
				continue
			}
			if e.by == nil {
				e.by = []byte{}
			}
		}
		if s.alpha {
			continue
		}
		var ok bool
		if e.score, ok = sortScore(e.by); !ok {
			return errSortScore
		}
	}
	return nil
}

// compare compares texts byte by byte, whatever the locale. Redis stops at a zero byte, and
// then leaves the order open.
func (s *sorting) compare(a, b sortElement) (n int) {
	if s.alpha {
		n = cmp.Or(cmp.Compare(btoi(a.by != nil), btoi(b.by != nil)), bytes.Compare(a.by, b.by))
	} else {
		n = compareScores(a, b)
	}
	if s.descending {
		return -n
	}
	return n
}

func compareScores(a, b sortElement) int {
	return cmp.Or(cmp.Compare(a.score, b.score), bytes.Compare(a.element, b.element))
}
