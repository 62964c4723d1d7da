package commands

import (
	"bytes"

	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A script holds the lock of one slot. Commands on all keys would need those of the others,
// too, so within a script they are refused, unless what they ask for is in that slot or can
// be told without a lock.

// errOneSlot refuses to look at the keys of other slots.
const errOneSlot = ReplyError("ERR a script that has used a key can look at the keys of its slot only: " +
	"give KEYS a pattern with the hash tag of that slot")

// lockedKeys is KEYS in a transaction: for a pattern whose keys are all of its slot.
func lockedKeys(c *Call, tx *keyspace.Tx) error {
	if !c.Node.Standalone() {
		if slot, ok := slotOfPattern(c.Args[1]); !ok || slot != tx.Slot() {
			return errOneSlot
		}
	}
	var list resp.Writer
	n := 0
	for key := range tx.All() {
		if glob.Match(c.Args[1], key) {
			list.Bulk(key)
			n++
		}
		if len(list.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
	}
	c.Out.Array(n)
	c.Out.B = append(c.Out.B, list.B...)
	return nil
}

// slotOfPattern returns the slot of all keys that match a glob; ok is false if they may be
// of several. They are of one if the first braces hold a text without wildcards, and
// nothing before those may match another brace.
func slotOfPattern(pattern []byte) (slot slots.Slot, ok bool) {
	const wild = `*?[\`
	open := bytes.IndexByte(pattern, '{')
	if open < 0 {
		return slots.Of(pattern), !bytes.ContainsAny(pattern, wild)
	}
	if bytes.ContainsAny(pattern[:open], wild) {
		return 0, false
	}
	end := bytes.IndexByte(pattern[open:], '}')
	if end <= 1 || bytes.ContainsAny(pattern[open:open+end], wild) {
		return 0, false
	}
	return slots.Of(pattern[:open+end+1]), true
}

// lockedDBSize is DBSIZE in a transaction, whose own keys count.
func lockedDBSize(c *Call, tx *keyspace.Tx) error {
	others := c.Node.Store.Len() - c.Node.Store.Count(tx.Slot())
	c.Out.Int(int64(others + tx.Len()))
	return nil
}
