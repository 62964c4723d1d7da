package replicator

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestWaitAcked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b, c := net.node(1), net.node(2), net.node(3)
		defer a.stop()
		defer b.stop()
		defer c.stop()
		b.follow(a)
		c.follow(a)
		b.connect(a)
		c.connect(a)
		time.Sleep(time.Second)
		if n := a.GoodReplicas(2 * time.Second); n != 2 {
			t.Fatalf("%d good replicas, want 2", n)
		}
		for i := range 100 {
			a.set("k", fmt.Sprint(i))
			began := time.Now()
			n, err := a.WaitAcked(t.Context(), a.Mark(a.Term()), 2)
			if n != 2 || err != nil {
				t.Fatalf("WaitAcked = %d, %v", n, err)
			}
			if took := time.Since(began); took != 0 {
				t.Fatalf("the acks took %v on a network without delay", took)
			}
			if b.get("k") != fmt.Sprint(i) || c.get("k") != fmt.Sprint(i) {
				t.Fatal("acknowledged, but not there")
			}
			time.Sleep(time.Duration(i) * 30 * time.Millisecond)
		}
		net.net.Cut(a.host, c.host)
		a.set("k", "half")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		n, err := a.WaitAcked(ctx, a.Mark(a.Term()), 2)
		if n != 1 || !errors.Is(err, ErrAmbiguous) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("WaitAcked = %d, %v; want 1 and an ambiguous result", n, err)
		}
		time.Sleep(5 * time.Second)
		if n := a.GoodReplicas(4 * time.Second); n != 1 {
			t.Fatalf("%d good replicas, want 1", n)
		}
		done := make(chan error)
		go func() { _, err := a.WaitAcked(context.Background(), a.Mark(a.Term()), 2); done <- err }()
		synctest.Wait()
		b.Promote(0)
		a.follow(b)
		if err := <-done; !errors.Is(err, ErrDemoted) || !errors.Is(err, ErrAmbiguous) {
			t.Fatalf("a wait across a demotion: %v", err)
		}
	})
}

// Between a write and its Mark a goroutine may be stopped while the node becomes a
// replica and takes over the data of a master that has written less: the write is lost,
// and no offset read afterwards tells.
func TestMarkAcrossADemotion(t *testing.T) {
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprintf("held=%v", held), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newTestNet(t)
				a, b := net.node(1), net.node(2)
				defer a.stop()
				defer b.stop()
				b.follow(a)
				b.connect(a)
				if !held {
					net.net.Cut(a.host, b.host)
				}
				term := a.Term()
				a.set("k", "a value that makes the stream longer than what the other master writes")
				time.Sleep(time.Second) // the replica's ack comes, or does not
				a.follow(b)
				b.Promote(0)
				if !held {
					net.net.Heal()
				}
				a.connect(b)
				mark := a.Mark(term)
				n, err := a.WaitAcked(t.Context(), mark, 1)
				if held && (n != 1 || err != nil) {
					t.Errorf("the replica held the write when it took over: %d, %v", n, err)
				}
				if !held && (n != 0 || !errors.Is(err, ErrAmbiguous) || !errors.Is(err, ErrDemoted)) {
					t.Errorf("a lost write counts: %d, %v", n, err)
				}
				a.Promote(0)
				if n, err := a.WaitAcked(t.Context(), mark, 1); n != 0 || !errors.Is(err, ErrAmbiguous) {
					t.Errorf("a master tells of the term before the last: %d, %v", n, err)
				}
			})
		})
	}
}
