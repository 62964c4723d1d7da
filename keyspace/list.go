package keyspace

import (
	"iter"
	"slices"

	"github.com/slotmesh/slotmesh/internal/sequence"
)

// ListRef is a key in a transaction that holds a list, or nothing. Elements are counted
// from 0.
//
// Elements that the methods return alias the store: they are read only, and valid until
// the next write to the list. What the methods are given is copied. The list must not
// change while an iterator runs.
type ListRef struct {
	tx *Tx
	n  int // of the opened collection
}

// List returns the list at key, an empty one if key is not there; the first element makes
// it. The error is ErrWrongType if key holds a value of another type.
func (tx *Tx) List(key []byte) (ListRef, error) {
	n, err := tx.open(key, List)
	return ListRef{tx, n}, err
}

// elements is what both forms of a list have for readers.
type elements interface {
	At(i int) (position int64, v []byte)
	Position(i int) int64
	From(i int) iter.Seq2[int64, []byte]
	Backward(i int) iter.Seq2[int64, []byte]
	Matches(v []byte, i int) iter.Seq2[int, bool]
	MatchesBackward(v []byte, i int) iter.Seq2[int, bool]
}

// state returns the list in one of its two forms, as the transaction has left it.
func (l ListRef) state() (packed sequence.Packed, large *sequence.Sequence) {
	o := l.tx.at(l.n)
	if o.coll != nil {
		return nil, o.coll.object.(*listObject).elements
	}
	return o.packed, nil
}

func (l ListRef) elements() elements {
	packed, large := l.state()
	if large != nil {
		return large
	}
	return packed
}

// Snapshot returns the list as it is now. It stays so, as [Snapshot] does; its methods that
// write panic.
func (l ListRef) Snapshot() ListRef { return ListRef{l.tx.detached(l.tx.at(l.n)), 0} }

// Len returns the number of elements.
func (l ListRef) Len() int { return l.tx.at(l.n).size() }

// At returns element i; ok is false if there is none.
func (l ListRef) At(i int) (v []byte, ok bool) {
	packed, large := l.state()
	switch {
	case i < 0 || i >= l.Len():
		return nil, false
	case large != nil:
		_, v = large.At(i)
	default:
		_, v = packed.At(i)
	}
	return v, true
}

// position returns the position of element i, which is there.
func (l ListRef) position(i int) int64 {
	packed, large := l.state()
	if large != nil {
		return large.Position(i)
	}
	return packed.Position(i)
}

// PushFront adds an element before the first one. The errors are those of [Tx.Put], and
// ErrWrongType if the key has got another type since.
func (l ListRef) PushFront(v []byte) error { return l.Insert(0, v) }

// PushBack adds an element after the last one. The errors are those of PushFront.
func (l ListRef) PushBack(v []byte) error { return l.Insert(l.Len(), v) }

// PopFront removes the first element and returns it; ok is false if the list is empty. The
// element is valid until the transaction's function returns.
func (l ListRef) PopFront() (v []byte, ok bool) { return l.pop(0) }

// PopBack removes the last element and returns it, as PopFront does.
func (l ListRef) PopBack() (v []byte, ok bool) { return l.pop(l.Len() - 1) }

func (l ListRef) pop(i int) (v []byte, ok bool) {
	o := l.tx.at(l.n)
	if i < 0 || i >= o.size() {
		return nil, false
	}
	l.tx.mustWrite()
	var position int64
	if packed, large := l.state(); large != nil {
		position, v = large.At(i)
	} else {
		position, v = packed.At(i)
	}
	if len(v) <= LargeValue { // a longer one does not change
		v = l.tx.copy(v)
	}
	part := appendPosition(l.tx.position[0][:0], position)
	l.tx.grownBytes -= partFootprint(part, v)
	l.tx.cutThere(o, part, v, 0)
	return v, true
}

func (l ListRef) cut(position int64) {
	l.tx.cutPart(l.n, appendPosition(l.tx.position[0][:0], position))
}

func (l ListRef) set(position int64, v []byte) error {
	_, err := l.tx.setPart(l.n, appendPosition(l.tx.position[0][:0], position), v, 0)
	return err
}

// Set makes element i, which must be there, v. The errors are those of PushFront.
func (l ListRef) Set(i int, v []byte) error { return l.set(l.position(i), v) }

// Insert adds an element before element i, or after the last one if i is Len. It may give
// some elements around it new positions, on average a few, which are Ops too. The errors
// are those of PushFront.
func (l ListRef) Insert(i int, v []byte) error {
	in := sequence.InsertAt(l.Len(), i, l.position)
	if in.From < in.To {
		if err := l.renumber(in); err != nil {
			return err
		}
	}
	return l.set(in.Position, v)
}

// renumber gives elements the positions that an insertion asks for.
func (l ListRef) renumber(in sequence.Insertion) error {
	var values [][]byte // copies: what they alias is about to change
	var old, next []int64
	growth := int64(0)
	for position, v := range l.elements().From(in.From) {
		i := in.From + len(old)
		if i == in.To {
			break
		}
		values, old, next = append(values, l.tx.copy(v)), append(old, position), append(next, in.Renumbered(i))
		growth += partShare + positionLen + int64(len(v))
	}
	if err := l.tx.room(nil, growth); err != nil { // of all, before the first
		return err
	}
	for i, v := range values {
		if err := l.set(next[i], v); err != nil {
			return err
		}
	}
	for _, position := range old {
		if _, is := slices.BinarySearch(next, position); !is && position != in.Position {
			l.cut(position)
		}
	}
	return nil
}

// Remove removes the elements [from, to), which must be there.
func (l ListRef) Remove(from, to int) {
	if from >= to {
		return
	}
	first, last := l.position(from), l.position(to-1)
	if first == last {
		l.cut(first)
		return
	}
	buf := &l.tx.position
	l.tx.cutRange(l.n, appendPosition(buf[0][:0], first), appendPosition(buf[1][:0], last), to-from)
}

// All yields the elements in their order.
func (l ListRef) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, v := range l.From(0) {
			if !yield(v) {
				return
			}
		}
	}
}

// From yields the elements from element i on, with their numbers.
func (l ListRef) From(i int) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if i < 0 {
			return
		}
		for _, v := range l.elements().From(i) {
			if !yield(i, v) {
				return
			}
			i++
		}
	}
}

// Down yields the elements from element i down to the first, with their numbers.
func (l ListRef) Down(i int) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if i >= l.Len() {
			return
		}
		for _, v := range l.elements().Backward(i) {
			if !yield(i, v) {
				return
			}
			i--
		}
	}
}

// Matches yields the numbers of the elements from element i on, and whether they are v.
func (l ListRef) Matches(v []byte, i int) iter.Seq2[int, bool] { return l.elements().Matches(v, i) }

// MatchesDown is Matches from element i down to the first.
func (l ListRef) MatchesDown(v []byte, i int) iter.Seq2[int, bool] {
	return l.elements().MatchesBackward(v, i)
}
