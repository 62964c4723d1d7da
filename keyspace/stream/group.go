package stream

import (
	"bytes"
	"slices"
)

// Group is a group of consumers. What its methods return is valid until the stream changes.
type Group struct {
	Name []byte
	GroupState
	consumers []*consumer // by name
	pending   []pending   // by ID
}

// GroupState is what a group knows besides its consumers and pending entries.
type GroupState struct {
	Last ID    // delivered last
	Read int64 // entries read, -1 if that is not known
}

// Consumer is a consumer of a group.
type Consumer struct {
	Name    []byte
	Seen    int64 // when it last tried to read or claim, Unix milliseconds
	Pending int
}

// Pending is an entry that has been delivered and not been acknowledged. The entry itself
// may have been deleted since.
type Pending struct {
	ID        ID
	Consumer  []byte
	Delivered int64 // Unix milliseconds
	Count     uint64
}

type consumer struct {
	Consumer
}

type pending struct {
	Pending
	of *consumer
}

func (g *Group) clone() *Group {
	c := &Group{Name: g.Name, GroupState: g.GroupState}
	for _, p := range g.consumers {
		copied := *p
		c.consumers = append(c.consumers, &copied)
	}
	for _, p := range g.pending {
		i, _ := c.findConsumer(p.Consumer)
		c.pending = append(c.pending, pending{p.Pending, c.consumers[i]})
	}
	return c
}

func (s *Stream) findGroup(name []byte) (int, bool) {
	return slices.BinarySearchFunc(s.groups, name, func(g *Group, n []byte) int { return bytes.Compare(g.Name, n) })
}

func (g *Group) findConsumer(name []byte) (int, bool) {
	return slices.BinarySearchFunc(g.consumers, name, func(c *consumer, n []byte) int { return bytes.Compare(c.Name, n) })
}

func (g *Group) findPending(id ID) (int, bool) {
	return slices.BinarySearchFunc(g.pending, id, func(p pending, id ID) int { return p.ID.Compare(id) })
}

// Groups returns the number of groups.
func (s *Stream) Groups() int { return len(s.groups) }

// Group returns a group, nil if there is none of that name.
func (s *Stream) Group(name []byte) *Group {
	if i, ok := s.findGroup(name); ok {
		return s.groups[i]
	}
	return nil
}

// GroupAt returns a group by its number in the order of names.
func (s *Stream) GroupAt(i int) *Group { return s.groups[i] }

func (s *Stream) ensureGroup(name []byte) *Group {
	i, ok := s.findGroup(name)
	if !ok {
		s.memory += 100 + int64(len(name))
		s.groups = slices.Insert(s.groups, i, &Group{Name: bytes.Clone(name), GroupState: GroupState{Read: -1}})
	}
	return s.groups[i]
}

// SetGroup makes a group what state says; it is added if it is not there.
func (s *Stream) SetGroup(name []byte, state GroupState) { s.ensureGroup(name).GroupState = state }

// CutGroup removes a group with its consumers and pending entries.
func (s *Stream) CutGroup(name []byte) bool {
	i, ok := s.findGroup(name)
	if ok {
		s.groups = slices.Delete(s.groups, i, i+1)
	}
	return ok
}

// SetConsumer says when a consumer was seen; it is added if it is not there, and so is its
// group.
func (s *Stream) SetConsumer(group, name []byte, seen int64) (added bool) {
	g := s.ensureGroup(group)
	c, added := g.ensureConsumer(name)
	c.Seen = seen
	return added
}

func (g *Group) ensureConsumer(name []byte) (c *consumer, added bool) {
	i, ok := g.findConsumer(name)
	if !ok {
		g.consumers = slices.Insert(g.consumers, i, &consumer{Consumer{Name: bytes.Clone(name)}})
	}
	return g.consumers[i], !ok
}

// CutConsumer removes a consumer that has no pending entries.
func (s *Stream) CutConsumer(group, name []byte) bool {
	g := s.Group(group)
	if g == nil {
		return false
	}
	i, ok := g.findConsumer(name)
	if ok {
		g.consumers = slices.Delete(g.consumers, i, i+1)
	}
	return ok
}

// SetPending makes an entry pending, or changes that; its group and its consumer are added
// if they are not there.
func (s *Stream) SetPending(group []byte, p Pending) (added bool) {
	g := s.ensureGroup(group)
	c, _ := g.ensureConsumer(p.Consumer)
	i, there := g.findPending(p.ID)
	p.Consumer = c.Name
	if there {
		g.pending[i].of.Pending--
		g.pending[i] = pending{p, c}
	} else {
		g.pending = slices.Insert(g.pending, i, pending{p, c})
	}
	c.Pending++
	return !there
}

// CutPending makes an entry no longer pending, and reports whether it was.
func (s *Stream) CutPending(group []byte, id ID) bool {
	g := s.Group(group)
	if g == nil {
		return false
	}
	i, there := g.findPending(id)
	if there {
		g.pending[i].of.Pending--
		g.pending = slices.Delete(g.pending, i, i+1)
	}
	return there
}

// Consumers returns the number of consumers.
func (g *Group) Consumers() int { return len(g.consumers) }

// ConsumerAt returns a consumer by its number in the order of names.
func (g *Group) ConsumerAt(i int) Consumer { return g.consumers[i].Consumer }

// Consumer returns a consumer.
func (g *Group) Consumer(name []byte) (c Consumer, ok bool) {
	i, ok := g.findConsumer(name)
	if !ok {
		return Consumer{}, false
	}
	return g.consumers[i].Consumer, true
}

// PendingLen returns the number of pending entries.
func (g *Group) PendingLen() int { return len(g.pending) }

// Pending returns a pending entry.
func (g *Group) Pending(id ID) (p Pending, ok bool) {
	i, ok := g.findPending(id)
	if !ok {
		return Pending{}, false
	}
	return g.pending[i].Pending, true
}

// AscendPending visits pending entries from an ID on until visit returns false, those of one
// consumer, or of all if that is nil. The group must not change meanwhile.
func (g *Group) AscendPending(consumer []byte, from ID, visit func(p Pending) bool) {
	i, _ := g.findPending(from)
	for ; i < len(g.pending); i++ {
		p := g.pending[i].Pending
		if consumer != nil && !bytes.Equal(consumer, p.Consumer) {
			continue
		}
		if !visit(p) {
			return
		}
	}
}

// LastPending returns the last pending entry, and false if there is none.
func (g *Group) LastPending() (p Pending, ok bool) {
	if len(g.pending) == 0 {
		return Pending{}, false
	}
	return g.pending[len(g.pending)-1].Pending, true
}
