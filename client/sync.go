package client

import (
	"context"
	"time"
)

type syncKey struct{}

// WithSync makes writes under the context return only after k replicas of the key's shard
// hold them, in memory; it overrides what the nodes are configured to wait for. If too few
// do in time, the error matches [ErrAmbiguous]: the write has been carried out, but may be
// lost in a failover. The documentation of package
// [github.com/slotmesh/slotmesh/replication] states what exactly is guaranteed.
//
// The wait ends with the context; one without a deadline waits 5 s.
func WithSync(ctx context.Context, k int) context.Context {
	return context.WithValue(ctx, syncKey{}, k)
}

// syncTimeout bounds the wait of WithSync under a context without a deadline.
const syncTimeout = 5 * time.Second

// SyncOf returns how many replicas [WithSync] asks for under ctx: at least 0, or -1 if it
// was not called.
func SyncOf(ctx context.Context) int {
	if k, ok := ctx.Value(syncKey{}).(int); ok {
		return max(0, k)
	}
	return -1
}
