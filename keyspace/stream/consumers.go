package stream

import (
	"bytes"
	"slices"
)

// Consumer is a consumer of a group.
type Consumer struct {
	Name    []byte
	Seen    int64 // when it last tried to read or claim, Unix milliseconds
	Pending int
}

// consumer is a consumer as its group has it.
type consumer struct {
	owner   *owner
	name    []byte
	seen    int64
	number  uint32
	pending ordered[struct{}] // the IDs
}

// consumers are the consumers of a group. Pending entries name them by number.
type consumers struct {
	table  *consumerTable // nil: none
	memory int64          // of all this
}

type consumerTable struct {
	owner    *owner
	byName   []*consumer
	byNumber []*consumer // nil: free
	free     []uint32
	// removed are consumers that are no longer there but have pending entries: when a change
	// of many parts arrives, a consumer may go before those do.
	removed []*consumer
}

const (
	// consumerOverhead is the allocated size of a consumer beside its name.
	consumerOverhead = 80
	// tableOverhead is that of a table beside its slices.
	tableOverhead = 112
)

func (t *consumerTable) bytes() int64 {
	return tableOverhead + int64(cap(t.byName)+cap(t.byNumber)+cap(t.removed))*pointerLen + int64(cap(t.free))*4
}

func (c *consumers) charge(a *account, bytes int64) {
	c.memory += bytes
	a.memory += bytes
}

func (c *consumers) list() []*consumer {
	if c.table == nil {
		return nil
	}
	return c.table.byName
}

func searchConsumer(list []*consumer, name []byte) (int, bool) {
	return slices.BinarySearchFunc(list, name, func(c *consumer, n []byte) int { return bytes.Compare(c.name, n) })
}

// find returns a consumer, nil if there is none of that name, also one that is removed.
func (c *consumers) find(name []byte) *consumer {
	if c.table == nil {
		return nil
	}
	if i, ok := searchConsumer(c.table.byName, name); ok {
		return c.table.byName[i]
	}
	if i, ok := searchConsumer(c.table.removed, name); ok {
		return c.table.removed[i]
	}
	return nil
}

// own makes the table one that a may change.
func (c *consumers) own(a *account) *consumerTable {
	switch {
	case c.table == nil:
		c.table = &consumerTable{owner: a.owner}
		c.charge(a, c.table.bytes())
	case c.table.owner != a.owner:
		before := c.table.bytes()
		t := *c.table
		t.owner, t.byName, t.byNumber = a.owner, slices.Clone(t.byName), slices.Clone(t.byNumber)
		t.free, t.removed = slices.Clone(t.free), slices.Clone(t.removed)
		c.table = &t
		c.charge(a, c.table.bytes()-before)
	}
	return c.table
}

// change returns a consumer that a may change, by its number.
func (c *consumers) change(a *account, number uint32) *consumer {
	old := c.table.byNumber[number]
	if old.owner == a.owner {
		return old
	}
	t := c.own(a)
	copied := *old
	copied.owner = a.owner
	t.byNumber[number] = &copied
	if i, ok := searchConsumer(t.byName, old.name); ok && t.byName[i] == old {
		t.byName[i] = &copied
	} else if i, ok := searchConsumer(t.removed, old.name); ok {
		t.removed[i] = &copied
	}
	return &copied
}

// ensure returns a consumer that a may change; it is added if it is not there.
func (c *consumers) ensure(a *account, name []byte) (_ *consumer, added bool) {
	if i, ok := searchConsumer(c.list(), name); ok {
		return c.change(a, c.table.byName[i].number), false
	}
	t := c.own(a)
	before := t.bytes()
	var made *consumer
	if i, ok := searchConsumer(t.removed, name); ok {
		made = c.change(a, t.removed[i].number)
		made.seen = 0
		t.removed = slices.Delete(t.removed, i, i+1)
	} else {
		made = &consumer{owner: a.owner, name: append([]byte{}, name...)} // not nil, which stands for all
		c.charge(a, consumerOverhead+int64(cap(made.name)))
		c.number(made)
	}
	i, _ := searchConsumer(t.byName, name)
	t.byName = slices.Insert(t.byName, i, made)
	c.charge(a, t.bytes()-before)
	return made, true
}

// number gives a new consumer a number.
func (c *consumers) number(made *consumer) {
	t := c.table
	if last := len(t.free) - 1; last >= 0 {
		made.number, t.free = t.free[last], t.free[:last]
		t.byNumber[made.number] = made
		return
	}
	made.number = uint32(len(t.byNumber))
	t.byNumber = append(t.byNumber, made)
}

// remove removes a consumer; one with pending entries only seems to be gone.
func (c *consumers) remove(a *account, name []byte) bool {
	i, ok := searchConsumer(c.list(), name)
	if !ok {
		return false
	}
	t := c.own(a)
	before := t.bytes()
	gone := t.byName[i]
	t.byName = slices.Delete(t.byName, i, i+1)
	if gone.pending.n > 0 {
		i, _ := searchConsumer(t.removed, name)
		t.removed = slices.Insert(t.removed, i, gone)
	} else {
		c.forget(a, gone)
	}
	c.charge(a, t.bytes()-before)
	return true
}

// forget gives a consumer's number and memory back.
func (c *consumers) forget(a *account, gone *consumer) {
	t := c.table
	t.byNumber[gone.number] = nil
	t.free = append(t.free, gone.number)
	c.charge(a, -consumerOverhead-int64(cap(gone.name))-gone.pending.memory)
}

// release forgets a consumer without pending entries if it is removed.
func (c *consumers) release(a *account, gone *consumer) {
	if len(c.table.removed) == 0 {
		return
	}
	i, ok := searchConsumer(c.table.removed, gone.name)
	if !ok || c.table.removed[i].number != gone.number {
		return
	}
	t := c.own(a)
	before := t.bytes()
	t.removed = slices.Delete(t.removed, i, i+1)
	c.forget(a, gone)
	c.charge(a, t.bytes()-before)
}

// SetConsumer says when a consumer was seen; it is added if it is not there, and so is its
// group.
func (s *Stream) SetConsumer(group, name []byte, seen int64) (added bool) {
	c, added := s.ensureGroup(group).consumers.ensure(&s.account, name)
	c.seen = seen
	return added
}

// CutConsumer removes a consumer. Entries that are pending with it should have been removed
// before.
func (s *Stream) CutConsumer(group, name []byte) bool {
	g := s.ownGroup(group)
	return g != nil && g.consumers.remove(&s.account, name)
}

// Consumers returns the number of consumers.
func (g *Group) Consumers() int { return len(g.consumers.list()) }

// ConsumerAt returns a consumer by its number in the order of names.
func (g *Group) ConsumerAt(i int) Consumer { return g.consumers.table.byName[i].public() }

// Consumer returns a consumer.
func (g *Group) Consumer(name []byte) (c Consumer, ok bool) {
	list := g.consumers.list()
	i, ok := searchConsumer(list, name)
	if !ok {
		return Consumer{}, false
	}
	return list[i].public(), true
}

func (c *consumer) public() Consumer {
	return Consumer{Name: c.name, Seen: c.seen, Pending: c.pending.n}
}
