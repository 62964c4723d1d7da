package shard

import (
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
)

// minReplicas is min-replicas-to-write with min-replicas-max-lag.
type minReplicas struct {
	least  int
	maxLag time.Duration
}

// SetMinReplicas puts min-replicas-to-write in force; in redis.conf, 0 for either figure
// means that it is not. Begin has been called.
func (a *Acks) SetMinReplicas(least int, maxLag time.Duration) {
	if least <= 0 || maxLag <= 0 {
		a.required.Store(nil)
		return
	}
	a.required.Store(&minReplicas{least, maxLag})
}

// MayWrite returns ErrNoReplicas if writes are to be refused.
func (a *Acks) MayWrite() error {
	if r := a.required.Load(); r != nil && a.repl().GoodReplicas(r.maxLag) < r.least {
		return keyspace.ErrNoReplicas
	}
	return nil
}

// MinReplicas returns how many replicas min-replicas-to-write counts; ok is false if it is
// not in force.
func (a *Acks) MinReplicas() (good int, ok bool) {
	if r := a.required.Load(); r != nil {
		return a.repl().GoodReplicas(r.maxLag), true
	}
	return 0, false
}
