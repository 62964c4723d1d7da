package stream

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// model is a stream as plain as can be.
type model struct {
	entries map[ID]string
	groups  map[string]*modelGroup
}

type modelGroup struct {
	state     GroupState
	consumers map[string]int64
	pending   map[ID]Pending
}

func newModel() *model { return &model{map[ID]string{}, map[string]*modelGroup{}} }

func (m *model) clone() *model {
	c := &model{maps.Clone(m.entries), map[string]*modelGroup{}}
	for name, g := range m.groups {
		c.groups[name] = &modelGroup{g.state, maps.Clone(g.consumers), maps.Clone(g.pending)}
	}
	return c
}

func (m *model) ids() []ID { return slices.SortedFunc(maps.Keys(m.entries), ID.Compare) }

func (m *model) cutRange(first, last ID) (n int) {
	for id := range m.entries {
		if !id.Less(first) && !last.Less(id) {
			delete(m.entries, id)
			n++
		}
	}
	return n
}

func (m *model) group(name string) *modelGroup {
	g := m.groups[name]
	if g == nil {
		g = &modelGroup{GroupState{Read: -1}, map[string]int64{}, map[ID]Pending{}}
		m.groups[name] = g
	}
	return g
}

func (g *modelGroup) ensure(consumer string) (added bool) {
	_, ok := g.consumers[consumer]
	if !ok {
		g.consumers[consumer] = 0
	}
	return !ok
}

func (g *modelGroup) setPending(p Pending) (added bool) {
	g.ensure(string(p.Consumer))
	p.Consumer = bytes.Clone(p.Consumer)
	_, ok := g.pending[p.ID]
	g.pending[p.ID] = p
	return !ok
}

// list returns the pending entries of one consumer, or of all if that is nil.
func (g *modelGroup) list(consumer []byte, from ID) (list []Pending) {
	for _, id := range slices.SortedFunc(maps.Keys(g.pending), ID.Compare) {
		if p := g.pending[id]; !id.Less(from) && (consumer == nil || bytes.Equal(consumer, p.Consumer)) {
			list = append(list, p)
		}
	}
	return list
}

// valueOf returns the value of an entry.
func valueOf(strings ...string) []byte {
	b := AppendCount(nil, len(strings))
	for _, s := range strings {
		b = AppendString(b, []byte(s))
	}
	return b
}

// equal returns what differs between a stream and its model, "" if nothing does.
func (m *model) differs(s *Stream) string {
	ids := m.ids()
	var got []ID
	bad := ""
	s.Ascend(ID{}, func(id ID, f Fields) bool {
		got = append(got, id)
		if string(f.AppendValue(nil)) != m.entries[id] {
			bad = "the value of " + id.String()
		}
		return bad == ""
	})
	switch {
	case bad != "":
		return bad
	case !slices.Equal(got, ids) || s.Len() != len(ids):
		return "ascending IDs"
	}
	got = got[:0]
	s.Descend(MaxID, func(id ID, f Fields) bool {
		got = append(got, id)
		return string(f.AppendValue(nil)) == m.entries[id]
	})
	if slices.Reverse(got); !slices.Equal(got, ids) {
		return "descending entries"
	}
	first, ok := s.First()
	last, also := s.Final()
	if ok != (len(ids) > 0) || also != ok || ok && (first != ids[0] || last != ids[len(ids)-1]) {
		return "First or Final"
	}
	names := slices.Sorted(maps.Keys(m.groups))
	if s.Groups() != len(names) {
		return "Groups"
	}
	for i, name := range names {
		if g := s.GroupAt(i); string(g.Name) != name || g != s.Group([]byte(name)) {
			return "GroupAt or Group"
		} else if bad := m.groups[name].differs(g); bad != "" {
			return "group " + name + ": " + bad
		}
	}
	return ""
}

func (m *modelGroup) differs(g *Group) string {
	names := slices.Sorted(maps.Keys(m.consumers))
	switch {
	case g.GroupState != m.state:
		return "state"
	case g.Consumers() != len(names):
		return "Consumers"
	case !samePending(g, nil, ID{}, m.list(nil, ID{})):
		return "pending"
	}
	for i, name := range names {
		c, ok := g.Consumer([]byte(name))
		if at := g.ConsumerAt(i); !ok || string(at.Name) != name || string(c.Name) != name || at.Pending != c.Pending {
			return "consumer " + name
		}
		list := m.list([]byte(name), ID{})
		if c.Seen != m.consumers[name] || c.Pending != len(list) || !samePending(g, c.Name, ID{}, list) {
			return "of consumer " + name
		}
	}
	list := m.list(nil, ID{})
	last, ok := g.LastPending()
	if g.PendingLen() != len(list) || ok != (len(list) > 0) || ok && !last.equal(list[len(list)-1]) {
		return "LastPending"
	}
	return ""
}

func (p Pending) equal(q Pending) bool {
	return p.ID == q.ID && bytes.Equal(p.Consumer, q.Consumer) && p.Delivered == q.Delivered && p.Count == q.Count
}

func samePending(g *Group, consumer []byte, from ID, want []Pending) bool {
	var got []Pending
	g.AscendPending(consumer, from, func(p Pending) bool {
		got = append(got, p)
		return true
	})
	return slices.EqualFunc(got, want, Pending.equal)
}

// filler returns a string of so many bytes.
func filler(n int) string { return strings.Repeat("x", n) }
