package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// streamRange is what XRANGE asks for.
type streamRange struct {
	from, to stream.ID
	reverse  bool
	count    int64 // at most so many; negative: all
}

func cmdXRange(c *Call, tx *keyspace.Tx) error    { return c.xrange(tx, false) }
func cmdXRevRange(c *Call, tx *keyspace.Tx) error { return c.xrange(tx, true) }

func (c *Call) xrange(tx *keyspace.Tx, reverse bool) error {
	q, err := c.streamRange(reverse)
	if err != nil {
		return err
	}
	s, err := readStream(tx, c.Args[1])
	switch {
	case err != nil:
		return err
	case !s.Exists():
		c.Out.Array(0)
		return nil
	case q.count == 0:
		c.Out.NullArray()
		return nil
	}
	return c.replyEntries(s, q)
}

func (c *Call) streamRange(reverse bool) (q streamRange, err error) {
	q.reverse, q.count = reverse, -1
	start, end := 2, 3
	if reverse {
		start, end = end, start
	}
	if q.from, err = c.intervalStart(start); err != nil {
		return q, err
	}
	if q.to, err = c.intervalEnd(end); err != nil {
		return q, err
	}
	for i := 4; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) || !c.Word(i, "COUNT") {
			return q, ErrSyntax
		}
		if q.count, err = c.Number(i + 1); err != nil {
			return q, err
		}
		q.count = max(q.count, 0)
	}
	return q, nil
}

// each visits the entries of a range until visit returns false.
func (q *streamRange) each(s keyspace.StreamRef, visit func(id stream.ID, fields stream.Fields) bool) {
	left := q.count
	if q.reverse {
		s.Descend(q.to, func(id stream.ID, fields stream.Fields) bool {
			left--
			return !id.Less(q.from) && visit(id, fields) && left != 0
		})
		return
	}
	s.Ascend(q.from, func(id stream.ID, fields stream.Fields) bool {
		left--
		return !q.to.Less(id) && visit(id, fields) && left != 0
	})
}

// replyEntries replies with the entries of a range, which are counted on the way. If that
// takes long it begins anew, later.
func (c *Call) replyEntries(s keyspace.StreamRef, q streamRange) error {
	start, parts := len(c.Out.B), 0
	err := c.deferred(c.Out.Array, func() (n int) {
		q.each(s, func(id stream.ID, fields stream.Fields) bool {
			if parts += 1 + fields.Len()/2; parts > manyParts && n > 0 {
				return false
			}
			c.entry(id, fields)
			n++
			return len(c.Out.B) <= c.MaxOutput
		})
		return n
	})
	if err == nil && parts > manyParts {
		c.Out.B = c.Out.B[:start]
		c.replyEntriesLater(s.Snapshot(), q)
	}
	return err
}

// replyEntriesLater is a function of its own because what a closure keeps is allocated.
func (c *Call) replyEntriesLater(s keyspace.StreamRef, q streamRange) {
	c.Later = func() error {
		n := 0
		q.each(s, func(stream.ID, stream.Fields) bool {
			n++
			return true
		})
		c.Out.Array(n)
		more := true
		q.each(s, func(id stream.ID, fields stream.Fields) bool {
			c.entry(id, fields)
			more = c.More()
			return more
		})
		if !more {
			return ErrReplyTooBig
		}
		return nil
	}
}
