package server

import (
	"context"
	"errors"
	"fmt"
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

// WaitDurable says that this node, and as many replicas as hold it, have it on disk.
func (a *heldAcks) WaitDurable(ctx context.Context, w *Written, _ bool, k int) (bool, int) {
	n, _ := a.WaitAcked(ctx, w, k)
	return n > 0, n
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

// A call asks for copies as a session and WAIT do, and gets the same error.
func TestCallWaitsForReplicas(t *testing.T) {
	acks := &countedAcks{}
	srv := startServer(t, Config{Acks: acks})
	for _, step := range []struct {
		line   string
		sync   int
		want   string
		waited string // slot and number of replicas of each wait
	}{
		{"SET k v", 0, "+OK", "[]"},
		{"SET k v", 1, "+OK", "[0/1]"},
		{"GET k", 1, `"v"`, "[]"},
		{"INCR k", 1, "-ERR value is not an integer or out of range", "[]"},
		{"SET k w", 2, "-too few", "[0/2]"},
		{"GET k", 2, `"w"`, "[]"},
	} {
		acks.waited = nil
		got := call(t, srv, Call{Sync: step.sync}, step.line)
		if waited := fmt.Sprint(acks.waited); got != step.want || waited != step.waited {
			t.Errorf("%s with %d copies: %s, waited for %s, want %s, %s", step.line, step.sync, got, waited, step.want,
				step.waited)
		}
	}
}

// countedAcks has one replica that holds everything.
type countedAcks struct{ waited []string }

func (a *countedAcks) Term() uint64          { return 1 }
func (a *countedAcks) Mark(term uint64) Mark { return Mark{term, 100} }
func (a *countedAcks) Departed() uint64      { return 0 }

func (a *countedAcks) WaitAcked(ctx context.Context, w *Written, k int) (int, error) {
	for _, slot := range w.Slots {
		a.waited = append(a.waited, fmt.Sprintf("%d/%d", slot, k))
	}
	if _, ok := ctx.Deadline(); !ok || w.To != (Mark{1, 100}) {
		return 0, errors.New("no deadline, or no mark")
	}
	if k > 1 {
		return 1, errors.New("too few")
	}
	return 1, nil
}

func (a *countedAcks) WaitDurable(ctx context.Context, w *Written, _ bool, k int) (bool, int) {
	n, _ := a.WaitAcked(ctx, w, k)
	return n > 0, n
}
