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
		Tx:      cmdXReadGroup},
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
	start, served := len(c.Out.B), 0
	err = c.deferredWith(c.streamsHead, func() (int, error) {
		for i, key := range q.keys {
			behind, _ := c.groupBehind(q.idAt(i))
			ok, err := q.readGroup(c, tx, key, behind)
			if err != nil {
				return served, err
			}
			served += btoi(ok)
		}
		return served, nil
	})
	if err == nil && served == 0 {
		c.Out.B = c.Out.B[:start]
		return q.waitAsGroup(c, tx)
	}
	return err
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

// readGroup replies with what the consumer gets of one stream: onlyNew, or what is pending
// to it behind an ID. It returns false, without a reply, if there is nothing new. The group
// must be there.
func (q *streamQuery) readGroup(c *Call, tx *keyspace.Tx, key []byte, behind stream.ID) (served bool, err error) {
	s, err := tx.Stream(key)
	if err != nil {
		return false, err
	}
	at := s.Group(q.group).GroupState
	if last, ok := s.Final(); behind == onlyNew && (!ok || !at.Last.Less(last)) {
		return false, nil
	}
	c.streamHead(key)
	if err := seeConsumer(tx, s, key, q.group, q.consumer); err != nil {
		return false, err
	}
	if behind == onlyNew {
		return true, q.deliver(c, tx, s, at)
	}
	return true, q.deliverAgain(c, tx, s, behind)
}

// deliver replies with entries that are new to a group, and makes them pending.
func (q *streamQuery) deliver(c *Call, tx *keyspace.Tx, s keyspace.StreamRef, at stream.GroupState) error {
	from, _ := at.Last.Next()
	ids := c.ids[:0]
	err := c.deferred(c.Out.Array, func() (n int) {
		s.Ascend(from, func(id stream.ID, fields stream.Fields) bool {
			c.entry(id, fields)
			at = s.Advance(at, id)
			ids = append(ids, id)
			n++
			return int64(n) != q.count && len(c.Out.B) <= c.MaxOutput
		})
		return n
	})
	defer c.keepIDs(ids)
	if err != nil {
		return err
	}
	if err := s.SetGroup(q.group, at); err != nil || q.noAck {
		return err
	}
	p := stream.Pending{Consumer: q.consumer, Delivered: tx.Now(), Count: 1}
	for _, p.ID = range ids {
		if err := s.SetPending(q.group, p); err != nil {
			return err
		}
	}
	return nil
}

// deliverAgain replies with entries that are pending to the consumer already, those that
// are gone without fields. For the others this is one more delivery.
func (q *streamQuery) deliverAgain(c *Call, tx *keyspace.Tx, s keyspace.StreamRef, behind stream.ID) error {
	from, _ := behind.Next()
	ids := c.ids[:0]
	err := c.deferred(c.Out.Array, func() (n int) {
		s.Group(q.group).AscendPending(q.consumer, from, func(p stream.Pending) bool {
			if fields, ok := s.Get(p.ID); ok {
				c.entry(p.ID, fields)
				ids = append(ids, p.ID)
			} else {
				c.Out.Array(2)
				c.entryID(p.ID)
				c.Out.NullArray()
			}
			n++
			return int64(n) != q.count && len(c.Out.B) <= c.MaxOutput
		})
		return n
	})
	defer c.keepIDs(ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		p, _ := s.Group(q.group).Pending(id)
		p.Delivered = tx.Now()
		p.Count++
		if err := s.SetPending(q.group, p); err != nil {
			return err
		}
	}
	return nil
}

const keptIDs = 1024 // of a buffer that is kept for the next command

// keepIDs keeps the buffer of a command's IDs.
func (c *Call) keepIDs(ids []stream.ID) {
	if c.ids = ids; cap(ids) > keptIDs {
		c.ids = nil
	}
}
