package shard

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// Acks waits for replicas on behalf of writers, of migrations and of changes of slots: it
// is migrate.Promises, migrator.Replicas and ownership.Replicas.
//
// What a writer was told, that k replicas hold what it wrote, has to hold where its slot
// moves to. Each slot's number is in the stream (replicator.Promises), so that it
// outlives this node, and goes with the slot.
type Acks struct {
	cfg        AcksConfig
	replicas   atomic.Pointer[Replicas] // nil before Begin
	disk       Disk                     // the log of this node; set with replicas
	promises   *replicator.Promises
	departures replicator.Departures

	required atomic.Pointer[minReplicas] // nil: none are
}

// AcksConfig is what Acks needs of the node.
type AcksConfig struct {
	Map      func() *slots.Map // in force, nil outside a cluster
	Siblings func() int        // see Lineage
	Backlog  *replicator.Backlog
	Sync     int             // how many replicas a write waits for by default
	MaxLag   time.Duration   // how long ago a replica in good standing was heard
	Life     context.Context // ends when the node closes
}

// Replicas are those of this node: a *replicator.Replicator.
type Replicas interface {
	Term() uint64
	Mark(term uint64) replicator.Mark
	WaitAcked(ctx context.Context, to replicator.Mark, k int) (int, error)
	WaitDurable(ctx context.Context, to replicator.Mark, k int) (int, error)
	GoodReplicas(maxLag time.Duration) int
}

// Disk is the log of this node: a *Log.
type Disk interface {
	replicator.Disk
	// Sync makes everything durable that has been written. Without a log it does nothing.
	Sync(ctx context.Context) error
}

// NewAcks returns the Acks of a node that has no replicas before Begin.
func NewAcks(cfg AcksConfig) *Acks {
	return &Acks{cfg: cfg, promises: replicator.NewPromises(cfg.Backlog)}
}

// Begin makes the writes that follow wait for replicas. disk is the log of this node.
func (a *Acks) Begin(replicas Replicas, disk Disk) {
	a.disk = disk
	a.replicas.Store(&replicas)
}

// repl returns the replicas; Begin has been called.
func (a *Acks) repl() Replicas { return *a.replicas.Load() }

// Before is what has to be known from before a write, if it is to be waited for.
type Before struct {
	term uint64 // of the node
	left uint64 // how many batches of keys had left it
}

// Before is called before a write that Await waits for.
func (a *Acks) Before() Before {
	if a.replicas.Load() == nil {
		return Before{}
	}
	return Before{a.repl().Term(), a.departures.Count()}
}

// awaitLimit bounds the wait of a caller that set no deadline.
const awaitLimit = 5 * time.Second

// Await waits until k replicas hold the last write, in a slot. was is what Before returned
// before it. The error is that of Vouch.
func (a *Acks) Await(ctx context.Context, was Before, slot slots.Slot, k int) error {
	if k <= 0 || a.replicas.Load() == nil {
		return nil
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, awaitLimit)
		defer cancel()
	}
	w := Writes{Slots: slots.NewSet(slot), Departed: was.left, Earlier: math.MaxInt}
	_, err := a.Vouch(ctx, &w, a.repl().Mark(was.term), k)
	return err
}

// Term and Mark are those of the Replicator: see [replicator.Replicator.Mark].
func (a *Acks) Term() uint64 { return a.repl().Term() }

// Mark returns a place in the stream behind the writes since Term returned term.
func (a *Acks) Mark(term uint64) replicator.Mark { return a.repl().Mark(term) }

// Departed returns how many batches of keys have left this node: see Writes.
func (a *Acks) Departed() uint64 { return a.departures.Count() }
