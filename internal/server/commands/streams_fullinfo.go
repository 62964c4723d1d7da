package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// fullInfo is the reply of XINFO STREAM FULL.
type fullInfo struct {
	count int64 // of entries, and of pending entries of each group and consumer; 0: all
}

// cut returns how many of n are shown.
func (f *fullInfo) cut(n int) int {
	if f.count > 0 {
		return int(min(int64(n), f.count))
	}
	return n
}

// size returns of how many parts the reply is.
func (f *fullInfo) size(s keyspace.StreamRef) int {
	n := f.cut(s.Len())
	for i := range s.Groups() {
		g := s.GroupAt(i)
		n += 1 + 2*f.cut(g.PendingLen()) + g.Consumers()
	}
	return n
}

func (f *fullInfo) stream(c *Call, s keyspace.StreamRef) error {
	c.Out.Map(9)
	c.streamNumbers(s)
	c.Out.BulkString("entries")
	left := f.cut(s.Len())
	c.Out.Array(left)
	more := true
	if left > 0 {
		s.Ascend(stream.ID{}, func(id stream.ID, fields stream.Fields) bool {
			c.entry(id, fields)
			left--
			more = c.More()
			return more && left > 0
		})
	}
	c.Out.BulkString("groups")
	c.Out.Array(s.Groups())
	for i := 0; i < s.Groups() && more; i++ {
		more = f.group(c, s, s.GroupAt(i))
	}
	if !more {
		return ErrReplyTooBig
	}
	return nil
}

// group replies with a group, and reports whether there may be more.
func (f *fullInfo) group(c *Call, s keyspace.StreamRef, g *stream.Group) bool {
	c.Out.Map(7)
	c.Out.BulkString("name")
	c.Out.Bulk(g.Name)
	c.groupProgress(s, g)
	c.namedInt("pel-count", g.PendingLen())
	c.Out.BulkString("pending")
	more := f.pending(c, g, nil, g.PendingLen())
	c.Out.BulkString("consumers")
	c.Out.Array(g.Consumers())
	for i := 0; i < g.Consumers() && more; i++ {
		consumer := g.ConsumerAt(i)
		c.Out.Map(4)
		c.Out.BulkString("name")
		c.Out.Bulk(consumer.Name)
		c.namedInt("seen-time", int(consumer.Seen))
		c.namedInt("pel-count", consumer.Pending)
		c.Out.BulkString("pending")
		more = f.pending(c, g, consumer.Name, consumer.Pending)
	}
	return more
}

// pending replies with pending entries, n of a consumer or, if that is nil, of all.
func (f *fullInfo) pending(c *Call, g *stream.Group, consumer []byte, n int) (more bool) {
	left := f.cut(n)
	c.Out.Array(left)
	if left == 0 {
		return c.More()
	}
	g.AscendPending(consumer, stream.ID{}, func(p stream.Pending) bool {
		c.Out.Array(4 - btoi(consumer != nil))
		c.entryID(p.ID)
		if consumer == nil {
			c.Out.Bulk(p.Consumer)
		}
		c.Out.Int(p.Delivered)
		c.Out.Int(int64(p.Count))
		left--
		more = c.More()
		return more && left > 0
	})
	return more
}
