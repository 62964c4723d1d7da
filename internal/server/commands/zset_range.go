package commands

import (
	"iter"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ZSetRangeGroup is the commands that return, or store, the members of a range.
var ZSetRangeGroup = []Command{
	{Name: "zrange", Arity: -4, Flags: ReadOnly, Keys: OneKey, Group: "sorted-set", Since: "1.2.0",
		KeyFlags: "RO access", Summary: "Returns the members in a range of ranks, scores or byte strings.",
		Tx: cmdZRange},
	{Name: "zrevrange", Arity: -4, Flags: ReadOnly, Keys: OneKey, Group: "sorted-set", Since: "1.2.0",
		KeyFlags: "RO access", Summary: "Returns the members in a range of ranks, in descending order.",
		Tx: cmdZRevRange},
	{Name: "zrangebyscore", Arity: -4, Flags: ReadOnly, Keys: OneKey, Group: "sorted-set", Since: "1.0.5",
		KeyFlags: "RO access", Summary: "Returns the members with scores in a range.", Tx: cmdZRangeByScore},
	{Name: "zrevrangebyscore", Arity: -4, Flags: ReadOnly, Keys: OneKey, Group: "sorted-set", Since: "2.2.0",
		KeyFlags: "RO access", Summary: "Returns the members with scores in a range, in descending order.",
		Tx: cmdZRevRangeByScore},
	{Name: "zrangebylex", Arity: -4, Flags: ReadOnly, Keys: OneKey, Group: "sorted-set", Since: "2.8.9",
		KeyFlags: "RO access", Summary: "Returns the members in a range of byte strings.", Tx: cmdZRangeByLex},
	{Name: "zrevrangebylex", Arity: -4, Flags: ReadOnly, Keys: OneKey, Group: "sorted-set", Since: "2.8.9",
		KeyFlags: "RO access", Summary: "Returns the members in a range of byte strings, in descending order.",
		Tx: cmdZRevRangeByLex},
	{Name: "zrangestore", Arity: -5, Flags: Write | DenyOOM, Keys: TwoKeys, Group: "sorted-set", Since: "6.2.0",
		KeyFlags: "OW update,RO access", Summary: "Stores the members in a range as another sorted set.",
		Tx: cmdZRangeStore},
}

const (
	errLimitByRank   = ReplyError("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	errWithScoresLex = ReplyError("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
)

// zrangeQuery is what a ZRANGE asks for.
type zrangeQuery struct {
	zrange
	reverse    bool
	withScores bool
	offset     int64
	limit      int64 // negative: none
}

// zrangeForm is what the name of a command says about its arguments.
type zrangeForm struct {
	source  int // the argument that is the key
	store   bool
	free    bool // options say what kind of range it is and in which direction
	kind    zrangeKind
	reverse bool
}

func (c *Call) zrangeQuery(form zrangeForm) (q zrangeQuery, err error) {
	q.kind, q.reverse, q.limit = form.kind, form.reverse, -1
	kindSet, reverseSet := !form.free, !form.free
	for i := form.source + 3; i < len(c.Args); i++ {
		switch {
		case !form.store && c.Word(i, "WITHSCORES"):
			q.withScores = true
		case c.Word(i, "LIMIT") && i+2 < len(c.Args):
			if q.offset, err = c.Number(i + 1); err == nil {
				q.limit, err = c.Number(i + 2)
			}
			if err != nil {
				return q, err
			}
			i += 2
		case !reverseSet && c.Word(i, "REV"):
			q.reverse, reverseSet = true, true
		case !kindSet && c.Word(i, "BYLEX"):
			q.kind, kindSet = byLex, true
		case !kindSet && c.Word(i, "BYSCORE"):
			q.kind, kindSet = byScore, true
		default:
			return q, ErrSyntax
		}
	}
	switch {
	case q.limit != -1 && q.kind == byRank:
		return q, errLimitByRank
	case q.withScores && q.kind == byLex:
		return q, errWithScoresLex
	}
	low, high := form.source+1, form.source+2
	if q.reverse && q.kind != byRank { // the greater end comes first
		low, high = high, low
	}
	q.zrange, err = c.zrange(q.kind, low, high)
	return q, err
}

// in returns where the first member of the answer is, and how many there are.
func (q *zrangeQuery) in(z keyspace.ZSetRef) (first, n int) {
	size := z.Len()
	if q.kind == byRank && q.reverse { // ranks count from the other end
		from, to := q.zrange.in(z)
		return size - 1 - from, to - from
	}
	from, to := q.zrange.in(z)
	n = to - from
	if q.kind != byRank {
		if q.offset < 0 || q.offset >= int64(n) {
			return 0, 0
		}
		n -= int(q.offset)
		if q.limit >= 0 {
			n = int(min(int64(n), q.limit))
		}
		if q.reverse {
			return to - 1 - int(q.offset), n
		}
		from += int(q.offset)
	}
	return from, n
}

// members yields the answer.
func (q *zrangeQuery) members(z keyspace.ZSetRef, first int) iter.Seq2[[]byte, float64] {
	if q.reverse {
		return z.Down(first)
	}
	return z.From(first)
}

func cmdZRange(c *Call, tx *keyspace.Tx) error {
	return c.replyRange(tx, zrangeForm{source: 1, free: true})
}

func cmdZRevRange(c *Call, tx *keyspace.Tx) error {
	return c.replyRange(tx, zrangeForm{source: 1, reverse: true})
}

func cmdZRangeByScore(c *Call, tx *keyspace.Tx) error {
	return c.replyRange(tx, zrangeForm{source: 1, kind: byScore})
}

func cmdZRevRangeByScore(c *Call, tx *keyspace.Tx) error {
	return c.replyRange(tx, zrangeForm{source: 1, kind: byScore, reverse: true})
}

func cmdZRangeByLex(c *Call, tx *keyspace.Tx) error {
	return c.replyRange(tx, zrangeForm{source: 1, kind: byLex})
}

func cmdZRevRangeByLex(c *Call, tx *keyspace.Tx) error {
	return c.replyRange(tx, zrangeForm{source: 1, kind: byLex, reverse: true})
}

func (c *Call) replyRange(tx *keyspace.Tx, form zrangeForm) error {
	q, err := c.zrangeQuery(form)
	if err != nil {
		return err
	}
	z, err := readZSet(tx, c.Args[form.source])
	if err != nil {
		return err
	}
	first, n := q.in(z)
	if n > manyParts {
		return c.replyMembersLater(z, q, first, n)
	}
	return c.replyMembers(z, &q, first, n)
}

// replyMembersLater is a function of its own because what a closure keeps is allocated.
func (c *Call) replyMembersLater(z keyspace.ZSetRef, q zrangeQuery, first, n int) error {
	return replyFrom(c, z, n, func(c *Call, z keyspace.ZSetRef) error { return c.replyMembers(z, &q, first, n) })
}

func (c *Call) replyMembers(z keyspace.ZSetRef, q *zrangeQuery, first, n int) error {
	c.scoredArray(n, q.withScores)
	if n == 0 {
		return nil
	}
	for member, score := range q.members(z, first) {
		c.scored(member, score, q.withScores)
		if n--; n == 0 {
			break
		}
		if !c.More() {
			return ErrReplyTooBig
		}
	}
	return nil
}

// scoredArray begins an array of n members, with their scores if they are wanted: RESP3
// has a pair for each, RESP2 one after the other.
func (c *Call) scoredArray(n int, withScores bool) {
	if withScores && !c.Out.RESP3 {
		n *= 2
	}
	c.Out.Array(n)
}

// scored adds a member to what scoredArray has begun.
func (c *Call) scored(member []byte, score float64, withScore bool) {
	if withScore && c.Out.RESP3 {
		c.Out.Array(2)
	}
	c.Out.Bulk(member)
	if withScore {
		c.Out.Double(score)
	}
}

func cmdZRangeStore(c *Call, tx *keyspace.Tx) error {
	q, err := c.zrangeQuery(zrangeForm{source: 2, store: true, free: true})
	if err != nil {
		return err
	}
	z, err := readZSet(tx, c.Args[2])
	if err != nil {
		return err
	}
	first, n := q.in(z)
	var result scoredMembers
	if n > 0 {
		for member, score := range q.members(z, first) {
			result.add(member, score)
			if n--; n == 0 {
				break
			}
		}
	}
	return c.storeScored(tx, c.Args[1], &result, c.Cmd.Name)
}
