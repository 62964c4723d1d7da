package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// GroupReadGroup is the command that reads streams as a consumer of a group.
var GroupReadGroup = []Command{
	{Name: "xreadgroup", Arity: -7, Flags: Write | Blocking | MovableKeys, KeysAfter: Keyword{"STREAMS", 4},
		Group: "stream", Since: "5.0.0", KeyFlags: "RO access",
		Summary: "Returns entries of streams to a consumer of a group, to which they are pending then.",
		Ahead:   beginGroupRead, Tx: cmdXReadGroup, After: readGroupOn},
}

const errLastForGroup = ReplyError("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the " +
	"history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just " +
	"return an empty result set.")

func cmdXReadGroup(c *Call, tx *keyspace.Tx) error {
	q, err := c.streamQuery(true)
	if err != nil {
		return err
	}
	if c.Ready != nil {
		return q.readGroupReady(c, tx)
	}
	for i, key := range q.keys { // all of them before the first is read
		s, err := readStream(tx, key)
		if err != nil {
			return err
		}
		if s.Group(q.group) == nil {
			return errNoGroup("No such key '", key, "' or consumer group '", q.group, "' in XREADGROUP with GROUP option")
		}
		if _, err := c.groupBehind(q.idAt(i)); err != nil {
			return err
		}
	}
	return c.readAsGroup(tx, q)
}

// onlyNew is the ID behind which XREADGROUP reads what has been delivered to no consumer.
var onlyNew = stream.MaxID

// groupBehind reads an ID behind which XREADGROUP reads.
func (c *Call) groupBehind(i int) (stream.ID, error) {
	switch text, _ := idText(c.Args[i]); string(text) {
	case "$":
		return stream.ID{}, errLastForGroup
	case ">":
		return onlyNew, nil
	}
	return c.streamID(i, 0)
}

// deliver replies with at most count entries that are new to a group, up to an ID, and makes
// them pending. Negative: all.
func (q *streamQuery) deliver(c *Call, tx *keyspace.Tx, s keyspace.StreamRef, at stream.GroupState, to stream.ID,
	count int64) (n int, err error) {
	from, _ := at.Last.Next()
	ids := c.ids[:0]
	s.Ascend(from, func(id stream.ID, fields stream.Fields) bool {
		if int64(len(ids)) == count || to.Less(id) {
			return false
		}
		c.entry(id, fields)
		at = s.Advance(at, id)
		ids = append(ids, id)
		return len(c.Out.B) <= c.MaxOutput
	})
	defer c.keepIDs(ids)
	if n = len(ids); n == 0 {
		return 0, nil
	}
	if err := s.SetGroup(q.group, at); err != nil || q.noAck {
		return n, err
	}
	p := stream.Pending{Consumer: q.consumer, Delivered: tx.Now(), Count: 1}
	for _, p.ID = range ids {
		if err := s.SetPending(q.group, p); err != nil {
			return n, err
		}
	}
	return n, nil
}

// deliverAgain replies with at most count entries that are pending to the consumer already,
// from behind an ID up to another, those that are gone without fields. For the others this
// is one more delivery. It returns the ID of the last one.
func (q *streamQuery) deliverAgain(c *Call, tx *keyspace.Tx, s keyspace.StreamRef, behind, to stream.ID,
	count int64) (n int, last stream.ID, err error) {
	from, _ := behind.Next()
	last = behind
	ids := c.ids[:0]
	s.Group(q.group).AscendPending(q.consumer, from, func(p stream.Pending) bool {
		if int64(n) == count || to.Less(p.ID) {
			return false
		}
		if fields, ok := s.Get(p.ID); ok {
			c.entry(p.ID, fields)
			ids = append(ids, p.ID)
		} else {
			c.Out.Array(2)
			c.entryID(p.ID)
			c.Out.NullArray()
		}
		n, last = n+1, p.ID
		return len(c.Out.B) <= c.MaxOutput
	})
	defer c.keepIDs(ids)
	for _, id := range ids {
		p, _ := s.Group(q.group).Pending(id)
		p.Delivered = tx.Now()
		p.Count++
		if err := s.SetPending(q.group, p); err != nil {
			return n, last, err
		}
	}
	return n, last, nil
}

const keptIDs = 1024 // of a buffer that is kept for the next command

// keepIDs keeps the buffer of a command's IDs.
func (c *Call) keepIDs(ids []stream.ID) {
	if c.ids = ids; cap(ids) > keptIDs {
		c.ids = nil
	}
}
