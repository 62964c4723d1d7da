package commands

import (
	"bytes"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// StreamReadGroup is the command that reads several streams.
var StreamReadGroup = []Command{
	{Name: "xread", Arity: -4, Flags: ReadOnly | Blocking | MovableKeys, KeysAfter: Keyword{"STREAMS", 1},
		Group: "stream", Since: "5.0.0", KeyFlags: "RO access",
		Summary: "Returns the entries of streams behind given IDs, and waits for some.", Tx: cmdXRead},
}

const (
	errUnbalanced = ReplyError("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.")
	errGroupRead  = ReplyError("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
	errNoAckRead  = ReplyError("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
	errNewForRead = ReplyError("ERR The > ID can be specified only when calling XREADGROUP using the GROUP " +
		"<group> <consumer> option.")
	errTimeoutNotInt = ReplyError("ERR timeout is not an integer or out of range")
	errNoGroupOption = ReplyError("ERR Missing GROUP option for XREADGROUP")
)

// streamQuery is what XREAD and XREADGROUP ask for.
type streamQuery struct {
	group, consumer []byte // of XREADGROUP
	noAck           bool
	count           int64 // of entries, of each stream; negative: all
	block           bool
	timeout         time.Duration // of block; 0: without end
	first           int           // the argument that is the first key
	keys            [][]byte
}

// idAt returns the argument that is the ID for a key.
func (q *streamQuery) idAt(i int) int { return q.first + len(q.keys) + i }

// streamQuery reads what stands before the IDs.
func (c *Call) streamQuery(ofGroup bool) (q streamQuery, err error) {
	q.count = -1
	for i := 1; i < len(c.Args); i++ {
		more := len(c.Args) - 1 - i
		switch {
		case c.Word(i, "BLOCK") && more > 0:
			if c.Borrowed {
				name := string(Clip(c.Args[0], 128))
				return q, ReplyError("ERR " + name + " command is not allowed with BLOCK option from scripts")
			}
			i++
			q.block = true
			q.timeout, err = c.timeoutInMs(i)
		case c.Word(i, "COUNT") && more > 0:
			i++
			if q.count, err = c.Number(i); q.count <= 0 {
				q.count = -1
			}
		case c.Word(i, "GROUP") && more >= 2:
			if !ofGroup {
				return q, errGroupRead
			}
			q.group, q.consumer = c.Args[i+1], c.Args[i+2]
			i += 2
		case c.Word(i, "NOACK"):
			if !ofGroup {
				return q, errNoAckRead
			}
			q.noAck = true
		case c.Word(i, "STREAMS") && more > 0:
			if more%2 != 0 {
				return q, errUnbalanced
			}
			q.first, q.keys = i+1, c.Args[i+1:i+1+more/2]
			i = len(c.Args)
		default:
			return q, ErrSyntax
		}
		if err != nil {
			return q, err
		}
	}
	switch keys, _ := c.Cmd.KeysAfter.keys(c.Args); {
	case q.first == 0:
		return q, ErrSyntax
	case ofGroup && q.group == nil:
		return q, errNoGroupOption
	case keys.First != q.first:
		// A group or consumer named STREAMS: the keys that were looked at, to find the slot
		// and the user's rights, are others.
		return q, ErrSyntax
	}
	return q, nil
}

// timeoutInMs reads an argument that is a number of milliseconds, 0 for no end.
func (c *Call) timeoutInMs(i int) (time.Duration, error) {
	ms, err := c.Number(i)
	switch {
	case err != nil:
		return 0, errTimeoutNotInt
	case ms < 0:
		return 0, errTimeoutNegative
	}
	return time.Duration(min(ms, int64(maxTimeout/time.Millisecond))) * time.Millisecond, nil
}

// streamRead is a stream, and the ID behind which it is read.
type streamRead struct {
	key    []byte
	s      keyspace.StreamRef
	behind stream.ID
}

// hasMore reports whether there are entries behind the ID.
func (r *streamRead) hasMore() bool {
	last, ok := r.s.Final()
	return ok && r.behind.Less(last)
}

// entries returns at most count of them; negative: all.
func (r *streamRead) entries(count int64) streamRange {
	from, _ := r.behind.Next()
	return streamRange{from: from, to: stream.MaxID, count: count}
}

func cmdXRead(c *Call, tx *keyspace.Tx) error {
	q, err := c.streamQuery(false)
	if err != nil {
		return err
	}
	if c.Ready != nil {
		return q.readReady(c, tx)
	}
	var few [4]streamRead
	list := few[:0]
	for i, key := range q.keys {
		s, err := readStream(tx, key)
		if err != nil {
			return err
		}
		behind, err := c.readBehind(q.idAt(i), s)
		if err != nil {
			return err
		}
		list = append(list, streamRead{key, s, behind})
	}
	found := list[:0]
	for _, r := range list {
		if !r.s.Exists() {
			missed(tx, r.key) // Redis looks each key up twice
		}
		if r.hasMore() {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return q.waitToRead(c, tx, list)
	}
	return c.replyStreams(found, q.count)
}

// readBehind reads an ID behind which XREAD reads.
func (c *Call) readBehind(i int, s keyspace.StreamRef) (stream.ID, error) {
	if text, _ := idText(c.Args[i]); len(text) == 1 {
		switch text[0] {
		case '$':
			return s.State().Last, nil
		case '>':
			return stream.ID{}, errNewForRead
		}
	}
	return c.streamID(i, 0)
}

// replyStreams replies with at most count entries of each stream; negative: all.
func (c *Call) replyStreams(list []streamRead, count int64) error {
	c.streamsHead(len(list))
	for i := range list {
		c.streamHead(list[i].key)
		if err := c.replyEntries(list[i].s, list[i].entries(count)); err != nil {
			return err
		}
		if c.Later != nil {
			c.replyRestLater(list[i+1:], count)
			break
		}
	}
	return nil
}

// replyRestLater makes the entries of further streams follow those of one that are replied
// with later.
func (c *Call) replyRestLater(rest []streamRead, count int64) {
	all := []func() error{c.Later}
	for i := range rest {
		r := &rest[i]
		c.replyEntriesLater(r.s.Snapshot(), r.entries(count))
		key, entries := bytes.Clone(r.key), c.Later
		all = append(all, func() error {
			c.streamHead(key)
			return entries()
		})
	}
	c.Later = func() error {
		for _, reply := range all {
			if err := reply(); err != nil {
				return err
			}
		}
		return nil
	}
}

// streamsHead begins a reply about n streams, streamHead what it says of one of them.
func (c *Call) streamsHead(n int) {
	if c.Out.RESP3 {
		c.Out.Map(n)
	} else {
		c.Out.Array(n)
	}
}

func (c *Call) streamHead(key []byte) {
	if !c.Out.RESP3 {
		c.Out.Array(2)
	}
	c.Out.Bulk(key)
}
