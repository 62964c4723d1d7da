package commands

import (
	"math"
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ZSetPopGroup is the commands that take members from an end of a sorted set.
var ZSetPopGroup = []Command{
	{Name: "zpopmin", Arity: -2, Flags: Write | Fast, Keys: OneKey, Group: "sorted-set", Since: "5.0.0",
		KeyFlags: "RW access delete", Summary: "Removes and returns the members with the lowest scores.",
		Tx: cmdZPopMin},
	{Name: "zpopmax", Arity: -2, Flags: Write | Fast, Keys: OneKey, Group: "sorted-set", Since: "5.0.0",
		KeyFlags: "RW access delete", Summary: "Removes and returns the members with the highest scores.",
		Tx: cmdZPopMax},
	{Name: "zmpop", Arity: -4, Flags: Write | MovableKeys, Counted: 1, Group: "sorted-set", Since: "7.0.0",
		KeyFlags: "RW access delete", Summary: "Removes and returns members of the first set that has any.",
		Tx: cmdZMPop},
	{Name: "zrandmember", Arity: -2, Flags: ReadOnly, Keys: OneKey, Group: "sorted-set", Since: "6.2.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output", Summary: "Returns random members of a sorted set.",
		Tx: cmdZRandMember},
}

const errPopCount = ReplyError("ERR count should be greater than 0")

func cmdZPopMin(c *Call, tx *keyspace.Tx) error { return c.zpop(tx, false) }
func cmdZPopMax(c *Call, tx *keyspace.Tx) error { return c.zpop(tx, true) }

func (c *Call) zpop(tx *keyspace.Tx, highest bool) error {
	if len(c.Args) > 3 {
		return ErrSyntax
	}
	count := int64(1)
	if len(c.Args) == 3 {
		var err error
		if count, err = c.NumberIn(2, 0, math.MaxInt64, errNegative); err != nil {
			return err
		}
	}
	z, err := tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	n := int(min(count, int64(z.Len())))
	if len(c.Args) == 3 {
		c.scoredArray(n, true)
	} else {
		c.Out.Array(2 * n)
	}
	for range n {
		if len(c.Args) == 3 && c.Out.RESP3 {
			c.Out.Array(2)
		}
		c.popScored(z, highest)
	}
	if n > 0 {
		notifyPopped(tx, c.Args[1], z, highest)
	}
	return nil
}

// notifyPopped tells that members were taken from an end of a sorted set.
func notifyPopped(tx *keyspace.Tx, key []byte, left keyspace.ZSetRef, highest bool) {
	event := "zpopmin"
	if highest {
		event = "zpopmax"
	}
	notifyTaken(tx, keyspace.ZSetEvents, event, key, left)
}

// popScored removes the member at an end of a set that is not empty, and replies with it
// and its score.
func (c *Call) popScored(z keyspace.ZSetRef, highest bool) {
	rank := 0
	if highest {
		rank = z.Len() - 1
	}
	member, score, _ := z.At(rank)
	c.Out.Bulk(member)
	c.Out.Double(score)
	z.Remove(member)
}

// zmpop is what ZMPOP asks for.
type zmpop struct {
	keys    [][]byte
	highest bool
	count   int64
}

// zmpop reads ZMPOP's arguments from the number of keys on.
func (c *Call) zmpop(at int) (q zmpop, err error) {
	numkeys, err := c.NumberIn(at, 1, math.MaxInt64, errNumKeys)
	if err != nil {
		return q, err
	}
	if numkeys >= int64(len(c.Args)-at-1) {
		return q, ErrSyntax
	}
	next := at + 1 + int(numkeys)
	q.keys, q.count = c.Args[at+1:next], -1
	switch {
	case c.Word(next, "MAX"):
		q.highest = true
	case !c.Word(next, "MIN"):
		return q, ErrSyntax
	}
	for next++; next < len(c.Args); next += 2 {
		if q.count != -1 || !c.Word(next, "COUNT") || next+1 == len(c.Args) {
			return q, ErrSyntax
		}
		if q.count, err = c.NumberIn(next+1, 1, math.MaxInt64, errPopCount); err != nil {
			return q, err
		}
	}
	q.count = max(q.count, 1)
	return q, nil
}

func cmdZMPop(c *Call, tx *keyspace.Tx) error {
	q, err := c.zmpop(1)
	if err != nil {
		return err
	}
	for _, key := range q.keys {
		z, err := tx.ZSet(key)
		if err != nil {
			return err
		}
		if z.Len() > 0 {
			c.zmpopReply(tx, z, key, &q)
			return nil
		}
	}
	c.Out.NullArray()
	return nil
}

// zmpopReply pops from a set that is not empty and replies with its key and the members.
func (c *Call) zmpopReply(tx *keyspace.Tx, z keyspace.ZSetRef, key []byte, q *zmpop) {
	n := int(min(q.count, int64(z.Len())))
	c.Out.Array(2)
	c.Out.Bulk(key)
	c.Out.Array(n)
	for range n {
		c.Out.Array(2)
		c.popScored(z, q.highest)
	}
	notifyPopped(tx, key, z, q.highest)
}

// sampledZSet is a sorted set out of which members are chosen at random.
type sampledZSet struct{ keyspace.ZSetRef }

func (z sampledZSet) each(visit func(name, value []byte) bool) {
	z.All()(func(member []byte, _ float64) bool { return visit(member, nil) })
}

func (z sampledZSet) random() (name, value []byte, ok bool) {
	if z.Len() == 0 {
		return nil, nil, false
	}
	name, _, ok = z.At(rand.IntN(z.Len()))
	return name, nil, ok
}

func cmdZRandMember(c *Call, tx *keyspace.Tx) error {
	if len(c.Args) == 2 {
		z, err := readZSet(tx, c.Args[1])
		if err != nil {
			return err
		}
		member, _, ok := sampledZSet{z}.random()
		c.bulkIf(member, ok)
		return nil
	}
	count, err := c.randomCount(2)
	if err != nil {
		return err
	}
	withScores := len(c.Args) == 4 && c.Word(3, "WITHSCORES")
	switch {
	case len(c.Args) > 3 && !withScores:
		return ErrSyntax
	case withScores && (count < -math.MaxInt64/2 || count > math.MaxInt64/2):
		return errOutOfRange
	}
	z, err := readZSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	return c.deferred(func(n int) { c.scoredArray(n, withScores) }, func() int {
		return c.sample(sampledZSet{z}, count, func(member, _ []byte) {
			score, _ := z.Score(member)
			c.scored(member, score, withScores)
		})
	})
}
