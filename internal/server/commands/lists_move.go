package commands

import (
	"bytes"
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ListMoveGroup is the commands that take elements from one of several lists.
var ListMoveGroup = []Command{
	{Name: "lmove", Arity: 5, Flags: Write | DenyOOM | Quick, Keys: TwoKeys, Group: "list", Since: "6.2.0",
		KeyFlags: "RW access delete,RW insert", Summary: "Moves an element from one list to another.",
		Tx: cmdLMove},
	{Name: "rpoplpush", Arity: 3, Flags: Write | DenyOOM | Quick, Keys: TwoKeys, Group: "list", Since: "1.2.0",
		KeyFlags: "RW access delete,RW insert", Summary: "Moves the last element of a list to the front of another.",
		Tx: cmdRPopLPush},
	{Name: "lmpop", Arity: -4, Flags: Write | MovableKeys, Counted: 1, Group: "list", Since: "7.0.0",
		KeyFlags: "RW access delete", Summary: "Removes elements of the first list that has some.", Tx: cmdLMPop},
}

const errCountZero = ReplyError("ERR count should be greater than 0")

func cmdLMove(c *Call, tx *keyspace.Tx) error {
	from, err := c.listEndIn(3)
	if err != nil {
		return err
	}
	to, err := c.listEndIn(4)
	if err != nil {
		return err
	}
	return c.moveElement(tx, from, to)
}

func cmdRPopLPush(c *Call, tx *keyspace.Tx) error { return c.moveElement(tx, right, left) }

// moveElement moves an element between the lists of the first two arguments and replies
// with it, or with null if there is none.
func (c *Call) moveElement(tx *keyspace.Tx, from, to listEnd) error {
	v, ok, err := moveElement(tx, c.Args[1], c.Args[2], from, to)
	switch {
	case err != nil:
		return err
	case ok:
		c.Out.Bulk(v)
	default:
		c.Out.Null()
	}
	return nil
}

// moveElement moves an element from an end of one list to an end of another, which may be
// the same. ok is false if there is none; then the type of the other key does not matter.
func moveElement(tx *keyspace.Tx, source, target []byte, from, to listEnd) (v []byte, ok bool, err error) {
	l, err := tx.List(source)
	if err != nil || l.Len() == 0 {
		return nil, false, err
	}
	other, err := tx.List(target)
	if err != nil {
		return nil, false, err
	}
	if l.Len() == 1 && bytes.Equal(source, target) { // the key and its expiry stay
		v, _ = l.At(0)
		err = l.Set(0, v)
	} else {
		v, _ = from.pop(l)
		err = to.push(other, v)
	}
	tx.Notify(keyspace.ListEvents, to.pushEvent(), target)
	notifyTaken(tx, keyspace.ListEvents, from.popEvent(), source, l)
	return v, true, err
}

// multiPop is what LMPOP takes, from the argument numkeys on.
type multiPop struct {
	keys  [][]byte
	end   listEnd
	count int64
}

// multiPop reads the arguments of LMPOP and BLMPOP from numkeys on, which is argument at.
func (c *Call) multiPop(at int) (m multiPop, err error) {
	n, err := c.NumberIn(at, 1, math.MaxInt64, errNumKeys)
	if err != nil {
		return m, err
	}
	if n >= int64(len(c.Args)-at-1) {
		return m, ErrSyntax
	}
	where := at + 1 + int(n)
	m.keys, m.count = c.Args[at+1:where], 1
	if m.end, err = c.listEndIn(where); err != nil {
		return m, err
	}
	if len(c.Args) == where+1 {
		return m, nil
	}
	if !c.Word(where+1, "COUNT") || len(c.Args) == where+2 {
		return m, ErrSyntax
	}
	m.count, err = c.NumberIn(where+2, 1, math.MaxInt64, errCountZero)
	if err == nil && len(c.Args) > where+3 {
		err = ErrSyntax
	}
	return m, err
}

// pop removes elements of the first list that has some, and replies with its key and
// them. found is false, and there is no reply, if no list has any.
func (m *multiPop) pop(c *Call, tx *keyspace.Tx, keys [][]byte) (found bool, err error) {
	for _, key := range keys {
		l, err := tx.List(key)
		if err != nil {
			return false, err
		}
		if l.Len() > 0 {
			c.Out.Array(2)
			c.Out.Bulk(key)
			return true, c.popArray(tx, key, l, m.end, m.count)
		}
	}
	return false, nil
}

func cmdLMPop(c *Call, tx *keyspace.Tx) error {
	m, err := c.multiPop(1)
	if err != nil {
		return err
	}
	found, err := m.pop(c, tx, m.keys)
	if err == nil && !found {
		c.Out.NullArray()
	}
	return err
}
