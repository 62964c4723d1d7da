package remotetx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// ReadCommand returns the command that reads keys for NewCopy.
func ReadCommand(keys [][]byte) [][]byte {
	return append([][]byte{[]byte(ReadName)}, keys...)
}

// Copy is a store that holds nothing but the keys of one transaction, as they are at their
// owner. It is good for one Run.
type Copy struct {
	slot     slots.Slot
	keys     [][]byte
	store    *keyspace.Store
	ahead    time.Duration // of the owner's clock
	node     []byte
	versions []byte

	mu  sync.Mutex // guards ops: the Sink's interface allows several goroutines
	ops []byte
}

// NewCopy makes a Copy of the reply to MESH.READ for keys, all of which are of slot.
func NewCopy(slot slots.Slot, keys [][]byte, reply *resp.Reply) (*Copy, error) {
	if len(reply.Elems) != 2+2*len(keys) {
		return nil, fmt.Errorf("slotmesh: %s answered with %d elements for %d keys", ReadName, len(reply.Elems), len(keys))
	}
	c := &Copy{slot: slot, keys: keys, node: reply.Elems[0].Str, ahead: time.Until(time.UnixMilli(reply.Elems[1].Int))}
	c.store = keyspace.New(keyspace.Config{Sink: c, Now: func() time.Time { return time.Now().Add(c.ahead) }})
	for i, key := range keys {
		e := reply.Elems[2+2*i:]
		c.versions = binary.LittleEndian.AppendUint64(c.versions, uint64(e[0].Int))
		if err := c.add(key, e[1].Str); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// add carries out the ops that make key what it is.
func (c *Copy) add(key, ops []byte) error {
	for len(ops) > 0 {
		op, rest, err := keyspace.DecodeOp(ops)
		if err != nil {
			return fmt.Errorf("slotmesh: %s: key %q: %w", ReadName, key, err)
		}
		if !bytes.Equal(op.Key, key) || op.Slot != c.slot {
			return fmt.Errorf("slotmesh: %s: key %q: an op on key %q of slot %d", ReadName, key, op.Key, op.Slot)
		}
		if err := c.store.Apply(op); err != nil { // without the Sink
			return fmt.Errorf("slotmesh: %s: key %q: %w", ReadName, key, err)
		}
		ops = rest
	}
	return nil
}

// Run runs fn on the copy and returns the command that commits what it wrote, nil if it
// wrote nothing.
func (c *Copy) Run(fn func(*keyspace.Tx) error) (commit [][]byte, err error) {
	if err := c.store.Update(c.slot, fn); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ops) == 0 {
		return nil, nil
	}
	commit = append([][]byte{[]byte(CommitName)}, c.keys...)
	return append(commit, c.node, c.versions, c.ops), nil
}

// Commit implements keyspace.Sink.
func (c *Copy) Commit(_ slots.Slot, ops []keyspace.Op) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range ops {
		c.ops = keyspace.AppendOp(c.ops, &ops[i])
	}
}
