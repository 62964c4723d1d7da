package client

import (
	"context"
	"errors"

	"github.com/slotmesh/slotmesh/internal/remotetx"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Update runs fn with read and write access to keys of one slot (else
// slots.ErrCrossSlot): its changes happen all, or, if it returns an error, not at all,
// and nothing of what it read has been changed by others in the meantime.
//
// If the local node owns the slot, fn runs once, under the slot's lock. Otherwise it runs
// on a copy of the keys, which is committed if they have not changed; if they have, fn runs
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
		if err := local.Update(ctx, keys, fn); !isRouting(err) {
			return err
		}
	}
	return r.updateElsewhere(ctx, slot, keys, fn)
}

// updateElsewhere runs a transaction on a copy of the keys until it can be committed.
func (r *Router) updateElsewhere(ctx context.Context, slot slots.Slot, keys []string, fn func(Tx) error) error {
	names := make([][]byte, len(keys))
	for i, key := range keys {
		names[i] = bytesOf(key)
	}
	read := remotetx.ReadCommand(names)
	master := r.master()
	for w := (waits{slot: slot}); ; {
		req := &request{slot: slot, keyed: true}
		req.Args = read
		reply, err := master.do(ctx, req)
		if err != nil {
			return err
		}
		c, err := remotetx.NewCopy(slot, names, &reply)
		if err != nil {
			return err
		}
		commit, err := c.Run(func(tx *keyspace.Tx) error { return RunTx(tx, slot, names, fn) })
		if err != nil || commit == nil {
			return err
		}
		req = &request{slot: slot, keyed: true, write: true}
		req.Args = commit
		if reply, err = master.do(ctx, req); err != nil || reply.Int == 1 {
			return err
		}
		if err := r.backoff(ctx, &w, errContended); err != nil {
			return err
		}
	}
}

var errContended = errors.New("the keys were changed by others each time")
