package commands

import (
	"cmp"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/keyspace"
)

// SetAlgebraGroup is the commands that compute with several sets.
var SetAlgebraGroup = []Command{
	{Name: "sinter", Arity: -2, Flags: ReadOnly, Keys: AllKeys, Group: "set", Since: "1.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output_order",
		Summary: "Returns the members that several sets have in common.", Tx: cmdSInter},
	{Name: "sintercard", Arity: -3, Flags: ReadOnly | MovableKeys, Counted: 1, Group: "set", Since: "7.0.0",
		KeyFlags: "RO access", Summary: "Returns how many members several sets have in common.",
		Tx: cmdSInterCard},
	{Name: "sinterstore", Arity: -3, Flags: Write | DenyOOM, Keys: AllKeys, Group: "set", Since: "1.0.0",
		KeyFlags: "RW update,RO access", Summary: "Stores the members that several sets have in common.",
		Tx: cmdSInterStore},
	{Name: "sunion", Arity: -2, Flags: ReadOnly, Keys: AllKeys, Group: "set", Since: "1.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output_order",
		Summary: "Returns the members of several sets.", Tx: cmdSUnion},
	{Name: "sunionstore", Arity: -3, Flags: Write | DenyOOM, Keys: AllKeys, Group: "set", Since: "1.0.0",
		KeyFlags: "OW update,RO access", Summary: "Stores the members of several sets.", Tx: cmdSUnionStore},
	{Name: "sdiff", Arity: -2, Flags: ReadOnly, Keys: AllKeys, Group: "set", Since: "1.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output_order",
		Summary: "Returns the members of a set that are in none of the others.", Tx: cmdSDiff},
	{Name: "sdiffstore", Arity: -3, Flags: Write | DenyOOM, Keys: AllKeys, Group: "set", Since: "1.0.0",
		KeyFlags: "OW update,RO access", Summary: "Stores the members of a set that are in none of the others.",
		Tx: cmdSDiffStore},
}

// combination yields the members that some sets come to, each once, until visit returns
// false.
type combination func(sets []keyspace.SetRef, visit func(member []byte) bool)

func cmdSInter(c *Call, tx *keyspace.Tx) error      { return c.combine(tx, intersection) }
func cmdSInterStore(c *Call, tx *keyspace.Tx) error { return c.combineAndStore(tx, intersection) }
func cmdSUnion(c *Call, tx *keyspace.Tx) error      { return c.combine(tx, union) }
func cmdSUnionStore(c *Call, tx *keyspace.Tx) error { return c.combineAndStore(tx, union) }
func cmdSDiff(c *Call, tx *keyspace.Tx) error       { return c.combine(tx, difference) }
func cmdSDiffStore(c *Call, tx *keyspace.Tx) error  { return c.combineAndStore(tx, difference) }

func openSets(tx *keyspace.Tx, keys [][]byte) ([]keyspace.SetRef, error) {
	sets := make([]keyspace.SetRef, len(keys))
	for i, key := range keys {
		var err error
		if sets[i], err = readSet(tx, key); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// combine replies with the members that the sets come to.
func (c *Call) combine(tx *keyspace.Tx, members combination) error {
	sets, err := openSets(tx, c.Args[1:])
	if err != nil {
		return err
	}
	total := 0
	for _, set := range sets {
		total += set.Len()
	}
	if total <= manyParts {
		return c.combined(sets, members)
	}
	for i := range sets {
		sets[i] = sets[i].Snapshot()
	}
	c.Later = func() error { return c.combined(sets, members) }
	return nil
}

func (c *Call) combined(sets []keyspace.SetRef, members combination) error {
	return c.deferred(c.Out.Set, func() (n int) {
		members(sets, func(member []byte) bool {
			c.Out.Bulk(member)
			n++
			return len(c.Out.B) <= c.MaxOutput
		})
		return n
	})
}

// combineAndStore makes the first key the set of the members that the others come to.
func (c *Call) combineAndStore(tx *keyspace.Tx, members combination) error {
	sets, err := openSets(tx, c.Args[2:])
	if err != nil {
		return err
	}
	var result memberList // a copy: the first key may be one of the others
	members(sets, func(member []byte) bool {
		result.add(member)
		return true
	})
	return c.storeSet(tx, c.Args[1], &result)
}

// storeSet makes a key a set of members, whatever it was, and replies how many they are.
func (c *Call) storeSet(tx *keyspace.Tx, key []byte, members *memberList) error {
	set, err := keyspace.NewCollection(keyspace.Set)
	if err != nil {
		return err
	}
	start := 0
	for _, end := range members.ends {
		if _, err := set.Set(members.bytes[start:end], nil, 0); err != nil {
			return err
		}
		start = end
	}
	c.Out.Int(int64(len(members.ends)))
	return putResult(tx, key, set, keyspace.SetEvents, c.Cmd.Name)
}

// memberList keeps copies of members without an allocation for each.
type memberList struct {
	bytes []byte
	ends  []int // of each member in bytes
}

func (l *memberList) add(member []byte) {
	l.bytes = append(l.bytes, member...)
	l.ends = append(l.ends, len(l.bytes))
}

// intersection looks for the members of the smallest set in the others.
func intersection(sets []keyspace.SetRef, visit func(member []byte) bool) {
	slices.SortFunc(sets, func(a, b keyspace.SetRef) int { return cmp.Compare(a.Len(), b.Len()) })
	inAll := func(member []byte) bool {
		for _, other := range sets[1:] {
			if !other.Has(member) {
				return false
			}
		}
		return true
	}
	for member := range sets[0].All() {
		if inAll(member) && !visit(member) {
			return
		}
	}
}

// fewSets is how many sets a member is looked for in one after the other. Of more sets a map
// remembers the members that came already.
const fewSets = 8

// union begins with the largest set, whose members need not be looked for anywhere.
func union(sets []keyspace.SetRef, visit func(member []byte) bool) {
	slices.SortFunc(sets, func(a, b keyspace.SetRef) int { return cmp.Compare(b.Len(), a.Len()) })
	var seen map[string]struct{}
	if len(sets) > fewSets {
		seen = make(map[string]struct{}, sets[0].Len())
	}
	for i, set := range sets {
		for member := range set.All() {
			switch {
			case seen == nil && inAny(sets[:i], member):
				continue
			case seen != nil:
				if _, again := seen[string(member)]; again {
					continue
				}
				seen[string(member)] = struct{}{}
			}
			if !visit(member) {
				return
			}
		}
	}
}

func inAny(sets []keyspace.SetRef, member []byte) bool {
	for _, set := range sets {
		if set.Has(member) {
			return true
		}
	}
	return false
}

// difference looks for each member of the first set in the others, the largest first: they
// have it most likely. If they are many and small, their members are collected instead.
func difference(sets []keyspace.SetRef, visit func(member []byte) bool) {
	first, others := sets[0], sets[1:]
	total := 0
	for _, set := range others {
		total += set.Len()
	}
	slices.SortFunc(others, func(a, b keyspace.SetRef) int { return cmp.Compare(b.Len(), a.Len()) })
	without := func(member []byte) bool { return inAny(others, member) }
	if len(others) > fewSets && first.Len() > total/len(others) {
		taken := make(map[string]struct{})
		for _, set := range others {
			for member := range set.All() {
				if first.Has(member) {
					taken[string(member)] = struct{}{}
				}
			}
		}
		without = func(member []byte) bool {
			_, ok := taken[string(member)]
			return ok
		}
	}
	for member := range first.All() {
		if !without(member) && !visit(member) {
			return
		}
	}
}

func cmdSInterCard(c *Call, tx *keyspace.Tx) error {
	n, err := c.NumberIn(1, 1, math.MaxInt64, errNumKeys)
	if err != nil {
		return err
	}
	if n > int64(len(c.Args)-2) {
		return ReplyError("ERR Number of keys can't be greater than number of args")
	}
	keys := c.Args[2 : 2+n]
	limit := int64(0)
	for i := 2 + int(n); i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) || !c.Word(i, "LIMIT") {
			return ErrSyntax
		}
		if limit, err = c.NumberIn(i+1, 0, math.MaxInt64, errNegativeLimit); err != nil {
			return err
		}
	}
	sets, err := openSets(tx, keys)
	if err != nil {
		return err
	}
	found := int64(0)
	intersection(sets, func([]byte) bool {
		found++
		return found != limit
	})
	c.Out.Int(found)
	return nil
}
