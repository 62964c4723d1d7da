package server

import (
	"context"
	"sync/atomic"
	"testing"
)

// heldAcks says that one replica holds all there is of the present term and, on a
// replica, of the one before.
type heldAcks struct {
	term    atomic.Uint64
	written chan struct{} // if not nil: noting a write waits for it
}

func (a *heldAcks) Term() uint64 { return a.term.Load() }

func (a *heldAcks) Mark(term uint64) Mark {
	if a.written != nil {
		a.written <- struct{}{}
		<-a.written
	}
	return Mark{term, 100}
}

func (a *heldAcks) Departed() uint64 { return 0 }

func (a *heldAcks) WaitAcked(_ context.Context, w *Written, _ int) (int, error) {
	to := w.To
	if now := a.term.Load(); to.Term != now && to.Term+1 != now {
		return 0, nil
	}
	return 1, nil
}

// What replicas hold of a stream that went on without a write says nothing about that
// write.
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

// A write belongs to the term in which it began, however much happens before its client
// notes it.
func TestWaitCountsNoTermThatBeganAfterTheWrite(t *testing.T) {
	for _, write := range []string{"SET k v", "EXEC"} {
		t.Run(write, func(t *testing.T) {
			acks := &heldAcks{written: make(chan struct{})}
			acks.term.Store(1)
			conn := connect(t, startServer(t, Config{Acks: acks}))
			if write == "EXEC" {
				expect(t, conn, "MULTI", "+OK")
				expect(t, conn, "SET k v", "+QUEUED")
			}
			go func() {
				<-acks.written
				acks.term.Store(3)
				acks.written <- struct{}{}
			}()
			reply := "+OK"
			if write == "EXEC" {
				reply = "[+OK]"
			}
			expect(t, conn, write, reply)
			expect(t, conn, "WAIT 1 0", ":0")
		})
	}
}
