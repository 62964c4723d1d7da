package commands

import (
	"bytes"
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// PendingGroup is the commands that acknowledge pending entries of streams and list them.
var PendingGroup = []Command{
	{Name: "xack", Arity: -4, Flags: Write | Fast, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RW update", Summary: "Acknowledges entries, which are pending no longer.", Tx: cmdXAck},
	{Name: "xpending", Arity: -3, Flags: ReadOnly, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Returns the pending entries of a group, or how many there are.", Tx: cmdXPending},
}

func cmdXAck(c *Call, tx *keyspace.Tx) error {
	s, err := readStream(tx, c.Args[1])
	if err != nil {
		return err
	}
	if s.Group(c.Args[2]) == nil {
		c.Out.Int(0)
		return nil
	}
	for i := 3; i < len(c.Args); i++ { // all of them before the first is acknowledged
		if _, err := c.streamID(i, 0); err != nil {
			return err
		}
	}
	n := 0
	for i := 3; i < len(c.Args); i++ {
		id, _ := c.streamID(i, 0)
		n += btoi(s.Acknowledge(c.Args[2], id))
	}
	c.Out.Int(int64(n))
	return nil
}

// pendingQuery is what XPENDING with a range asks for.
type pendingQuery struct {
	from, to stream.ID
	group    []byte
	consumer []byte // nil: all
	minIdle  int64  // milliseconds
	count    int64
	now      int64
}

func (c *Call) pendingQuery() (q pendingQuery, err error) {
	at := 3
	q.group = c.Args[2]
	if c.Word(3, "IDLE") {
		if q.minIdle, err = c.Number(4); err != nil {
			return q, err
		}
		if len(c.Args) < 8 {
			return q, ErrSyntax
		}
		at += 2
	}
	if q.count, err = c.Number(at + 2); err != nil {
		return q, err
	}
	if q.from, err = c.intervalStart(at); err != nil {
		return q, err
	}
	if q.to, err = c.intervalEnd(at + 1); err != nil {
		return q, err
	}
	if at+3 < len(c.Args) {
		q.consumer = c.Args[at+3]
	}
	return q, nil
}

func cmdXPending(c *Call, tx *keyspace.Tx) (err error) {
	var q pendingQuery
	switch n := len(c.Args); {
	case n > 3 && (n < 6 || n > 9):
		return ErrSyntax
	case n > 3:
		if q, err = c.pendingQuery(); err != nil {
			return err
		}
	}
	s, err := readStream(tx, c.Args[1])
	if err != nil {
		return err
	}
	g := s.Group(c.Args[2])
	switch {
	case g == nil:
		return errNoKeyOrGroup(c.Args[1], c.Args[2])
	case len(c.Args) == 3:
		return c.pendingSummary(g)
	case q.consumer != nil:
		if _, ok := g.Consumer(q.consumer); !ok {
			c.Out.Array(0)
			return nil
		}
	}
	q.now = tx.Now()
	return c.pendingEntries(s, q)
}

// pendingSummary replies with the number of pending entries, the first, the last, and how
// many each consumer has.
func (c *Call) pendingSummary(g *stream.Group) error {
	c.Out.Array(4)
	c.Out.Int(int64(g.PendingLen()))
	last, ok := g.LastPending()
	if !ok {
		c.Out.Null()
		c.Out.Null()
		c.Out.NullArray()
		return nil
	}
	g.AscendPending(nil, stream.ID{}, func(first stream.Pending) bool {
		c.entryID(first.ID)
		return false
	})
	c.entryID(last.ID)
	return c.deferred(c.Out.Array, func() (n int) {
		for i := range g.Consumers() {
			if consumer := g.ConsumerAt(i); consumer.Pending > 0 {
				c.Out.Array(2)
				c.Out.Bulk(consumer.Name)
				c.Out.BulkInt(int64(consumer.Pending))
				n++
			}
		}
		return n
	})
}

// pendingEntries replies with pending entries, which are counted on the way. If that takes
// long it begins anew, later.
func (c *Call) pendingEntries(s keyspace.StreamRef, q pendingQuery) error {
	start, looked := len(c.Out.B), 0
	err := c.deferred(c.Out.Array, func() (n int) {
		looked = q.each(s, manyParts, func(p stream.Pending) bool {
			c.pendingEntry(p, q.now)
			n++
			return true
		})
		return n
	})
	if err == nil && looked > manyParts {
		c.Out.B = c.Out.B[:start]
		q.group, q.consumer = bytes.Clone(q.group), bytes.Clone(q.consumer)
		c.pendingEntriesLater(s.Snapshot(), q)
	}
	return err
}

// each visits the entries of a query until visit returns false, or it has looked at more
// than most. It returns at how many it has looked.
func (q *pendingQuery) each(s keyspace.StreamRef, most int, visit func(p stream.Pending) bool) (looked int) {
	if q.count <= 0 {
		return 0
	}
	left := q.count
	s.Group(q.group).AscendPending(q.consumer, q.from, func(p stream.Pending) bool {
		if looked++; looked > most || q.to.Less(p.ID) {
			return false
		}
		if q.minIdle != 0 && q.now-p.Delivered < q.minIdle {
			return true
		}
		left--
		return visit(p) && left > 0
	})
	return looked
}

// pendingEntriesLater is a function of its own because what a closure keeps is allocated.
func (c *Call) pendingEntriesLater(s keyspace.StreamRef, q pendingQuery) {
	c.Later = func() error {
		n := 0
		q.each(s, math.MaxInt, func(stream.Pending) bool {
			n++
			return true
		})
		c.Out.Array(n)
		more := true
		q.each(s, math.MaxInt, func(p stream.Pending) bool {
			c.pendingEntry(p, q.now)
			more = c.More()
			return more
		})
		if !more {
			return ErrReplyTooBig
		}
		return nil
	}
}

func (c *Call) pendingEntry(p stream.Pending, now int64) {
	c.Out.Array(4)
	c.entryID(p.ID)
	c.Out.Bulk(p.Consumer)
	c.Out.Int(max(now-p.Delivered, 0))
	c.Out.Int(int64(p.Count))
}
