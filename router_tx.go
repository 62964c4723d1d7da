package slotmesh

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A transaction on keys of another node runs here, on a copy, since a function cannot
// travel:
//
//	MESH.READ key …                   → node, its time, and of each key its version, expiry and value, all of one moment
//	fn runs on a scratch store that holds them, and yields ops
//	MESH.COMMIT key … node versions ops → 1, or 0 and nothing done if a version is another one by now
//
// After a 0 it begins again. node is a number that the owner has drawn at its start:
// versions of one node say nothing at another, whose history may be a different one after
// a failover.
const (
	nameRead   = "MESH.READ"
	nameCommit = "MESH.COMMIT"
)

// transactionCommands are the two commands as the owner executes them.
func (n *Node) transactionCommands() []server.Extension {
	return []server.Extension{
		{Name: nameRead, Arity: -2, First: 1, Last: -1, Step: 1, Run: n.readForTx,
			Summary: "Returns keys with their versions, for a transaction elsewhere."},
		{Name: nameCommit, Arity: -5, First: 1, Last: -4, Step: 1, Write: true, Run: n.commitForTx,
			Summary: "Carries out the writes of a transaction elsewhere, if nothing it read has changed."},
	}
}

func (n *Node) readForTx(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error {
	keys := args[1:]
	out.Array(2 + 3*len(keys))
	out.BulkString(n.runID)
	out.Int(tx.Now())
	for _, key := range keys {
		out.Int(int64(tx.Version(key)))
		e, ok := tx.Get(key)
		out.Int(e.ExpireAt)
		if ok {
			out.Bulk(e.Value)
		} else {
			out.Null()
		}
	}
	return nil
}

var errBadCommit = errors.New("ERR malformed MESH.COMMIT")

func (n *Node) commitForTx(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error {
	keys := args[1 : len(args)-3]
	node, versions, ops := args[len(args)-3], args[len(args)-2], args[len(args)-1]
	if len(versions) != 8*len(keys) {
		return errBadCommit
	}
	same := string(node) == n.runID
	for i, key := range keys {
		same = same && tx.Version(key) == binary.LittleEndian.Uint64(versions[8*i:])
	}
	if !same {
		out.Int(0)
		return nil
	}
	named := newScope(keys)
	for len(ops) > 0 {
		op, rest, err := keyspace.DecodeOp(ops)
		if err != nil || !named.has(string(op.Key)) {
			return errBadCommit
		}
		ops = rest
		if err := commitOp(tx, &op); err != nil {
			return err
		}
	}
	out.Int(1)
	return nil
}

func commitOp(tx *keyspace.Tx, op *keyspace.Op) error {
	switch op.Kind {
	case keyspace.OpPut:
		return tx.Put(op.Key, op.Type, op.Value, op.ExpireAt)
	case keyspace.OpExpire:
		tx.Expire(op.Key, op.ExpireAt)
	case keyspace.OpDelete:
		tx.Delete(op.Key)
	default:
		return errBadCommit
	}
	return nil
}

// Update runs fn with read and write access to keys of one slot (else
// slots.ErrCrossSlot): its changes happen all, or, if it returns an error, not at all,
// and nothing of what it read has been changed by others in the meantime.
//
// If this node owns the slot, fn runs once, under the slot's lock. Otherwise it runs on a
// copy of the keys, which is committed if they have not changed; if they have, fn runs
// again: so it must not have effects besides those on tx.
func (r *Router) Update(ctx context.Context, keys []string, fn func(Tx) error) error {
	if len(keys) == 0 {
		return errors.New("slotmesh: Update without keys")
	}
	slot := slots.OfString(keys[0])
	for _, key := range keys {
		if slots.OfString(key) != slot {
			return slots.ErrCrossSlot
		}
	}
	if local := r.here(keys[0]); local != nil {
		if err := local.Local().Update(ctx, keys, fn); !isRouting(err) {
			return err
		}
	}
	return r.updateElsewhere(ctx, slot, keys, fn)
}

func (r *Router) updateElsewhere(ctx context.Context, slot slots.Slot, keys []string, fn func(Tx) error) error {
	line := [][]byte{[]byte(nameRead)}
	for _, key := range keys {
		line = append(line, bytesOf(key))
	}
	master := &Router{transport: r.transport}
	for w := (waits{slot: slot}); ; {
		req := &request{slot: slot, keyed: true}
		req.Args = line
		reply, err := master.do(ctx, req)
		if err != nil {
			return err
		}
		s, err := newScratch(slot, line[1:], &reply)
		if err != nil {
			return err
		}
		ops, err := s.run(fn)
		if err != nil || len(ops) == 0 {
			return err
		}
		req = &request{slot: slot, keyed: true, write: true}
		req.Args = append([][]byte{[]byte(nameCommit)}, line[1:]...)
		req.Args = append(req.Args, s.node, s.versions, ops)
		if reply, err = master.do(ctx, req); err != nil || reply.Int == 1 {
			return err
		}
		if err := r.backoff(ctx, &w, errContended); err != nil {
			return err
		}
	}
}

var errContended = errors.New("the keys were changed by others each time")

// scratch is a store that holds nothing but the keys of one transaction, as they are at
// their owner.
type scratch struct {
	slot     slots.Slot
	keys     [][]byte
	store    *keyspace.Store
	ahead    time.Duration // of the owner's clock
	node     []byte
	versions []byte

	mu  sync.Mutex // guards ops and on: the Sink's interface allows several goroutines
	on  bool       // ops are being recorded
	ops []byte
}

func newScratch(slot slots.Slot, keys [][]byte, reply *resp.Reply) (*scratch, error) {
	if len(reply.Elems) != 2+3*len(keys) {
		return nil, fmt.Errorf("slotmesh: %s answered with %d elements for %d keys", nameRead, len(reply.Elems), len(keys))
	}
	s := &scratch{slot: slot, keys: keys, node: reply.Elems[0].Str, ahead: time.Until(time.UnixMilli(reply.Elems[1].Int))}
	s.store = keyspace.New(keyspace.Config{Sink: s, Now: func() time.Time { return time.Now().Add(s.ahead) }})
	err := s.store.Update(slot, func(tx *keyspace.Tx) error {
		for i, key := range keys {
			e := reply.Elems[2+3*i:]
			s.versions = binary.LittleEndian.AppendUint64(s.versions, uint64(e[0].Int))
			if e[2].Kind == resp.Null {
				continue
			}
			if err := tx.Put(key, keyspace.String, e[2].Str, e[1].Int); err != nil {
				return err
			}
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = true
	return s, err
}

// run runs fn and returns what it wrote.
func (s *scratch) run(fn func(Tx) error) (ops []byte, err error) {
	err = s.store.Update(s.slot, func(tx *keyspace.Tx) error { return runTx(tx, s.slot, s.keys, fn) })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ops, err
}

// Commit implements keyspace.Sink.
func (s *scratch) Commit(_ slots.Slot, ops []keyspace.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on {
		for i := range ops {
			s.ops = keyspace.AppendOp(s.ops, &ops[i])
		}
	}
}
