package stream

// Pending is an entry that has been delivered and not been acknowledged. The entry itself
// may have been deleted since.
type Pending struct {
	ID        ID
	Consumer  []byte
	Delivered int64 // Unix milliseconds
	Count     uint64
}

// delivery is what a group knows of a pending entry besides its ID.
type delivery struct {
	at       int64
	count    uint64
	consumer uint32
}

// SetPending makes an entry pending, or changes that; its group and its consumer are added
// if they are not there.
func (s *Stream) SetPending(group []byte, p Pending) (added bool) {
	g := s.ensureGroup(group)
	a := &s.account
	c, _ := g.consumers.ensure(a, p.Consumer)
	d := delivery{at: p.Delivered, count: p.Count, consumer: c.number}
	at, there := g.pending.seek(p.ID)
	if !there {
		g.pending.insert(a, p.ID, d)
		g.consumers.add(a, c, p.ID)
		return true
	}
	if old := g.pending.at(at).consumer; old != c.number {
		g.consumers.cut(a, old, p.ID)
		g.consumers.add(a, c, p.ID)
	}
	g.pending.set(a, at, d)
	return false
}

// add makes an entry pending with a consumer that a may change.
func (c *consumers) add(a *account, to *consumer, id ID) {
	before := to.pending.memory
	to.pending.insert(a, id, struct{}{})
	c.memory += to.pending.memory - before
}

// cut makes an entry no longer pending with a consumer.
func (c *consumers) cut(a *account, number uint32, id ID) {
	from := c.change(a, number)
	before := from.pending.memory
	if at, there := from.pending.seek(id); there {
		from.pending.remove(a, at)
	}
	c.memory += from.pending.memory - before
	if from.pending.n == 0 {
		c.release(a, from)
	}
}

// CutPending makes an entry no longer pending, and reports whether it was.
func (s *Stream) CutPending(group []byte, id ID) bool {
	if g := s.Group(group); g == nil {
		return false
	} else if _, there := g.pending.seek(id); !there {
		return false
	}
	g := s.ownGroup(group)
	at, _ := g.pending.seek(id)
	consumer := g.pending.at(at).consumer
	g.pending.remove(&s.account, at)
	g.consumers.cut(&s.account, consumer, id)
	return true
}

// CutPendingRange makes the entries from first to last no longer pending, and returns how
// many there were. It takes a step for each run of entries with one consumer.
func (s *Stream) CutPendingRange(group []byte, first, last ID) int {
	g := s.Group(group)
	if g == nil {
		return 0
	}
	within := func(at position) bool { return !g.pending.end(at) && !last.Less(g.pending.id(at)) }
	from, _ := g.pending.seek(first)
	if !within(from) {
		return 0
	}
	g = s.ownGroup(group)
	before, to := g.pending.n, from
	for within(to) {
		number, start, final := g.pending.at(to).consumer, g.pending.id(to), ID{}
		for within(to) && g.pending.at(to).consumer == number {
			final, to = g.pending.id(to), g.pending.after(to)
		}
		g.consumers.cutRange(&s.account, number, start, final)
	}
	g.pending.removeRange(&s.account, from, to)
	return before - g.pending.n
}

// cutRange is cut for the entries from first to last.
func (c *consumers) cutRange(a *account, number uint32, first, last ID) {
	from := c.change(a, number)
	before := from.pending.memory
	start, _ := from.pending.seek(first)
	end, there := from.pending.seek(last)
	if there {
		end = from.pending.after(end)
	}
	from.pending.removeRange(a, start, end)
	c.memory += from.pending.memory - before
	if from.pending.n == 0 {
		c.release(a, from)
	}
}

// PendingLen returns the number of pending entries.
func (g *Group) PendingLen() int { return g.pending.n }

// Pending returns a pending entry.
func (g *Group) Pending(id ID) (p Pending, ok bool) {
	at, ok := g.pending.seek(id)
	if !ok {
		return Pending{}, false
	}
	return g.pendingAt(at), true
}

func (g *Group) pendingAt(at position) Pending {
	d := g.pending.at(at)
	name := g.consumers.table.byNumber[d.consumer].name
	return Pending{ID: g.pending.id(at), Consumer: name, Delivered: d.at, Count: d.count}
}

// AscendPending visits pending entries from an ID on until visit returns false, those of one
// consumer, or of all if that is nil. The group must not change meanwhile.
func (g *Group) AscendPending(consumer []byte, from ID, visit func(p Pending) bool) {
	if consumer == nil {
		for at, _ := g.pending.seek(from); !g.pending.end(at); at = g.pending.after(at) {
			if !visit(g.pendingAt(at)) {
				return
			}
		}
		return
	}
	c := g.consumers.find(consumer)
	if c == nil {
		return
	}
	for at, _ := c.pending.seek(from); !c.pending.end(at); at = c.pending.after(at) {
		if p, _ := g.Pending(c.pending.id(at)); !visit(p) {
			return
		}
	}
}

// LastPending returns the last pending entry, and false if there is none.
func (g *Group) LastPending() (p Pending, ok bool) {
	at, ok := g.pending.before(g.pending.behind())
	if !ok {
		return Pending{}, false
	}
	return g.pendingAt(at), true
}
