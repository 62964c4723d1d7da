package commands

import (
	"bytes"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ListEditGroup is the commands that find or change elements in the middle of lists.
var ListEditGroup = []Command{
	{Name: "linsert", Arity: 5, Flags: Write | DenyOOM, Keys: OneKey, Group: "list", Since: "2.2.0",
		KeyFlags: "RW insert", Summary: "Adds an element before or after another one.", Tx: cmdLInsert},
	{Name: "lset", Arity: 4, Flags: Write | DenyOOM | Quick, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RW update", Summary: "Sets the element with an index.", Tx: cmdLSet},
	{Name: "lrem", Arity: 4, Flags: Write, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RW delete", Summary: "Removes elements that are equal to something.", Tx: cmdLRem},
	{Name: "ltrim", Arity: 4, Flags: Write, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RW delete", Summary: "Removes all elements but a range of indexes.", Tx: cmdLTrim},
	{Name: "lpos", Arity: -3, Flags: ReadOnly, Keys: OneKey, Group: "list", Since: "6.0.6",
		KeyFlags: "RO access", Summary: "Returns the indexes of elements that are equal to something.",
		Tx: cmdLPos},
}

const (
	errIndexRange = ReplyError("ERR index out of range")
	errRankZero   = ReplyError("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
		"or use negative to start from the end of the list")
	errNegativeCount  = ReplyError("ERR COUNT can't be negative")
	errNegativeMaxLen = ReplyError("ERR MAXLEN can't be negative")
)

func cmdLInsert(c *Call, tx *keyspace.Tx) error {
	after := c.Word(2, "AFTER")
	if !after && !c.Word(2, "BEFORE") {
		return ErrSyntax
	}
	l, err := tx.List(c.Args[1])
	if err != nil {
		return err
	}
	if l.Len() == 0 {
		c.Out.Int(0)
		return nil
	}
	for i, is := range l.Matches(c.Args[3], 0) {
		if is {
			if err := l.Insert(i+btoi(after), c.Args[4]); err != nil {
				return err
			}
			tx.Notify(keyspace.ListEvents, "linsert", c.Args[1])
			c.Out.Int(int64(l.Len()))
			return nil
		}
	}
	c.Out.Int(-1)
	return nil
}

func cmdLSet(c *Call, tx *keyspace.Tx) error {
	l, err := tx.List(c.Args[1])
	if err != nil {
		return err
	}
	if l.Len() == 0 {
		return errNoKey
	}
	i, err := c.index(2, l.Len())
	if err != nil {
		return err
	}
	if i < 0 {
		return errIndexRange
	}
	if err := l.Set(i, c.Args[3]); err != nil {
		return err
	}
	tx.Notify(keyspace.ListEvents, "lset", c.Args[1])
	c.Out.OK()
	return nil
}

func cmdLRem(c *Call, tx *keyspace.Tx) error {
	count, err := c.Number(2)
	if err != nil {
		return err
	}
	l, err := tx.List(c.Args[1])
	if err != nil {
		return err
	}
	removed := removeMatches(l, c.Args[3], count)
	if removed > 0 {
		notifyTaken(tx, keyspace.ListEvents, "lrem", c.Args[1], l)
	}
	c.Out.Int(int64(removed))
	return nil
}

// removeMatches removes count elements that are v, the first ones or, if count is
// negative, the last ones; 0 means all. It returns how many they were.
func removeMatches(l keyspace.ListRef, v []byte, count int64) (removed int) {
	matches, most := l.Matches(v, 0), uint64(count)
	if count < 0 {
		matches, most = l.MatchesDown(v, l.Len()-1), -uint64(count)
	}
	var runs [][2]int // of elements side by side: [from, to)
	for i, is := range matches {
		if !is {
			continue
		}
		if n := len(runs) - 1; n >= 0 && runs[n][1] == i {
			runs[n][1]++
		} else if n >= 0 && runs[n][0] == i+1 {
			runs[n][0]--
		} else {
			runs = append(runs, [2]int{i, i + 1})
		}
		if removed++; uint64(removed) == most {
			break
		}
	}
	if count >= 0 {
		slices.Reverse(runs) // the last ones first, so that the indexes of others stay
	}
	for _, run := range runs {
		l.Remove(run[0], run[1])
	}
	return removed
}

func cmdLTrim(c *Call, tx *keyspace.Tx) error {
	from, to, err := c.indexRange()
	if err != nil {
		return err
	}
	l, err := tx.List(c.Args[1])
	if err != nil {
		return err
	}
	if n := l.Len(); n > 0 {
		first, end := rangeOf(n, from, to)
		l.Remove(end, n)
		l.Remove(0, first)
		notifyTaken(tx, keyspace.ListEvents, "ltrim", c.Args[1], l)
	}
	c.Out.OK()
	return nil
}

// search is what LPOS looks for.
type search struct {
	down    bool  // from the last element on
	rank    int64 // the first match that counts
	count   int64 // how many matches; 0: all
	many    bool  // COUNT was given: the reply is an array
	compare int64 // how many elements are compared; 0: all
}

func (c *Call) search() (s search, err error) {
	s.rank = 1
	for i := 3; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) {
			return s, ErrSyntax
		}
		switch {
		case c.Word(i, "RANK"):
			if s.rank, err = c.Number(i + 1); err == nil && s.rank == 0 {
				err = errRankZero
			}
		case c.Word(i, "COUNT"):
			s.many = true
			s.count, err = c.NumberIn(i+1, 0, math.MaxInt64, errNegativeCount)
		case c.Word(i, "MAXLEN"):
			s.compare, err = c.NumberIn(i+1, 0, math.MaxInt64, errNegativeMaxLen)
		default:
			err = ErrSyntax
		}
		if err != nil {
			return s, err
		}
	}
	if s.rank < 0 { // the lowest number stays what it is: then all matches count, as in Redis
		s.rank, s.down = -s.rank, true
	}
	return s, nil
}

func cmdLPos(c *Call, tx *keyspace.Tx) error {
	s, err := c.search()
	if err != nil {
		return err
	}
	l, err := readList(tx, c.Args[1])
	if err != nil {
		return err
	}
	if n := l.Len(); n <= manyCompared || s.compare > 0 && s.compare <= manyCompared {
		return c.positions(l, &s, c.Args[2])
	}
	l, v := l.Snapshot(), bytes.Clone(c.Args[2])
	c.Later = func() error { return c.positions(l, &s, v) }
	return nil
}

// manyCompared is how many elements LPOS compares under the slot's lock.
const manyCompared = 10_000

// positions replies with what a search for v finds.
func (c *Call) positions(l keyspace.ListRef, s *search, v []byte) error {
	if s.many {
		return c.deferred(c.Out.Array, func() (n int) {
			s.find(l, v, func(i int) bool {
				c.Out.Int(int64(i))
				n++
				return len(c.Out.B) <= c.MaxOutput
			})
			return n
		})
	}
	found := false
	s.find(l, v, func(i int) bool {
		found = true
		c.Out.Int(int64(i))
		return false
	})
	if !found {
		c.Out.Null()
	}
	return nil
}

// find visits the indexes of the matches until visit returns false.
func (s *search) find(l keyspace.ListRef, v []byte, visit func(i int) bool) {
	if l.Len() == 0 {
		return
	}
	matches := l.Matches(v, 0)
	if s.down {
		matches = l.MatchesDown(v, l.Len()-1)
	}
	compared, matched := int64(0), int64(0)
	for i, is := range matches {
		if is {
			matched++
			if matched >= s.rank && (!visit(i) || s.count > 0 && matched-s.rank+1 >= s.count) {
				return
			}
		}
		if compared++; compared == s.compare {
			return
		}
	}
}
