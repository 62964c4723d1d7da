package stream

import (
	"bytes"
	"slices"
)

// Group is a group of consumers. What its methods return is valid until the stream changes.
type Group struct {
	Name []byte
	GroupState
	owner     *owner
	pending   ordered[delivery]
	consumers consumers
}

// GroupState is what a group knows besides its consumers and pending entries.
type GroupState struct {
	Last ID    // delivered last
	Read int64 // entries read, -1 if that is not known
}

// groups are the groups of a stream, by name.
type groups struct {
	owner *owner // of the list
	list  []*Group
}

// groupOverhead is the allocated size of a Group beside its name.
const groupOverhead = 96

func (g *groups) find(name []byte) (int, bool) {
	return slices.BinarySearchFunc(g.list, name, func(g *Group, n []byte) int { return bytes.Compare(g.Name, n) })
}

// own makes the list one that a may change.
func (g *groups) own(a *account) {
	if g.owner != a.owner {
		before := cap(g.list)
		g.owner, g.list = a.owner, slices.Clone(g.list)
		a.memory += int64(cap(g.list)-before) * pointerLen
	}
}

const pointerLen = 8

// Groups returns the number of groups.
func (s *Stream) Groups() int { return len(s.groups.list) }

// Group returns a group, nil if there is none of that name.
func (s *Stream) Group(name []byte) *Group {
	if i, ok := s.groups.find(name); ok {
		return s.groups.list[i]
	}
	return nil
}

// GroupAt returns a group by its number in the order of names.
func (s *Stream) GroupAt(i int) *Group { return s.groups.list[i] }

// ownGroup returns a group that may be changed, nil if there is none.
func (s *Stream) ownGroup(name []byte) *Group {
	i, ok := s.groups.find(name)
	if !ok {
		return nil
	}
	a := s.writer()
	g := s.groups.list[i]
	if g.owner != a.owner {
		copied := *g
		copied.owner = a.owner
		g = &copied
		s.groups.own(a)
		s.groups.list[i] = g
	}
	return g
}

// ensureGroup returns a group that may be changed; it is added if it is not there.
func (s *Stream) ensureGroup(name []byte) *Group {
	if g := s.ownGroup(name); g != nil {
		return g
	}
	a := s.writer()
	s.groups.own(a)
	g := &Group{owner: a.owner, Name: append([]byte(nil), name...), GroupState: GroupState{Read: -1}}
	before := cap(s.groups.list)
	i, _ := s.groups.find(name)
	s.groups.list = slices.Insert(s.groups.list, i, g)
	a.memory += groupOverhead + int64(cap(g.Name)) + int64(cap(s.groups.list)-before)*pointerLen
	return g
}

// SetGroup makes a group what state says; it is added if it is not there.
func (s *Stream) SetGroup(name []byte, state GroupState) { s.ensureGroup(name).GroupState = state }

// CutGroup removes a group with its consumers and pending entries.
func (s *Stream) CutGroup(name []byte) bool {
	i, ok := s.groups.find(name)
	if !ok {
		return false
	}
	a := s.writer()
	s.groups.own(a)
	g := s.groups.list[i]
	a.memory -= groupOverhead + int64(cap(g.Name)) + g.pending.memory + g.consumers.memory
	s.groups.list = slices.Delete(s.groups.list, i, i+1)
	if len(s.groups.list) == 0 {
		a.memory -= int64(cap(s.groups.list)) * pointerLen
		s.groups.list = nil
	}
	return true
}
