package commands

import (
	"bytes"
	"slices"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// A reader of streams waits for entries behind an ID, and one of a group for entries behind
// those that the group has read. An entry serves all readers that it is new to.

const (
	errStreamGone = ReplyError("UNBLOCKED the stream key no longer exists")
	errGroupGone  = ReplyError("NOGROUP the consumer group this client was blocked on no longer exists")
)

// defaultWaitCount is how many entries a reader that has waited gets at most, unless it says
// so: the ID that it has named may be far back.
const defaultWaitCount = 1000

// waitToRead makes XREAD wait. The line that is carried out then has, in place of $, the ID
// that it stands for now.
func (q *streamQuery) waitToRead(c *Call, tx *keyspace.Tx, list []streamRead) error {
	if !q.block {
		c.Out.NullArray()
		return nil
	}
	args := slices.Clone(c.Args)
	for i := range list {
		if at := q.idAt(i); args[at][0] == '$' {
			args[at] = list[i].behind.AppendText(nil)
		}
	}
	wait := Wait{Type: keyspace.Stream, Keys: q.keys, Timeout: q.timeout, Args: args}
	return c.Wait(tx, wait, c.Out.NullArray)
}

// waitAsGroup makes XREADGROUP wait.
func (q *streamQuery) waitAsGroup(c *Call, tx *keyspace.Tx) error {
	if !q.block {
		c.Out.NullArray()
		return nil
	}
	wait := Wait{Type: keyspace.Stream, Keys: q.keys, Timeout: q.timeout, Gone: true, Wants: q.group}
	return c.Wait(tx, wait, c.Out.NullArray)
}

// readReady carries XREAD out for the key that has got an entry. As in Redis, that may have
// been deleted since, and the reply is without entries then.
func (q *streamQuery) readReady(c *Call, tx *keyspace.Tx) error {
	s, err := tx.Stream(c.Ready)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(q.keys, func(key []byte) bool { return bytes.Equal(key, c.Ready) })
	behind, err := c.streamID(q.idAt(i), 0)
	if err != nil {
		return err
	}
	if !behind.Less(s.State().Last) {
		return ErrStillNothing
	}
	return c.replyStreams([]streamRead{{c.Ready, s, behind}}, q.waitCount())
}

// readGroupReady carries XREADGROUP out for a key that has got an entry, or has changed so
// that the group is no longer there.
func (q *streamQuery) readGroupReady(c *Call, tx *keyspace.Tx) error {
	s, err := tx.Stream(c.Ready)
	if err != nil || !s.Exists() {
		return errStreamGone
	}
	g := s.Group(q.group)
	if g == nil {
		return errGroupGone
	}
	at := g.GroupState
	if !at.Last.Less(s.State().Last) {
		return ErrStillNothing
	}
	q.count = q.waitCount()
	c.streamsHead(1)
	c.streamHead(c.Ready)
	if err := seeConsumer(tx, s, c.Ready, q.group, q.consumer); err != nil {
		return err
	}
	return c.deferredWith(c.Out.Array, func() (int, error) { return q.deliver(c, tx, s, at, stream.MaxID, q.count) })
}

func (q *streamQuery) waitCount() int64 {
	if q.count < 0 {
		return defaultWaitCount
	}
	return q.count
}
