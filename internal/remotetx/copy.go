package remotetx

import (
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

	mu        sync.Mutex // guards ops and recording: the Sink's interface allows several goroutines
	recording bool
	ops       []byte
}

// NewCopy makes a Copy of the reply to MESH.READ for keys, all of which are of slot.
func NewCopy(slot slots.Slot, keys [][]byte, reply *resp.Reply) (*Copy, error) {
	if len(reply.Elems) != 2+3*len(keys) {
		return nil, fmt.Errorf("slotmesh: %s answered with %d elements for %d keys", ReadName, len(reply.Elems), len(keys))
	}
	c := &Copy{slot: slot, keys: keys, node: reply.Elems[0].Str, ahead: time.Until(time.UnixMilli(reply.Elems[1].Int))}
	c.store = keyspace.New(keyspace.Config{Sink: c, Now: func() time.Time { return time.Now().Add(c.ahead) }})
	err := c.store.Update(slot, func(tx *keyspace.Tx) error {
		for i, key := range keys {
			e := reply.Elems[2+3*i:]
			c.versions = binary.LittleEndian.AppendUint64(c.versions, uint64(e[0].Int))
			if e[2].Kind == resp.Null {
				continue
			}
			if err := tx.Put(key, keyspace.String, e[2].Str, e[1].Int); err != nil {
				return err
			}
		}
		return nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recording = true
	return c, err
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
	if c.recording {
		for i := range ops {
			c.ops = keyspace.AppendOp(c.ops, &ops[i])
		}
	}
}
