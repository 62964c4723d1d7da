package shard

import (
	"context"
	"math"

	"github.com/slotmesh/slotmesh/replication/replicator"
)

// VouchDurable waits until k replicas and, if local, this node have on disk what was
// written up to a Mark. It returns whether this node does, and how many replicas do; that
// k replicas hold it, wherever, is promised as by Vouch.
func (a *Acks) VouchDurable(ctx context.Context, w *Writes, to replicator.Mark, local bool, k int) (here bool, n int) {
	if to.Offset != math.MaxInt64 && to.Term == a.repl().Term() { // otherwise the offset is of another stream
		if local && k > 0 {
			a.repl().WaitDurable(ended, to, k) // asks the replicas, whose disks are at work meanwhile
		}
		if local && a.disk.WaitDurable(ctx, to.Offset) != nil {
			k = 0 // ctx has ended, or the log cannot be written: count and go
		}
		durable, ok := a.disk.Durable()
		here = ok && durable >= to.Offset && to.Term == a.repl().Term()
	}
	n, _ = a.repl().WaitDurable(ctx, to, k) // the number tells all
	if n > 0 {
		held, _ := a.Vouch(ctx, w, to, min(n, k))
		n = min(n, held)
	}
	return here, n
}

// ended is a context that has.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
