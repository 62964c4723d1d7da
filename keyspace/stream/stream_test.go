package stream

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"
)

// script is the source of random choices: a seed, or the bytes of a fuzz input.
type script interface{ IntN(n int) int }

// scenario changes a stream and its model in the same way.
type scenario struct {
	script
	s     *Stream
	m     *model
	last  ID
	names []string
}

func (c *scenario) id() ID {
	if ids := c.m.ids(); len(ids) > 0 && c.IntN(4) > 0 {
		return ids[c.IntN(len(ids))]
	}
	return ID{uint64(c.IntN(int(c.last.Ms) + 2)), uint64(c.IntN(3))}
}

func (c *scenario) value() []byte {
	b := AppendCount(nil, 2*(1+len(c.names)))
	if c.IntN(8) == 0 {
		c.names = c.names[:c.IntN(len(c.names)+1)]
		b = AppendCount(nil, 2*(1+len(c.names)))
	}
	for i := range 1 + len(c.names) {
		name := "f" + strconv.Itoa(i)
		if c.IntN(20) == 0 {
			name += "x"
		}
		b = AppendString(b, []byte(name))
		switch c.IntN(6) {
		case 0:
			b = AppendString(b, []byte(filler(c.IntN(100))))
		case 1:
			b = AppendString(b, []byte(filler(c.IntN(3000))))
		default:
			b = AppendString(b, strconv.AppendInt(nil, int64(c.IntN(1<<62))>>c.IntN(63)-int64(c.IntN(200)), 10))
		}
	}
	if c.IntN(8) == 0 && len(c.names) < 5 {
		c.names = append(c.names, "")
	}
	return b
}

func (c *scenario) nextID() ID {
	switch c.IntN(4) {
	case 0:
		c.last.Seq += 1 + uint64(c.IntN(3))
	case 1:
		c.last.Ms += 1 + uint64(c.IntN(1000))
		c.last.Seq = uint64(c.IntN(2) * c.IntN(500))
	default:
		c.last = ID{c.last.Ms + 1, 0}
	}
	return c.last
}

// step makes one change, and returns an error if the results differ.
func (c *scenario) step() error {
	switch k := c.IntN(20); {
	case k < 10:
		id, value := c.nextID(), c.value()
		_, there := c.m.entries[id] // by the step below
		if c.s.Set(id, value) == there {
			return fmt.Errorf("Set %v: added %v", id, !there)
		}
		c.m.entries[id] = string(value)
	case k == 10:
		id, value := c.id(), c.value()
		_, there := c.m.entries[id]
		if c.s.Set(id, value) == there {
			return fmt.Errorf("Set %v: added %v", id, !there)
		}
		c.m.entries[id] = string(value)
	case k == 11:
		id := c.id()
		_, there := c.m.entries[id]
		if c.s.Cut(id) != there {
			return fmt.Errorf("Cut %v: %v", id, !there)
		}
		if there && c.IntN(2) == 0 { // as a transaction that fails does
			if value := c.m.entries[id]; !c.s.Set(id, []byte(value)) {
				return fmt.Errorf("Set %v after Cut: not added", id)
			}
			return nil
		}
		delete(c.m.entries, id)
	case k == 12:
		return c.cutRange()
	case k == 13:
		return c.trim()
	case k == 14:
		id := c.id()
		value, there := c.m.entries[id]
		if f, ok := c.s.Get(id); ok != there || ok && string(f.AppendValue(nil)) != value {
			return fmt.Errorf("Get %v: %v", id, ok)
		}
		return c.walk(id)
	default:
		return c.stepGroup()
	}
	return nil
}

func (c *scenario) cutRange() error {
	first := c.id()
	last := first
	for range c.IntN(300) {
		last, _ = last.Next()
	}
	last.Ms += uint64(c.IntN(20))
	if got, want := c.s.CutRange(first, last), c.m.cutRange(first, last); got != want {
		return fmt.Errorf("CutRange %v %v: %d, not %d", first, last, got, want)
	}
	return nil
}

// trim compares exact trimming, and checks that other trimming is within its bounds.
func (c *scenario) trim() error {
	keep, from := -1, c.id()
	if c.IntN(2) == 0 {
		keep = len(c.m.entries) - c.IntN(50)
	}
	whole := c.IntN(2) == 0
	limit := 0
	if whole {
		limit = c.IntN(300)
	}
	want := 0
	for i, id := range c.m.ids() {
		if keep >= 0 && i < len(c.m.entries)-keep || keep < 0 && id.Less(from) {
			want++
		}
	}
	last, count, ok := c.s.TrimPoint(keep, from, whole, limit)
	if ok != (count > 0) || count > want || count < want && !whole || limit > 0 && count > limit {
		return fmt.Errorf("TrimPoint %d %v %v %d: %d, not %d", keep, from, whole, limit, count, want)
	}
	if !ok {
		return nil
	}
	if a, b := c.s.CutRange(ID{}, last), c.m.cutRange(ID{}, last); a != count || b != count {
		return fmt.Errorf("CutRange after TrimPoint: %d and %d, not %d", a, b, count)
	}
	return nil
}

// walk compares a few entries around an ID.
func (c *scenario) walk(from ID) error {
	var ids []ID
	c.s.Descend(from, func(id ID, _ Fields) bool {
		ids = append([]ID{id}, ids...)
		return len(ids) < 5
	})
	less := len(ids)
	c.s.Ascend(from, func(id ID, _ Fields) bool {
		if less == 0 || ids[less-1] != id {
			ids = append(ids, id)
		}
		return len(ids) < 10
	})
	all := c.m.ids()
	for len(ids) > 0 && len(all) > 0 && all[0] != ids[0] {
		all = all[1:]
	}
	for i, id := range ids {
		if i >= len(all) || all[i] != id {
			return fmt.Errorf("around %v: %v", from, ids)
		}
	}
	return nil
}

func (c *scenario) stepGroup() error {
	name := "g" + strconv.Itoa(c.IntN(3))
	group := []byte(name)
	consumer := []byte("c" + strconv.Itoa(c.IntN(6)))
	g := c.m.groups[name]
	switch k := c.IntN(20); {
	case k == 0:
		state := GroupState{c.id(), int64(c.IntN(10))}
		c.s.SetGroup(group, state)
		c.m.group(name).state = state
	case k == 1 && c.IntN(5) == 0:
		if c.s.CutGroup(group) != (g != nil) {
			return fmt.Errorf("CutGroup %s", name)
		}
		delete(c.m.groups, name)
	case k == 2:
		seen := int64(c.IntN(1000))
		if c.s.SetConsumer(group, consumer, seen) != c.m.group(name).ensure(string(consumer)) {
			return fmt.Errorf("SetConsumer %s %s", name, consumer)
		}
		c.m.group(name).consumers[string(consumer)] = seen
	case k == 3:
		there := false
		if g != nil {
			_, there = g.consumers[string(consumer)]
			delete(g.consumers, string(consumer))
		}
		if c.s.CutConsumer(group, consumer) != there {
			return fmt.Errorf("CutConsumer %s %s", name, consumer)
		}
	case k < 14:
		return c.setPending(name, consumer)
	case g != nil:
		return c.cutPending(name, g)
	}
	return nil
}

func (c *scenario) setPending(name string, consumer []byte) error {
	p := Pending{c.id(), consumer, int64(c.IntN(1000)), uint64(c.IntN(5))}
	for range 1 + c.IntN(20) {
		if c.s.SetPending([]byte(name), p) != c.m.group(name).setPending(p) {
			return fmt.Errorf("SetPending %s %v", name, p)
		}
		p.ID, _ = p.ID.Next()
		p.ID.Ms += uint64(c.IntN(2))
	}
	return nil
}

func (c *scenario) cutPending(name string, g *modelGroup) error {
	id := c.id()
	list := g.list(nil, ID{})
	if c.IntN(8) == 0 {
		last := ID{id.Ms + uint64(c.IntN(2000)), id.Seq}
		before := len(g.pending)
		maps.DeleteFunc(g.pending, func(p ID, _ Pending) bool { return !p.Less(id) && !last.Less(p) })
		if n := c.s.CutPendingRange([]byte(name), id, last); n != before-len(g.pending) {
			return fmt.Errorf("CutPendingRange %s %v %v: %d, not %d", name, id, last, n, before-len(g.pending))
		}
		return nil
	}
	for n := c.IntN(20); n >= 0; n-- {
		if len(list) > 0 {
			id = list[c.IntN(len(list))].ID
		}
		want, there := g.pending[id]
		p, ok := c.s.Group([]byte(name)).Pending(id)
		if c.s.CutPending([]byte(name), id) != there || ok != there || ok && p.ID != want.ID {
			return fmt.Errorf("CutPending %s %v", name, id)
		}
		delete(g.pending, id)
	}
	return nil
}

// run makes so many changes; now and then it goes on with a clone, and it keeps some
// clones, which must not change.
func (c *scenario) run(steps int) error {
	type kept struct {
		s *Stream
		m *model
	}
	var clones []kept
	for i := range steps {
		if err := c.step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		switch k := c.IntN(60); {
		case k == 0:
			clones = append(clones, kept{c.s.Clone(), c.m.clone()})
		case k == 1:
			clones = append(clones, kept{c.s, c.m.clone()})
			c.s = c.s.Clone()
		case k == 2 && len(clones) > 0:
			n := c.IntN(len(clones))
			if bad := clones[n].m.differs(clones[n].s); bad != "" {
				return fmt.Errorf("step %d: a clone: %s", i, bad)
			}
			c.s, c.m = clones[n].s, clones[n].m
			clones = append(clones[:n], clones[n+1:]...)
		case k < 4:
			if err := check(c.s); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
			if bad := c.m.differs(c.s); bad != "" {
				return fmt.Errorf("step %d: %s", i, bad)
			}
		}
	}
	for _, k := range clones {
		if err := check(k.s); err != nil {
			return fmt.Errorf("a clone: %w", err)
		}
		if bad := k.m.differs(k.s); bad != "" {
			return fmt.Errorf("a clone: %s", bad)
		}
	}
	return nil
}

func newScenario(s script) *scenario {
	return &scenario{script: s, s: new(Stream), m: newModel(), last: ID{1, 0}}
}

func TestRandomChanges(t *testing.T) {
	for seed := range uint64(12) {
		c := newScenario(rand.New(rand.NewPCG(seed, 1)))
		if seed%3 == 1 {
			c.s.SetLimits(&Limits{Bytes: 400 * int(seed), Entries: 3 + int(seed)})
		} else if seed%3 == 2 {
			c.s.SetLimits(&Limits{})
		}
		if err := c.run(1200); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// bytesScript takes choices from the input of a fuzz test; at its end, they are all 0.
type bytesScript struct{ *bytes.Reader }

func (s bytesScript) IntN(n int) int {
	v := 0
	for most := n; most > 0; most >>= 8 {
		b, _ := s.ReadByte()
		v = v<<8 | int(b)
	}
	return int(uint(v) % uint(n))
}

func FuzzChanges(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 4 {
		seed := make([]byte, 100<<n)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		c := newScenario(bytesScript{bytes.NewReader(input)})
		if err := c.run(min(len(input)/4, 100)); err != nil {
			t.Fatal(err)
		}
	})
}
