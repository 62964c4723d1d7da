package server

import (
	"context"
	"sync/atomic"
	"testing"
)

// heldAcks says that one replica holds all there is, in a term that a test can change.
type heldAcks struct{ term atomic.Uint64 }

func (a *heldAcks) Offset() int64 { return 100 }

func (a *heldAcks) Term() uint64 { return a.term.Load() }

func (a *heldAcks) WaitAcked(context.Context, int64, int) (int, error) { return 1, nil }

// What replicas hold of a stream that went on without a write says nothing about that write.
func TestWaitCountsNoFormerTerm(t *testing.T) {
	acks := &heldAcks{}
	acks.term.Store(1)
	conn := connect(t, startServer(t, Config{Acks: acks}))
	expect(t, conn, "WAIT 1 0", ":1")
	expect(t, conn, "SET k v", "+OK")
	expect(t, conn, "WAIT 1 0", ":1")
	acks.term.Store(2) // a replica: what was acknowledged before counts still
	expect(t, conn, "WAIT 1 0", ":1")
	acks.term.Store(3)
	expect(t, conn, "WAIT 1 0", ":0")
	expect(t, conn, "SET k w", "+OK")
	expect(t, conn, "WAIT 1 0", ":1")
}
