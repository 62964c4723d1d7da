package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// groupReadMany is how many entries XREADGROUP reads in one transaction. Each is a change,
// it becomes pending, so the slot's lock would be held for as long as there are entries.
// What is left is read in further transactions, as by further calls of the command: other
// consumers of the group may get entries in between.
const groupReadMany = 500

const errReadNoMore = ReplyError("ERR XREADGROUP has to end") // no client sees it

// groupRead is how far XREADGROUP has got.
type groupRead struct {
	alone bool // it is in no transaction or script, so it may take several
	more  bool // it has to go on after its first transaction

	q      streamQuery
	stream int       // the number of the key that is read
	began  bool      // the reply about it has a head
	ended  bool      // there is no more of it
	behind stream.ID // onlyNew, or the pending entry after which to go on
	to     stream.ID // the last one that was there when the stream was begun
	left   int64     // entries of the stream that are asked for; negative: all

	outer, inner    int // where the reply's heads belong: of all streams, of the entries of one
	served, entries int
}

// beginGroupRead is called where readGroupOn will be outside of the transaction.
func beginGroupRead(c *Call) { c.groupRead = groupRead{alone: true} }

// readAsGroup is XREADGROUP of streams and groups that are there.
func (c *Call) readAsGroup(tx *keyspace.Tx, q streamQuery) error {
	r := &c.groupRead
	*r = groupRead{alone: r.alone, q: q, outer: len(c.Out.B)}
	left := int64(-1)
	if r.alone {
		left = groupReadMany
	}
	for r.stream < len(q.keys) && left != 0 {
		n, err := r.read(c, tx, left)
		if err != nil {
			return err
		}
		if left > 0 {
			left -= n
		}
		r.endStream(c)
	}
	switch {
	case r.stream < len(q.keys):
		r.more = true
		return nil
	case r.served == 0:
		c.Out.B = c.Out.B[:r.outer]
		c.groupRead = groupRead{}
		return q.waitAsGroup(c, tx)
	}
	c.putHead(r.outer, c.streamsHead, r.served)
	c.groupRead = groupRead{}
	return nil
}

// readGroupOn goes on reading after the first transaction. Whatever makes that impossible,
// such as a slot that leaves, ends the reply: its entries are the consumer's already.
func readGroupOn(c *Call) error {
	r := &c.groupRead
	if !r.more {
		return nil
	}
	access := c.Access
	access.Done = done
	for r.stream < len(r.q.keys) {
		before, size := *r, len(c.Out.B)
		err := c.Node.Engine.Update(&access, func(tx *keyspace.Tx) error {
			if c.Node.Server.WritesPaused() {
				return errReadNoMore
			}
			_, err := r.read(c, tx, groupReadMany)
			return err
		})
		if err != nil {
			*r, c.Out.B = before, c.Out.B[:size]
			r.stream, r.ended = len(r.q.keys), true
		}
		r.endStream(c)
	}
	c.putHead(r.outer, c.streamsHead, r.served)
	return nil
}

// read replies with at most count entries of the present stream; negative: all. If there
// are no more, the next stream is the present one.
func (r *groupRead) read(c *Call, tx *keyspace.Tx, count int64) (n int64, err error) {
	key := r.q.keys[r.stream]
	s, err := tx.Stream(key)
	if err != nil {
		return 0, err
	}
	g := s.Group(r.q.group)
	if g == nil { // it has gone since the transaction before
		r.next()
		return 0, nil
	}
	if !r.began {
		if ok, err := r.begin(c, tx, s, key, g.Last); err != nil || !ok {
			r.next()
			return 0, err
		}
	}
	most := count
	if r.left >= 0 && (most < 0 || r.left < most) {
		most = r.left
	}
	at := s.Group(r.q.group).GroupState
	read := 0
	if r.behind == onlyNew {
		read, err = r.q.deliver(c, tx, s, at, r.to, most)
	} else {
		read, r.behind, err = r.q.deliverAgain(c, tx, s, r.behind, r.to, most)
	}
	switch {
	case err != nil:
		return 0, err
	case len(c.Out.B) > c.MaxOutput:
		return 0, ErrReplyTooBig
	}
	n = int64(read)
	r.entries += read
	if r.left >= 0 {
		r.left -= n
	}
	if n != count || r.left == 0 {
		r.next()
	}
	return n, nil
}

func (r *groupRead) next() { r.stream, r.ended = r.stream+1, true }

// begin begins the reply about the present stream. It returns false if there is nothing new
// in it.
func (r *groupRead) begin(c *Call, tx *keyspace.Tx, s keyspace.StreamRef, key []byte, read stream.ID) (bool, error) {
	r.behind, _ = c.groupBehind(r.q.idAt(r.stream))
	if last, ok := s.Final(); r.behind == onlyNew && (!ok || !read.Less(last)) {
		return false, nil
	}
	r.to, r.left = s.State().Last, r.q.count
	if err := seeConsumer(tx, s, key, r.q.group, r.q.consumer); err != nil {
		return false, err
	}
	c.streamHead(key)
	r.began, r.ended, r.inner, r.entries = true, false, len(c.Out.B), 0
	return true, nil
}

// endStream ends the reply about a stream of which there is no more.
func (r *groupRead) endStream(c *Call) {
	if !r.began || !r.ended {
		return
	}
	c.putHead(r.inner, c.Out.Array, r.entries)
	r.served, r.began, r.ended = r.served+1, false, false
}
