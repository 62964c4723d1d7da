package commands

import "github.com/slotmesh/slotmesh/keyspace"

// ListGroup is the commands on the ends of lists, and those that read them.
var ListGroup = []Command{
	{Name: "lpush", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RW insert", Summary: "Adds elements before the first one of a list.", Tx: cmdLPush},
	{Name: "rpush", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RW insert", Summary: "Adds elements after the last one of a list.", Tx: cmdRPush},
	{Name: "lpushx", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "list", Since: "2.2.0",
		KeyFlags: "RW insert", Summary: "Is LPUSH for a list that is there.", Tx: cmdLPushX},
	{Name: "rpushx", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "list", Since: "2.2.0",
		KeyFlags: "RW insert", Summary: "Is RPUSH for a list that is there.", Tx: cmdRPushX},
	{Name: "lpop", Arity: -2, Flags: Write | Fast, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RW access delete", Summary: "Removes the first elements of a list and returns them.",
		Tx: cmdLPop},
	{Name: "rpop", Arity: -2, Flags: Write | Fast, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RW access delete", Summary: "Removes the last elements of a list and returns them.",
		Tx: cmdRPop},
	{Name: "llen", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RO", Summary: "Returns the number of elements of a list.", Tx: cmdLLen},
	{Name: "lindex", Arity: 3, Flags: ReadOnly | Quick, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RO access", Summary: "Returns the element with an index.", Tx: cmdLIndex},
	{Name: "lrange", Arity: 4, Flags: ReadOnly, Keys: OneKey, Group: "list", Since: "1.0.0",
		KeyFlags: "RO access", Summary: "Returns the elements with a range of indexes.", Tx: cmdLRange},
}

// listEnd is an end of a list.
type listEnd int

const (
	left listEnd = iota
	right
)

// listEndIn reads an argument that is LEFT or RIGHT.
func (c *Call) listEndIn(i int) (listEnd, error) {
	switch {
	case c.Word(i, "LEFT"):
		return left, nil
	case c.Word(i, "RIGHT"):
		return right, nil
	}
	return 0, ErrSyntax
}

func (e listEnd) push(l keyspace.ListRef, v []byte) error {
	if e == left {
		return l.PushFront(v)
	}
	return l.PushBack(v)
}

func (e listEnd) pop(l keyspace.ListRef) (v []byte, ok bool) {
	if e == left {
		return l.PopFront()
	}
	return l.PopBack()
}

// pushEvent and popEvent name what happens at the end.
func (e listEnd) pushEvent() string {
	if e == left {
		return "lpush"
	}
	return "rpush"
}

func (e listEnd) popEvent() string {
	if e == left {
		return "lpop"
	}
	return "rpop"
}

func cmdLPush(c *Call, tx *keyspace.Tx) error  { return c.push(tx, left, false) }
func cmdRPush(c *Call, tx *keyspace.Tx) error  { return c.push(tx, right, false) }
func cmdLPushX(c *Call, tx *keyspace.Tx) error { return c.push(tx, left, true) }
func cmdRPushX(c *Call, tx *keyspace.Tx) error { return c.push(tx, right, true) }

// push adds the arguments at an end, one by one; present asks for a list that is there.
func (c *Call) push(tx *keyspace.Tx, end listEnd, present bool) error {
	l, err := tx.List(c.Args[1])
	if err != nil {
		return err
	}
	if present && l.Len() == 0 {
		c.Out.Int(0)
		return nil
	}
	for _, v := range c.Args[2:] {
		if err := end.push(l, v); err != nil {
			return err
		}
	}
	tx.Notify(keyspace.ListEvents, end.pushEvent(), c.Args[1])
	c.Out.Int(int64(l.Len()))
	return nil
}

func cmdLPop(c *Call, tx *keyspace.Tx) error { return c.pop(tx, left) }
func cmdRPop(c *Call, tx *keyspace.Tx) error { return c.pop(tx, right) }

func (c *Call) pop(tx *keyspace.Tx, end listEnd) error {
	if len(c.Args) > 3 {
		return ErrArity(c.Cmd)
	}
	counted, count := len(c.Args) == 3, int64(1)
	if counted {
		var err error
		if count, err = c.positive(2); err != nil {
			return err
		}
	}
	l, err := tx.List(c.Args[1])
	switch {
	case err != nil:
		return err
	case counted && l.Len() == 0:
		c.Out.NullArray()
	case counted:
		return c.popArray(tx, c.Args[1], l, end, count)
	default:
		if v, ok := end.pop(l); ok {
			c.Out.Bulk(v)
			notifyTaken(tx, keyspace.ListEvents, end.popEvent(), c.Args[1], l)
		} else {
			c.Out.Null()
		}
	}
	return nil
}

// popArray removes up to count elements and replies with an array of them, those at the
// end first.
func (c *Call) popArray(tx *keyspace.Tx, key []byte, l keyspace.ListRef, end listEnd, count int64) error {
	n := int(min(count, int64(l.Len())))
	from := 0
	if end == right {
		from = l.Len() - n
	}
	if err := c.elements(l, end, n); err != nil {
		return err
	}
	if l.Remove(from, from+n); n > 0 {
		notifyTaken(tx, keyspace.ListEvents, end.popEvent(), key, l)
	}
	return nil
}

// elements replies with an array of n elements from an end on.
func (c *Call) elements(l keyspace.ListRef, end listEnd, n int) error {
	if end == left {
		return c.listRange(l, 0, n)
	}
	c.Out.Array(n)
	for _, v := range l.Down(l.Len() - 1) {
		if n--; n < 0 {
			break
		}
		if c.Out.Bulk(v); len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
	}
	return nil
}

// listRange replies with an array of the elements [from, to).
func (c *Call) listRange(l keyspace.ListRef, from, to int) error {
	c.Out.Array(to - from)
	if from == to {
		return nil
	}
	for i, v := range l.From(from) {
		if c.Out.Bulk(v); !c.More() {
			return ErrReplyTooBig
		}
		if i+1 == to {
			break
		}
	}
	return nil
}

func cmdLLen(c *Call, tx *keyspace.Tx) error {
	l, err := readList(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(l.Len()))
	return nil
}

func cmdLIndex(c *Call, tx *keyspace.Tx) error {
	l, err := readList(tx, c.Args[1])
	if err != nil {
		return err
	}
	if l.Len() == 0 {
		c.Out.Null()
		return nil
	}
	i, err := c.index(2, l.Len())
	if err != nil {
		return err
	}
	if v, ok := l.At(i); ok {
		c.Out.Bulk(v)
	} else {
		c.Out.Null()
	}
	return nil
}

// index reads an index of a list of n elements, negative from the end; -1 stands for one
// that is not there.
func (c *Call) index(arg, n int) (int, error) {
	i, err := c.Number(arg)
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		i = -1
	}
	return int(i), err
}

func cmdLRange(c *Call, tx *keyspace.Tx) error {
	from, to, err := c.indexRange()
	if err != nil {
		return err
	}
	l, err := readList(tx, c.Args[1])
	if err != nil {
		return err
	}
	first, end := rangeOf(l.Len(), from, to)
	if end-first > manyParts {
		return replyFrom(c, l, end-first, func(c *Call, l keyspace.ListRef) error {
			return c.listRange(l, first, end)
		})
	}
	return c.listRange(l, first, end)
}

// indexRange reads the arguments 2 and 3, the first index and the last.
func (c *Call) indexRange() (from, to int64, err error) {
	if from, err = c.Number(2); err != nil {
		return 0, 0, err
	}
	to, err = c.Number(3)
	return from, to, err
}

// rangeOf returns the part [first, end) of n elements that two indexes enclose, which are
// negative if they count from the end.
func rangeOf(n int, from, to int64) (first, end int) {
	if from < 0 {
		from = max(0, from+int64(n))
	}
	if to < 0 {
		to += int64(n)
	}
	to = min(to, int64(n)-1)
	if from > to {
		return 0, 0
	}
	return int(from), int(to) + 1
}
