package commands

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/internal/dump"
	"github.com/slotmesh/slotmesh/keyspace"
)

// SortGroup is SORT and SORT_RO.
var SortGroup = []Command{
	{Name: "sort", Arity: -2, Flags: Write | DenyOOM | MovableKeys | Dangerous, Keys: OneKey, StoreKey: sortStoreKey,
		Group: "generic", Since: "1.0.0", Category: "set sortedset list",
		KeyFlags: "RO access,?RO access,?OW update",
		Summary:  "Sorts a list, a set or a sorted set, and stores the result if asked to.",
		Tx:       cmdSort, After: replySorted},
	{Name: "sort_ro", Arity: -2, Flags: ReadOnly | MovableKeys | Dangerous, Keys: OneKey, Group: "generic",
		Since: "7.0.0", Category: "set sortedset list", KeyFlags: "RO access,?RO access",
		Summary: "Sorts a list, a set or a sorted set.", Tx: cmdSort, After: replySorted},
}

// sortStoreKey finds the key that SORT stores to: that of the last STORE.
func sortStoreKey(args [][]byte) (at int) {
	for i := 2; i < len(args); i++ {
		switch {
		case IsWord(args[i], "LIMIT"):
			i += 2
		case IsWord(args[i], "GET"), IsWord(args[i], "BY"):
			i++
		case IsWord(args[i], "STORE") && i+1 < len(args):
			i++
			at = i
		}
	}
	return at
}

// sortOptions are what follows the key of SORT.
type sortOptions struct {
	descending, alpha bool
	unsorted          bool   // BY names no pattern: the order stays as it is
	by                []byte // nil: elements are compared by themselves
	get               [][]byte
	start, count      int64 // count < 0: all
	store             []byte
}

func (c *Call) sortOptions() (o sortOptions, err error) {
	o.count = -1
	for i := 2; i < len(c.Args); i++ {
		more := len(c.Args) - i - 1
		switch {
		case c.Word(i, "ASC"):
			o.descending = false
		case c.Word(i, "DESC"):
			o.descending = true
		case c.Word(i, "ALPHA"):
			o.alpha = true
		case c.Word(i, "LIMIT") && more >= 2:
			if o.start, err = c.Number(i + 1); err == nil {
				o.count, err = c.Number(i + 2)
			}
			i += 2
		case c.Word(i, "STORE") && more >= 1 && c.Cmd.Has(Write):
			i++
			o.store = c.Args[i]
		case c.Word(i, "BY") && more >= 1:
			i++
			o.by = c.Args[i]
			if bytes.IndexByte(o.by, '*') < 0 {
				o.unsorted = true
			} else {
				err = c.mayFollow("BY")
			}
		case c.Word(i, "GET") && more >= 1:
			i++
			o.get = append(o.get, c.Args[i])
			err = c.mayFollow("GET")
		default:
			err = ErrSyntax
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// keyReader is a client of which is known whether it may read all keys.
type keyReader interface{ MayReadAllKeys(*Command) bool }

// mayFollow refuses an option of SORT that reads keys whose names depend on what is sorted:
// in a cluster they may be anywhere, and the client may have no right to them.
func (c *Call) mayFollow(option string) error {
	if !c.Node.Standalone() {
		return ReplyError("ERR " + option + " option of SORT denied in Cluster mode.")
	}
	if client, ok := c.Client.(keyReader); ok && !client.MayReadAllKeys(c.Cmd) {
		return ReplyError("ERR " + option + " option of SORT denied due to insufficient ACL permissions.")
	}
	return nil
}

// sorting is a SORT whose elements are read and sorted without the slot's lock.
type sorting struct {
	wanted bool
	sortOptions
	snapshot keyspace.Snapshot
}

func cmdSort(c *Call, tx *keyspace.Tx) error {
	c.sorting = sorting{}
	opt, err := c.sortOptions()
	if err != nil {
		return err
	}
	snapshot, ok := tx.Snapshot(c.Args[1])
	if !ok {
		missed(tx, c.Args[1])
	}
	if typ := snapshot.Entry().Type; ok && typ != keyspace.List && typ != keyspace.Set && typ != keyspace.ZSet {
		return errWrongType
	}
	s := sorting{ok, opt, snapshot}
	if opt.store == nil && len(opt.get) == 0 && (opt.by == nil || opt.unsorted) {
		if c.sorting = s; !ok {
			c.Out.Array(0)
		}
		return nil
	}
	var sorted [][]byte
	if ok {
		if sorted, err = s.sort(tx); err != nil {
			return err
		}
	}
	if opt.store != nil {
		return c.storeSorted(tx, &s, sorted)
	}
	c.Out.Array(len(sorted) * max(1, len(opt.get)))
	return s.outputs(tx, sorted, func(value []byte, there bool) error {
		if there {
			c.Out.Bulk(value)
		} else {
			c.Out.Null()
		}
		if len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
		return nil
	})
}

// replySorted replies to a SORT that reads no other key.
func replySorted(c *Call) error {
	s := c.sorting
	if !s.wanted {
		return nil
	}
	c.sorting = sorting{}
	sorted, err := s.sort(nil)
	if err != nil {
		return err
	}
	c.Out.Array(len(sorted))
	for _, element := range sorted {
		if c.Out.Bulk(element); len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
	}
	return nil
}

// storeSorted makes the result a list, or deletes the key if there is none.
func (c *Call) storeSorted(tx *keyspace.Tx, s *sorting, sorted [][]byte) error {
	list, err := keyspace.NewCollection(keyspace.List)
	if err != nil {
		return err
	}
	position := dump.FirstPosition
	var part [8]byte
	err = s.outputs(tx, sorted, func(value []byte, _ bool) error {
		_, err := list.Set(binary.BigEndian.AppendUint64(part[:0], position), value, 0)
		position++
		return err
	})
	if err != nil {
		return err
	}
	c.Out.Int(int64(list.Len()))
	return putResult(tx, s.store, list, keyspace.ListEvents, "sortstore")
}

// outputs calls fn for what is asked of each element: the element, or what GET names.
func (s *sorting) outputs(tx *keyspace.Tx, sorted [][]byte, fn func(value []byte, there bool) error) error {
	for _, element := range sorted {
		if len(s.get) == 0 {
			if err := fn(element, true); err != nil {
				return err
			}
		}
		for _, pattern := range s.get {
			value, ok := followPattern(tx, pattern, element)
			if err := fn(value, ok); err != nil {
				return err
			}
		}
	}
	return nil
}

// followPattern returns what a pattern of GET or BY stands for with an element: the value
// of the key that has the element in place of the *, or of a field, which follows "->".
func followPattern(tx *keyspace.Tx, pattern, element []byte) (value []byte, ok bool) {
	if string(pattern) == "#" {
		return element, true
	}
	before, after, ok := bytes.Cut(pattern, []byte("*"))
	if !ok {
		return nil, false
	}
	after, field, isHash := bytes.Cut(after, []byte("->"))
	if isHash && len(field) == 0 { // no field: it is part of the name
		after, isHash = pattern[len(before)+1:], false
	}
	key := slices.Concat(before, element, after)
	if isHash {
		h, err := readHash(tx, key)
		if err != nil {
			return nil, false
		}
		value, ok = h.Get(field)
		return bytes.Clone(value), ok
	}
	e, ok, err := readStr(tx, key)
	return bytes.Clone(e.Value), ok && err == nil
}

// window returns which of n elements LIMIT asks for.
func (o *sortOptions) window(n int) (from, to int) {
	length := int64(n)
	start := min(max(o.start, 0), length)
	if o.count < 0 {
		return int(start), n
	}
	return int(start), int(start + min(o.count, length-start))
}

// sortScore reads the number that an element is sorted by, as C's strtod does; an empty
// text is 0.
func sortScore(b []byte) (float64, bool) {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	if len(b) == 0 {
		return 0, true
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	if isHexFloat(b) && !bytes.ContainsAny(b, "pP") {
		b = append(bytes.Clone(b), "p0"...) // Go wants an exponent
	}
	f, ok := parseFloat(b)
	return f, ok && !(f != 0 && math.Abs(f) < 0x1p-1022) // which strtod calls out of range
}
