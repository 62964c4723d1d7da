package commands

import (
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// ClaimGroup is the commands that give pending entries to other consumers.
var ClaimGroup = []Command{
	{Name: "xclaim", Arity: -6, Flags: Write | Fast, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RW update", Tips: "nondeterministic_output", Summary: "Gives pending entries to a consumer.",
		Tx: cmdXClaim},
	{Name: "xautoclaim", Arity: -6, Flags: Write | Fast, Keys: OneKey, Group: "stream", Since: "6.2.0",
		KeyFlags: "RW delete", Tips: "nondeterministic_output",
		Summary: "Gives the next pending entries that have been idle to a consumer.", Tx: cmdXAutoClaim},
}

const (
	errClaimMinIdle     = ReplyError("ERR Invalid min-idle-time argument for XCLAIM")
	errClaimIdle        = ReplyError("ERR Invalid IDLE option argument for XCLAIM")
	errClaimTime        = ReplyError("ERR Invalid TIME option argument for XCLAIM")
	errClaimRetries     = ReplyError("ERR Invalid RETRYCOUNT option argument for XCLAIM")
	errAutoClaimMinIdle = ReplyError("ERR Invalid min-idle-time argument for XAUTOCLAIM")
	errClaimCount       = ReplyError("ERR COUNT must be > 0")
	errClaimCountMemory = ReplyError("ERR Insufficient memory, failed allocating transient memory, COUNT too high.")
)

// claim is what a claim does with pending entries.
type claim struct {
	key, group, consumer []byte
	minIdle              int64 // milliseconds
	delivered            int64 // the new delivery time, Unix milliseconds
	retries              int64 // the new delivery count; negative: one more than before
	justID               bool  // replies with IDs alone, and is no delivery
	force                bool  // makes entries pending that are not
	seen                 bool  // the consumer is there, and was seen now
}

// tooEarly reports whether a pending entry has not been idle long enough.
func (o *claim) tooEarly(p stream.Pending, now int64) bool {
	return o.minIdle > 0 && now-p.Delivered < o.minIdle
}

// give makes the consumer the one to which an entry is pending, and replies with the entry,
// which is there. It returns false if the entry has not been idle long enough, or is not
// pending at all.
func (o *claim) give(c *Call, tx *keyspace.Tx, s keyspace.StreamRef, p stream.Pending, pending bool,
	entry stream.Fields) (given bool, err error) {
	switch {
	case !pending && !o.force, pending && o.tooEarly(p, tx.Now()):
		return false, nil
	case !pending:
		p.Count = 1
	}
	p.Consumer, p.Delivered = o.consumer, o.delivered
	if o.retries >= 0 {
		p.Count = uint64(o.retries)
	} else if !o.justID {
		p.Count++
	}
	if o.justID {
		c.entryID(p.ID)
	} else {
		c.entry(p.ID, entry)
	}
	if !o.seen {
		o.seen = true
		if err := seeConsumer(tx, s, o.key, o.group, o.consumer); err != nil {
			return false, err
		}
	}
	return true, s.SetPending(o.group, p)
}

func cmdXClaim(c *Call, tx *keyspace.Tx) error {
	o := claim{key: c.Args[1], group: c.Args[2], consumer: c.Args[3], retries: -1}
	s, err := readStream(tx, o.key)
	if err != nil {
		return err
	}
	g := s.Group(o.group)
	if g == nil {
		return errNoKeyOrGroup(o.key, o.group)
	}
	if o.minIdle, err = c.NumberIn(4, math.MinInt64, math.MaxInt64, errClaimMinIdle); err != nil {
		return err
	}
	o.minIdle = max(o.minIdle, 0)
	behind := 5 // of the IDs
	for behind < len(c.Args) {
		if _, err := c.streamID(behind, 0); err != nil {
			break
		}
		behind++
	}
	last, err := o.options(c, behind, tx.Now())
	if err != nil {
		return err
	}
	if at := g.GroupState; at.Last.Less(last) {
		at.Last = last
		if err := s.SetGroup(o.group, at); err != nil {
			return err
		}
	}
	return c.deferredWith(c.Out.Array, func() (n int, err error) {
		for i := 5; i < behind; i++ {
			id, _ := c.streamID(i, 0)
			given, err := o.giveByID(c, tx, s, id)
			if err != nil {
				return n, err
			}
			n += btoi(given)
		}
		return n, nil
	})
}

// giveByID is give for an entry that may be gone: then it is pending no longer.
func (o *claim) giveByID(c *Call, tx *keyspace.Tx, s keyspace.StreamRef, id stream.ID) (given bool, err error) {
	entry, ok := s.Get(id)
	if !ok {
		s.Acknowledge(o.group, id)
		return false, nil
	}
	p, pending := s.Group(o.group).Pending(id)
	p.ID = id
	return o.give(c, tx, s, p, pending, entry)
}

// options reads those of XCLAIM, and returns the last ID that LASTID names.
func (o *claim) options(c *Call, from int, now int64) (last stream.ID, err error) {
	o.delivered = -1
	for i := from; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		switch {
		case c.Word(i, "FORCE"):
			o.force = true
			continue
		case c.Word(i, "JUSTID"):
			o.justID = true
			continue
		case c.Word(i, "IDLE") && more:
			o.delivered, err = c.NumberIn(i+1, math.MinInt64, math.MaxInt64, errClaimIdle)
			o.delivered = now - o.delivered
		case c.Word(i, "TIME") && more:
			o.delivered, err = c.NumberIn(i+1, math.MinInt64, math.MaxInt64, errClaimTime)
		case c.Word(i, "RETRYCOUNT") && more:
			o.retries, err = c.NumberIn(i+1, math.MinInt64, math.MaxInt64, errClaimRetries)
		case c.Word(i, "LASTID") && more:
			last, err = c.streamID(i+1, 0)
		default:
			arg := c.Args[i]
			return last, ReplyError("ERR Unrecognized XCLAIM option '" + string(Clip(arg, len(arg))) + "'")
		}
		if err != nil {
			return last, err
		}
		i++
	}
	if o.delivered < 0 || o.delivered > now {
		o.delivered = now
	}
	return last, nil
}

const (
	claimAttempts  = 10 // pending entries that XAUTOCLAIM looks at for each one it may claim
	maxClaimCount  = math.MaxInt64 / 16
	someClaimCount = 1 << 43 // for so many IDs no machine has memory, and Redis refuses them
)

func cmdXAutoClaim(c *Call, tx *keyspace.Tx) error {
	o := claim{key: c.Args[1], group: c.Args[2], consumer: c.Args[3], retries: -1, delivered: tx.Now()}
	s, wrong := readStream(tx, o.key) // Redis tells of a miss before it reads what follows
	var err error
	if o.minIdle, err = c.NumberIn(4, math.MinInt64, math.MaxInt64, errAutoClaimMinIdle); err != nil {
		return err
	}
	o.minIdle = max(o.minIdle, 0)
	from, err := c.intervalStart(5)
	if err != nil {
		return err
	}
	count := int64(100)
	for i := 6; i < len(c.Args); i++ {
		switch {
		case c.Word(i, "COUNT") && i+1 < len(c.Args):
			i++
			if count, err = c.NumberIn(i, 1, maxClaimCount, errClaimCount); err != nil {
				return err
			}
		case c.Word(i, "JUSTID"):
			o.justID = true
		default:
			return ErrSyntax
		}
	}
	switch {
	case wrong != nil:
		return wrong
	case s.Group(o.group) == nil:
		return errNoKeyOrGroup(o.key, o.group)
	case count >= someClaimCount:
		return errClaimCountMemory
	}
	return o.scan(c, tx, s, from, count)
}

// scan claims pending entries from an ID on, and replies with the ID at which the next scan
// goes on, the entries, and the IDs of those that are gone: they are pending no longer.
func (o *claim) scan(c *Call, tx *keyspace.Tx, s keyspace.StreamRef, from stream.ID, count int64) error {
	found, next := o.candidates(c.ids[:0], tx, s, from, count)
	defer c.keepIDs(found)
	gone := found[:0]
	c.Out.Array(3)
	c.entryID(next)
	err := c.deferredWith(c.Out.Array, func() (n int, err error) {
		for _, id := range found {
			entry, ok := s.Get(id)
			if !ok {
				s.Acknowledge(o.group, id)
				gone = append(gone, id)
				continue
			}
			p, _ := s.Group(o.group).Pending(id)
			if _, err := o.give(c, tx, s, p, true, entry); err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	if err != nil {
		return err
	}
	c.Out.Array(len(gone))
	for _, id := range gone {
		c.entryID(id)
	}
	return nil
}

// candidates appends at most count pending entries that are gone or have been idle long
// enough, and returns the one behind those that it has looked at.
func (o *claim) candidates(ids []stream.ID, tx *keyspace.Tx, s keyspace.StreamRef, from stream.ID,
	count int64) (found []stream.ID, next stream.ID) {
	attempts := claimAttempts * count
	s.Group(o.group).AscendPending(nil, from, func(p stream.Pending) bool {
		if attempts == 0 || count == 0 {
			next = p.ID
			return false
		}
		attempts--
		if _, ok := s.Get(p.ID); !ok || !o.tooEarly(p, tx.Now()) {
			ids = append(ids, p.ID)
			count--
		}
		return true
	})
	return ids, next
}
