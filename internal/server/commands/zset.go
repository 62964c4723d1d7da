package commands

import (
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ZSetGroup is the commands on single members of sorted sets.
var ZSetGroup = []Command{
	{Name: "zadd", Arity: -4, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "sorted-set", Since: "1.2.0",
		KeyFlags: "RW update", Summary: "Adds members to a sorted set, or changes their scores.", Tx: cmdZAdd},
	{Name: "zincrby", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "sorted-set", Since: "1.2.0",
		KeyFlags: "RW access update", Summary: "Adds to the score of a member.", Tx: cmdZIncrBy},
	{Name: "zrem", Arity: -3, Flags: Write | Fast, Keys: OneKey, Group: "sorted-set", Since: "1.2.0",
		KeyFlags: "RW delete", Summary: "Removes members from a sorted set.", Tx: cmdZRem},
	{Name: "zcard", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "sorted-set", Since: "1.2.0",
		KeyFlags: "RO", Summary: "Returns the number of members of a sorted set.", Tx: cmdZCard},
	{Name: "zscore", Arity: 3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "sorted-set", Since: "1.2.0",
		KeyFlags: "RO access", Summary: "Returns the score of a member.", Tx: cmdZScore},
	{Name: "zmscore", Arity: -3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "sorted-set", Since: "6.2.0",
		KeyFlags: "RO access", Summary: "Returns the scores of several members.", Tx: cmdZMScore},
	{Name: "zrank", Arity: 3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "sorted-set", Since: "2.0.0",
		KeyFlags: "RO access", Summary: "Returns the rank of a member, by ascending scores.", Tx: cmdZRank},
	{Name: "zrevrank", Arity: 3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "sorted-set", Since: "2.0.0",
		KeyFlags: "RO access", Summary: "Returns the rank of a member, by descending scores.", Tx: cmdZRevRank},
	{Name: "zscan", Arity: -3, Flags: ReadOnly, Keys: OneKey, Group: "sorted-set", Since: "2.8.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Walks through the members of a sorted set, some at a time.", Tx: cmdZScan},
}

// The refusals of ZADD.
const (
	errXXandNX      = ReplyError("ERR XX and NX options at the same time are not compatible")
	errGTandLTandNX = ReplyError("ERR GT, LT, and/or NX options at the same time are not compatible")
	errOneIncrement = ReplyError("ERR INCR option supports a single increment-element pair")
	errScoreNaN     = ReplyError("ERR resulting score is not a number (NaN)")
)

// zaddOptions are the options of ZADD.
type zaddOptions struct {
	nx, xx, gt, lt bool
	ch, incr       bool
}

// zaddOptions reads options from the third argument on, and returns where the first score is.
func (c *Call) zaddOptions() (opt zaddOptions, next int) {
	for next = 2; next < len(c.Args); next++ {
		switch {
		case c.Word(next, "NX"):
			opt.nx = true
		case c.Word(next, "XX"):
			opt.xx = true
		case c.Word(next, "GT"):
			opt.gt = true
		case c.Word(next, "LT"):
			opt.lt = true
		case c.Word(next, "CH"):
			opt.ch = true
		case c.Word(next, "INCR"):
			opt.incr = true
		default:
			return opt, next
		}
	}
	return opt, next
}

func (o *zaddOptions) check(pairs int) error {
	switch {
	case o.nx && o.xx:
		return errXXandNX
	case (o.gt || o.lt) && o.nx || o.gt && o.lt:
		return errGTandLTandNX
	case o.incr && pairs > 1:
		return errOneIncrement
	}
	return nil
}

func cmdZAdd(c *Call, tx *keyspace.Tx) error { return c.zadd(tx, false) }

// cmdZIncrBy is ZADD with INCR: Redis, too, takes the other options there, but they leave
// too few arguments.
func cmdZIncrBy(c *Call, tx *keyspace.Tx) error { return c.zadd(tx, true) }

func (c *Call) zadd(tx *keyspace.Tx, incr bool) error {
	opt, first := c.zaddOptions()
	opt.incr = opt.incr || incr
	pairs := c.Args[first:]
	if len(pairs) == 0 || len(pairs)%2 != 0 {
		return ErrSyntax
	}
	if err := opt.check(len(pairs) / 2); err != nil {
		return err
	}
	var few [16]float64
	scores := few[:0]
	for i := 0; i < len(pairs); i += 2 {
		score, ok := parseScore(pairs[i])
		if !ok {
			return errNotFloat
		}
		scores = append(scores, score)
	}
	z, err := tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	added, changed := 0, 0
	for i, score := range scores {
		outcome, err := opt.set(tx, z, c.Args[1], pairs[2*i+1], score)
		switch {
		case err != nil:
			return err
		case opt.incr && outcome.skipped:
			c.Out.Null()
		case opt.incr:
			c.Out.Double(outcome.score)
		}
		added += btoi(outcome.added)
		changed += btoi(outcome.changed)
	}
	if added+changed > 0 {
		tx.Notify(keyspace.ZSetEvents, opt.event(), c.Args[1])
	}
	if !opt.incr {
		c.Out.Int(int64(added + changed*btoi(opt.ch)))
	}
	return nil
}

func (o *zaddOptions) event() string {
	if o.incr {
		return "zincr"
	}
	return "zadd"
}

// zaddOutcome is what ZADD has done with a member.
type zaddOutcome struct {
	added, changed, skipped bool
	score                   float64
}

func (o *zaddOptions) set(tx *keyspace.Tx, z keyspace.ZSetRef, key, member []byte, score float64) (zaddOutcome, error) {
	old, there := z.Score(member)
	if there && o.nx || !there && o.xx {
		return zaddOutcome{skipped: true}, nil
	}
	if there && o.incr {
		if score += old; math.IsNaN(score) {
			return zaddOutcome{}, errScoreNaN
		}
	}
	if there && (o.lt && score >= old || o.gt && score <= old) {
		return zaddOutcome{skipped: true}, nil
	}
	if there && score == old { // -0 does not replace 0
		return zaddOutcome{score: score}, nil
	}
	err := setScore(tx, z, key, member, score)
	return zaddOutcome{added: !there, changed: there, score: score}, err
}

// setScore sets a score as Redis keeps it: its compact encoding has no -0.
func setScore(tx *keyspace.Tx, z keyspace.ZSetRef, key, member []byte, score float64) error {
	if _, err := z.Set(member, score); err != nil {
		return err
	}
	if score == 0 && math.Signbit(score) {
		if encoding, _ := tx.Encoding(key); encoding == "listpack" {
			_, err := z.Set(member, 0)
			return err
		}
	}
	return nil
}

func cmdZRem(c *Call, tx *keyspace.Tx) error {
	z, err := tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	n := 0
	for _, member := range c.Args[2:] {
		n += btoi(z.Remove(member))
	}
	if n > 0 {
		notifyTaken(tx, keyspace.ZSetEvents, "zrem", c.Args[1], z)
	}
	c.Out.Int(int64(n))
	return nil
}

func cmdZCard(c *Call, tx *keyspace.Tx) error {
	z, err := readZSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(z.Len()))
	return nil
}

func cmdZScore(c *Call, tx *keyspace.Tx) error {
	z, err := readZSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.score(z, c.Args[2])
	return nil
}

func cmdZMScore(c *Call, tx *keyspace.Tx) error {
	z, err := readZSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		c.score(z, member)
	}
	return nil
}

// score replies with the score of a member.
func (c *Call) score(z keyspace.ZSetRef, member []byte) {
	if score, ok := z.Score(member); ok {
		c.Out.Double(score)
	} else {
		c.Out.Null()
	}
}

func cmdZRank(c *Call, tx *keyspace.Tx) error    { return c.rank(tx, false) }
func cmdZRevRank(c *Call, tx *keyspace.Tx) error { return c.rank(tx, true) }

func (c *Call) rank(tx *keyspace.Tx, reverse bool) error {
	z, err := readZSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	rank, ok := z.Rank(c.Args[2])
	switch {
	case !ok:
		c.Out.Null()
	case reverse:
		c.Out.Int(int64(z.Len() - 1 - rank))
	default:
		c.Out.Int(int64(rank))
	}
	return nil
}

func cmdZScan(c *Call, tx *keyspace.Tx) error {
	cursor, err := c.cursor()
	if err != nil {
		return err
	}
	z, err := readZSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	encoding, _ := tx.Encoding(c.Args[1])
	return c.scanReply(z.Len() == 0, func(o *scanOptions) (next uint64, n int) {
		next = z.Scan(cursor, o.count, func(member []byte, score float64) {
			if o.matches(member) {
				c.Out.Bulk(member)
				c.scannedScore(score, encoding == "listpack")
				n += 2
			}
		})
		return next, n
	})
}

// scannedScore replies with a score as ZSCAN does: Redis' compact encoding has whole numbers
// as integers, and ZSCAN replies what it has.
func (c *Call) scannedScore(score float64, compact bool) {
	if n := int64(score); compact && math.Abs(score) <= math.MaxInt64/2 && float64(n) == score {
		c.Out.BulkInt(n)
	} else {
		c.Out.BulkDouble(score)
	}
}
