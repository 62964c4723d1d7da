package commands

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ZSetAlgebraGroup is the commands that make one sorted set of several.
var ZSetAlgebraGroup = []Command{
	{Name: "zunion", Arity: -3, Flags: ReadOnly | MovableKeys, Counted: 1, Group: "sorted-set", Since: "6.2.0",
		KeyFlags: "RO access", Summary: "Returns the members of any of several sorted sets.", Tx: cmdZUnion},
	{Name: "zinter", Arity: -3, Flags: ReadOnly | MovableKeys, Counted: 1, Group: "sorted-set", Since: "6.2.0",
		KeyFlags: "RO access", Summary: "Returns the members of all of several sorted sets.", Tx: cmdZInter},
	{Name: "zdiff", Arity: -3, Flags: ReadOnly | MovableKeys, Counted: 1, Group: "sorted-set", Since: "6.2.0",
		KeyFlags: "RO access", Summary: "Returns the members of the first of several sorted sets that no other has.",
		Tx: cmdZDiff},
	{Name: "zunionstore", Arity: -4, Flags: Write | DenyOOM | MovableKeys, Keys: OneKey, Counted: 2,
		Group: "sorted-set", Since: "2.0.0", KeyFlags: "OW update,RO access",
		Summary: "Stores the members of any of several sorted sets.", Tx: cmdZUnionStore},
	{Name: "zinterstore", Arity: -4, Flags: Write | DenyOOM | MovableKeys, Keys: OneKey, Counted: 2,
		Group: "sorted-set", Since: "2.0.0", KeyFlags: "OW update,RO access",
		Summary: "Stores the members of all of several sorted sets.", Tx: cmdZInterStore},
	{Name: "zdiffstore", Arity: -4, Flags: Write | DenyOOM | MovableKeys, Keys: OneKey, Counted: 2,
		Group: "sorted-set", Since: "6.2.0", KeyFlags: "OW update,RO access",
		Summary: "Stores the members of the first of several sorted sets that no other has.", Tx: cmdZDiffStore},
	{Name: "zintercard", Arity: -3, Flags: ReadOnly | MovableKeys, Counted: 1, Group: "sorted-set",
		Since: "7.0.0", KeyFlags: "RO access", Summary: "Counts the members of all of several sorted sets.",
		Tx: cmdZInterCard},
}

const errWeight = ReplyError("ERR weight value is not a float")

func errInputKeys(cmd string) error {
	return ReplyError("ERR at least 1 input key is needed for '" + cmd + "' command")
}

// zsetAlgebra is how a command combines sets.
type zsetAlgebra struct {
	union, diff bool // neither: intersection
	store       bool // the first argument is the key of the result
	count       bool // only the number of members is wanted
}

// zsetQuery is what such a command asks for.
type zsetQuery struct {
	zsetAlgebra
	inputs     []input
	aggregate  func(a, b float64) float64
	withScores bool
	limit      int64
}

// input is a set, sorted or not, whose scores are multiplied by a weight.
type input struct {
	key    []byte
	zset   keyspace.ZSetRef
	set    keyspace.SetRef // counts if plain; each member's score is 1
	plain  bool
	size   int
	weight float64
}

func cmdZUnion(c *Call, tx *keyspace.Tx) error { return c.zcombine(tx, zsetAlgebra{union: true}) }
func cmdZInter(c *Call, tx *keyspace.Tx) error { return c.zcombine(tx, zsetAlgebra{}) }
func cmdZDiff(c *Call, tx *keyspace.Tx) error  { return c.zcombine(tx, zsetAlgebra{diff: true}) }

func cmdZUnionStore(c *Call, tx *keyspace.Tx) error {
	return c.zcombine(tx, zsetAlgebra{union: true, store: true})
}
func cmdZInterStore(c *Call, tx *keyspace.Tx) error { return c.zcombine(tx, zsetAlgebra{store: true}) }

func cmdZDiffStore(c *Call, tx *keyspace.Tx) error {
	return c.zcombine(tx, zsetAlgebra{diff: true, store: true})
}
func cmdZInterCard(c *Call, tx *keyspace.Tx) error { return c.zcombine(tx, zsetAlgebra{count: true}) }

func (c *Call) zcombine(tx *keyspace.Tx, form zsetAlgebra) error {
	q := zsetQuery{zsetAlgebra: form, aggregate: sumScores}
	if err := c.zsetQuery(tx, &q); err != nil {
		return err
	}
	if !q.diff {
		slices.SortStableFunc(q.inputs, func(a, b input) int { return cmp.Compare(a.size, b.size) })
	}
	if q.count {
		c.Out.Int(q.countCommon())
		return nil
	}
	var result scoredMembers
	switch {
	case q.union:
		q.unite(&result)
	case q.diff:
		q.subtract(&result)
	default:
		q.intersect(func(member []byte, score float64) bool { result.add(member, score); return true })
	}
	result.sort()
	if q.store {
		return c.storeScored(tx, c.Args[1], &result, c.Cmd.Name)
	}
	if len(result.list) > manyParts {
		c.Later = func() error { return c.replyScored(result.list, q.withScores) }
		return nil
	}
	return c.replyScored(result.list, q.withScores)
}

func (c *Call) replyScored(list []scoredMember, withScores bool) error {
	c.scoredArray(len(list), withScores)
	for _, m := range list {
		if c.scored(m.member, m.score, withScores); !c.More() {
			return ErrReplyTooBig
		}
	}
	return nil
}

// zsetQuery reads the arguments and opens the inputs, in the order in which Redis finds
// mistakes.
func (c *Call) zsetQuery(tx *keyspace.Tx, q *zsetQuery) error {
	at := 1 + btoi(q.store)
	numkeys, err := c.Number(at)
	switch {
	case err != nil:
		return err
	case numkeys < 1:
		return errInputKeys(c.Cmd.Name)
	case numkeys > int64(len(c.Args)-at-1):
		return ErrSyntax
	}
	next := at + 1 + int(numkeys)
	for _, key := range c.Args[at+1 : next] {
		in, err := openInput(tx, key)
		if err != nil {
			return err
		}
		q.inputs = append(q.inputs, in)
	}
	return c.zsetAlgebraOptions(next, q)
}

func openInput(tx *keyspace.Tx, key []byte) (in input, err error) {
	in = input{key: key, weight: 1}
	in.zset, err = readZSet(tx, key)
	if in.plain = errors.Is(err, keyspace.ErrWrongType); in.plain {
		if in.set, err = tx.Set(key); err == nil {
			in.size = in.set.Len()
		}
		return in, err
	}
	if err == nil {
		in.size = in.zset.Len()
	}
	return in, err
}

func (c *Call) zsetAlgebraOptions(next int, q *zsetQuery) error {
	for next < len(c.Args) {
		left := len(c.Args) - next
		switch {
		case !q.diff && !q.count && left > len(q.inputs) && c.Word(next, "WEIGHTS"):
			for i := range q.inputs {
				weight, ok := parseScore(c.Args[next+1+i])
				if !ok {
					return errWeight
				}
				q.inputs[i].weight = weight
			}
			next += 1 + len(q.inputs)
		case !q.diff && !q.count && left >= 2 && c.Word(next, "AGGREGATE"):
			if q.aggregate = c.aggregate(next + 1); q.aggregate == nil {
				return ErrSyntax
			}
			next += 2
		case !q.store && !q.count && c.Word(next, "WITHSCORES"):
			q.withScores = true
			next++
		case q.count && left >= 2 && c.Word(next, "LIMIT"):
			var err error
			if q.limit, err = c.NumberIn(next+1, 0, math.MaxInt64, errNegativeLimit); err != nil {
				return err
			}
			next += 2
		default:
			return ErrSyntax
		}
	}
	return nil
}

// aggregate returns the function with a name, nil if there is none.
func (c *Call) aggregate(i int) func(a, b float64) float64 {
	switch {
	case c.Word(i, "SUM"):
		return sumScores
	case c.Word(i, "MIN"):
		return minScore
	case c.Word(i, "MAX"):
		return maxScore
	}
	return nil
}

// sumScores adds; the sum of both infinities is 0.
func sumScores(a, b float64) float64 { return zeroNaN(a + b) }

func minScore(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func maxScore(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

func zeroNaN(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// each visits the members with their scores before the weight, until visit returns false.
func (in *input) each(visit func(member []byte, score float64) bool) {
	if !in.plain {
		in.zset.All()(visit)
		return
	}
	for member := range in.set.All() {
		if !visit(member, 1) {
			return
		}
	}
}

func (in *input) score(member []byte) (score float64, ok bool) {
	if in.plain {
		return 1, in.set.Has(member)
	}
	return in.zset.Score(member)
}

// intersect visits the members that all inputs have, until visit returns false.
func (q *zsetQuery) intersect(visit func(member []byte, score float64) bool) {
	smallest := &q.inputs[0]
	smallest.each(func(member []byte, score float64) bool {
		sum := zeroNaN(score * smallest.weight)
		for i := range q.inputs[1:] {
			in := &q.inputs[1+i]
			other, ok := in.score(member)
			if !ok {
				return true
			}
			sum = q.aggregate(sum, other*in.weight)
		}
		return visit(member, sum)
	})
}

// countCommon counts the members that all inputs have, up to the limit.
func (q *zsetQuery) countCommon() (n int64) {
	q.intersect(func([]byte, float64) bool {
		n++
		return n != q.limit
	})
	return n
}

func (q *zsetQuery) unite(result *scoredMembers) {
	found := make(map[string]int, q.inputs[len(q.inputs)-1].size)
	for i := range q.inputs {
		in := &q.inputs[i]
		in.each(func(member []byte, score float64) bool {
			score = zeroNaN(score * in.weight)
			if at, ok := found[string(member)]; ok {
				result.list[at].score = q.aggregate(result.list[at].score, score)
				return true
			}
			copied := result.add(member, score)
			found[textOf(copied)] = len(result.list) - 1
			return true
		})
	}
}

func (q *zsetQuery) subtract(result *scoredMembers) {
	q.inputs[0].each(func(member []byte, score float64) bool {
		for i := range q.inputs[1:] {
			if _, ok := q.inputs[1+i].score(member); ok {
				return true
			}
		}
		result.add(member, score)
		return true
	})
}

// scoredMembers are members that do not alias the store.
type scoredMembers struct {
	list []scoredMember
	buf  []byte // the members; a full one is replaced
}

type scoredMember struct {
	member []byte
	score  float64
}

// add appends a copy of a member, and returns it.
func (s *scoredMembers) add(member []byte, score float64) []byte {
	if cap(s.buf)-len(s.buf) < len(member) {
		s.buf = make([]byte, 0, max(len(member), min(2*cap(s.buf), 64<<10), 512))
	}
	start := len(s.buf)
	s.buf = append(s.buf, member...)
	copied := s.buf[start:len(s.buf):len(s.buf)]
	s.list = append(s.list, scoredMember{copied, score})
	return copied
}

func (s *scoredMembers) sort() {
	slices.SortFunc(s.list, func(a, b scoredMember) int {
		return cmp.Or(cmp.Compare(a.score, b.score), bytes.Compare(a.member, b.member))
	})
}

// storeScored makes members the value of a key, whatever that was before, and replies with
// their number.
func (c *Call) storeScored(tx *keyspace.Tx, key []byte, result *scoredMembers, event string) error {
	z, err := keyspace.NewCollection(keyspace.ZSet)
	if err != nil {
		return err
	}
	compact := result.isCompact(c.Node.Store.Encodings())
	var score [8]byte
	for _, m := range result.list {
		if m.score == 0 && compact {
			m.score = 0 // Redis' compact encoding has no -0
		}
		binary.BigEndian.PutUint64(score[:], math.Float64bits(m.score))
		if _, err := z.Set(m.member, score[:], 0); err != nil {
			return err
		}
	}
	c.Out.Int(int64(len(result.list)))
	return putResult(tx, key, z, keyspace.ZSetEvents, event)
}

func (s *scoredMembers) isCompact(limits keyspace.Encodings) bool {
	return len(s.list) <= limits.ZSetEntries &&
		!slices.ContainsFunc(s.list, func(m scoredMember) bool { return len(m.member) > limits.ZSetValue })
}
