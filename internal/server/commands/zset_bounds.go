package commands

import (
	"bytes"
	"math"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// ZSetBoundGroup is the commands that count or remove the members of a range.
var ZSetBoundGroup = []Command{
	{Name: "zcount", Arity: 4, Flags: ReadOnly | Fast, Keys: OneKey, Group: "sorted-set", Since: "2.0.0",
		KeyFlags: "RO access", Summary: "Counts the members with scores in a range.", Tx: cmdZCount},
	{Name: "zlexcount", Arity: 4, Flags: ReadOnly | Fast, Keys: OneKey, Group: "sorted-set", Since: "2.8.9",
		KeyFlags: "RO access", Summary: "Counts the members in a range of byte strings.", Tx: cmdZLexCount},
	{Name: "zremrangebyrank", Arity: 4, Flags: Write, Keys: OneKey, Group: "sorted-set", Since: "2.0.0",
		KeyFlags: "RW delete", Summary: "Removes the members in a range of ranks.", Tx: cmdZRemRangeByRank},
	{Name: "zremrangebyscore", Arity: 4, Flags: Write, Keys: OneKey, Group: "sorted-set", Since: "1.2.0",
		KeyFlags: "RW delete", Summary: "Removes the members with scores in a range.", Tx: cmdZRemRangeByScore},
	{Name: "zremrangebylex", Arity: 4, Flags: Write, Keys: OneKey, Group: "sorted-set", Since: "2.8.9",
		KeyFlags: "RW delete", Summary: "Removes the members in a range of byte strings.", Tx: cmdZRemRangeByLex},
}

const (
	errScoreRange = ReplyError("ERR min or max is not a float")
	errLexRange   = ReplyError("ERR min or max not valid string range item")
)

// zrangeKind says what the ends of a range are.
type zrangeKind uint8

const (
	byRank zrangeKind = iota
	byScore
	byLex
)

// zrange is a range of a sorted set.
type zrange struct {
	kind     zrangeKind
	from, to int64      // ranks, with both ends
	low      scoreBound // scores
	high     scoreBound
	lexLow   lexBound
	lexHigh  lexBound
}

// scoreBound is an end of a range of scores.
type scoreBound struct {
	score     float64
	exclusive bool
}

// lexBound is an end of a range of byte strings.
type lexBound struct {
	member    []byte
	exclusive bool
	infinite  int8 // -1: before all, 1: behind all
}

// zrange reads the ends of a range.
func (c *Call) zrange(kind zrangeKind, low, high int) (r zrange, err error) {
	r.kind = kind
	switch kind {
	case byRank:
		if r.from, err = c.Number(low); err == nil {
			r.to, err = c.Number(high)
		}
		return r, err
	case byScore:
		var ok, ok2 bool
		r.low, ok = parseScoreBound(c.Args[low])
		r.high, ok2 = parseScoreBound(c.Args[high])
		if !ok || !ok2 {
			return r, errScoreRange
		}
	case byLex:
		var ok, ok2 bool
		r.lexLow, ok = parseLexBound(c.Args[low])
		r.lexHigh, ok2 = parseLexBound(c.Args[high])
		if !ok || !ok2 {
			return r, errLexRange
		}
	}
	return r, nil
}

// in returns the ranks of the range in a set, [from, to).
func (r *zrange) in(z keyspace.ZSetRef) (from, to int) {
	switch r.kind {
	case byScore:
		from = z.RankOfScore(r.low.score, r.low.exclusive)
		to = z.RankOfScore(r.high.score, !r.high.exclusive)
	case byLex:
		from, to = r.lexLow.rank(z, false), r.lexHigh.rank(z, true)
	default:
		return ranks(r.from, r.to, z.Len())
	}
	return from, max(from, to)
}

// ranks turns two ends, of which negative ones count from the end, into [from, to) of n.
func ranks(first, last int64, n int) (from, to int) {
	if first < 0 {
		first = max(0, first+int64(n))
	}
	if last < 0 {
		last += int64(n)
	}
	last = min(last, int64(n)-1)
	if first > last {
		return 0, 0
	}
	return int(first), int(last) + 1
}

func (b *lexBound) rank(z keyspace.ZSetRef, isEnd bool) int {
	switch {
	case b.infinite < 0:
		return 0
	case b.infinite > 0:
		return z.Len()
	}
	return z.RankOfMember(b.member, isEnd != b.exclusive)
}

// parseScoreBound reads an end of a range of scores, as the C library reads a number: space
// before it is skipped, an empty text is 0, a zero byte ends it.
func parseScoreBound(b []byte) (bound scoreBound, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		bound.exclusive = true
		b = b[1:]
	}
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	if len(b) == 0 {
		return bound, true
	}
	bound.score, ok = parseC(bytes.TrimLeft(b, " \t\n\v\f\r"))
	return bound, ok
}

// parseLexBound reads an end of a range of byte strings.
func parseLexBound(b []byte) (bound lexBound, ok bool) {
	switch {
	case len(b) == 0:
		return bound, false
	case b[0] == '(', b[0] == '[':
		return lexBound{member: b[1:], exclusive: b[0] == '('}, true
	case len(b) > 1 && b[1] != 0:
		return bound, false
	case b[0] == '-':
		return lexBound{infinite: -1}, true
	case b[0] == '+':
		return lexBound{infinite: 1}, true
	}
	return bound, false
}

// parseScore reads a score or a weight: a number that a float64 can hold, or an infinity.
func parseScore(b []byte) (float64, bool) {
	if n, ok := resp.ParseInt(b); ok && n > -1<<53 && n < 1<<53 {
		return float64(n), true
	}
	score, ok := parseC(b)
	switch {
	case !ok:
		return 0, false
	case math.IsInf(score, 0): // by name, not because it is too large
		return score, bytes.IndexAny(b, "0123456789") < 0
	case score == 0: // not because it is too small
		digits, _, _ := bytes.Cut(bytes.ToLower(b), []byte("e"))
		return score, isHexFloat(b) || bytes.IndexAny(digits, "123456789") < 0
	}
	return score, true
}

// parseC reads a number, and nothing else, as the C library does. Too large ones are
// infinite. NaN is refused.
func parseC(b []byte) (float64, bool) {
	if len(b) == 0 || bytes.IndexByte(b, '_') >= 0 {
		return 0, false
	}
	text := textOf(b)
	if isHexFloat(b) && bytes.IndexAny(b, "pP") < 0 {
		text = string(b) + "p0" // Go wants an exponent
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, false
	}
	return f, true
}

func cmdZCount(c *Call, tx *keyspace.Tx) error    { return c.countRange(tx, byScore) }
func cmdZLexCount(c *Call, tx *keyspace.Tx) error { return c.countRange(tx, byLex) }

func (c *Call) countRange(tx *keyspace.Tx, kind zrangeKind) error {
	r, err := c.zrange(kind, 2, 3)
	if err != nil {
		return err
	}
	z, err := readZSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	from, to := r.in(z)
	c.Out.Int(int64(to - from))
	return nil
}

func cmdZRemRangeByRank(c *Call, tx *keyspace.Tx) error  { return c.removeRange(tx, byRank) }
func cmdZRemRangeByScore(c *Call, tx *keyspace.Tx) error { return c.removeRange(tx, byScore) }
func cmdZRemRangeByLex(c *Call, tx *keyspace.Tx) error   { return c.removeRange(tx, byLex) }

func (c *Call) removeRange(tx *keyspace.Tx, kind zrangeKind) error {
	r, err := c.zrange(kind, 2, 3)
	if err != nil {
		return err
	}
	z, err := tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	from, to := r.in(z)
	if to > from && to-from == z.Len() { // no matter how many
		tx.Delete(c.Args[1])
		notifyLeft(tx, keyspace.ZSetEvents, c.Cmd.Name, c.Args[1], 0)
		c.Out.Int(int64(to))
		return nil
	}
	for range to - from {
		member, _, _ := z.At(from)
		z.Remove(member)
	}
	if to > from {
		tx.Notify(keyspace.ZSetEvents, c.Cmd.Name, c.Args[1])
	}
	c.Out.Int(int64(to - from))
	return nil
}
