package stream

import (
	"slices"
)

// State is what a stream knows besides its entries and groups.
type State struct {
	Last       ID     // of the entry added last
	MaxDeleted ID     // the greatest ID that has been deleted, not trimmed
	Added      uint64 // entries that have ever been added
}

// Stream is a stream. The zero Stream is empty. It is not for concurrent use, but clones
// may be used at the same time.
type Stream struct {
	State   State
	entries []entry
	groups  []*Group // by name
	memory  int64
}

type entry struct {
	id    ID
	value []byte
}

// streamOverhead is the memory of a Stream without entries and groups.
const streamOverhead = 128

// Len returns the number of entries.
func (s *Stream) Len() int { return len(s.entries) }

// Nodes returns the number of nodes that hold the entries.
func (s *Stream) Nodes() int { return (len(s.entries) + 99) / 100 }

// Memory returns the bytes of memory in use, also of what is shared with clones.
func (s *Stream) Memory() int64 { return streamOverhead + s.memory }

// Clone returns a copy. It shares memory with s; each side copies what it changes.
func (s *Stream) Clone() *Stream {
	c := *s
	c.entries = slices.Clone(s.entries)
	c.groups = make([]*Group, len(s.groups))
	for i, g := range s.groups {
		c.groups[i] = g.clone()
	}
	return &c
}

func (s *Stream) find(id ID) (int, bool) {
	return slices.BinarySearchFunc(s.entries, id, func(e entry, id ID) int { return e.id.Compare(id) })
}

// Get returns the fields of an entry.
func (s *Stream) Get(id ID) (f Fields, ok bool) {
	i, ok := s.find(id)
	if !ok {
		return Fields{}, false
	}
	return FieldsOf(s.entries[i].value), true
}

// Set adds an entry, or replaces it. value is as [AppendCount] says, and is copied. It
// reports whether the entry is new.
func (s *Stream) Set(id ID, value []byte) (added bool) {
	i, there := s.find(id)
	value = slices.Clone(value)
	s.memory += int64(len(value))
	if there {
		s.memory -= int64(len(s.entries[i].value))
		s.entries[i].value = value
		return false
	}
	s.memory += 40
	s.entries = slices.Insert(s.entries, i, entry{id, value})
	return true
}

// Cut removes an entry and reports whether it was there.
func (s *Stream) Cut(id ID) bool { return s.CutRange(id, id) == 1 }

// CutRange removes the entries from first to last, and returns how many there were.
func (s *Stream) CutRange(first, last ID) int {
	i, _ := s.find(first)
	j, there := s.find(last)
	if there {
		j++
	}
	if i >= j {
		return 0
	}
	for _, e := range s.entries[i:j] {
		s.memory -= 40 + int64(len(e.value))
	}
	s.entries = slices.Delete(s.entries, i, j)
	return j - i
}

// First returns the ID of the first entry, and false if there is none.
func (s *Stream) First() (id ID, ok bool) {
	if len(s.entries) == 0 {
		return ID{}, false
	}
	return s.entries[0].id, true
}

// Final returns the ID of the last entry that is there, and false if there is none.
func (s *Stream) Final() (id ID, ok bool) {
	if len(s.entries) == 0 {
		return ID{}, false
	}
	return s.entries[len(s.entries)-1].id, true
}

// Ascend visits the entries from an ID on until visit returns false. fields is valid during
// the call. The stream must not change meanwhile.
func (s *Stream) Ascend(from ID, visit func(id ID, fields Fields) bool) {
	i, _ := s.find(from)
	for ; i < len(s.entries); i++ {
		if e := &s.entries[i]; !visit(e.id, FieldsOf(e.value)) {
			return
		}
	}
}

// Descend visits the entries from an ID down.
func (s *Stream) Descend(from ID, visit func(id ID, fields Fields) bool) {
	i, there := s.find(from)
	if !there {
		i--
	}
	for ; i >= 0; i-- {
		if e := &s.entries[i]; !visit(e.id, FieldsOf(e.value)) {
			return
		}
	}
}

// TrimPoint says which entries go when a stream is trimmed to keep at most so many, or, if
// keep is negative, to those from an ID on: all up to last. whole leaves nodes whole, as
// `XTRIM ~` does, and limit, unless it is 0, bounds how many go. ok is false if none goes.
func (s *Stream) TrimPoint(keep int, from ID, whole bool, limit int) (last ID, count int, ok bool) {
	n := 0
	if keep >= 0 {
		n = max(0, len(s.entries)-keep)
	} else {
		n, _ = s.find(from)
	}
	if whole {
		n = n / 100 * 100
	}
	if limit > 0 && n > limit {
		n = limit
	}
	if n == 0 {
		return ID{}, 0, false
	}
	return s.entries[n-1].id, n, true
}
