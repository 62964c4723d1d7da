package shard

import (
	"context"
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// newAcks returns the Acks of a master of slots with the replicas of s, and its backlog.
func newAcks(t *testing.T, s *stream, cfg AcksConfig) (*Acks, *replicator.Backlog) {
	t.Helper()
	m := mapOf(t, slots.Node{ID: me}, slots.Node{ID: one, Master: me}, slots.Node{ID: two, Master: me})
	cfg.Map, cfg.Life, cfg.Backlog = func() *slots.Map { return m }, t.Context(), replicator.NewBacklog(0)
	if cfg.Siblings == nil {
		cfg.Siblings = func() int { return 2 }
	}
	a := NewAcks(cfg)
	if s != nil {
		a.Begin(s, s.disk)
	}
	return a, cfg.Backlog
}

// demote makes a backlog one of a replica, which cannot promise anything.
func demote(t *testing.T, b *replicator.Backlog) {
	t.Helper()
	r, err := replicator.New(replicator.Config{
		Self:  func() (slots.NodeID, uint64) { return me, 1 },
		Store: keyspace.New(keyspace.Config{}),
		Log:   b,
		Dial: func(ctx context.Context, _ slots.Node) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	if err == nil {
		err = r.Follow(slots.Node{ID: one})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
}

// What replicas confirm is promised for the slot; a write nobody waits for promises
// nothing.
func TestConfirmedWriteIsPromised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAcks(t, newStream(100, 100), AcksConfig{})
		was := a.Before()
		if err := a.Await(t.Context(), was, 7, 0); err != nil || a.Of(7) != 0 {
			t.Errorf("without a wait: %v, %d promised", err, a.Of(7))
		}
		if err := a.Await(t.Context(), was, 7, 1); err != nil || a.Of(7) != 1 || a.Of(8) != 0 {
			t.Errorf("%v; %d and %d promised", err, a.Of(7), a.Of(8))
		}
		if err := a.Await(t.Context(), was, 7, 2); err != nil || a.Of(7) != 2 {
			t.Errorf("%v; %d promised", err, a.Of(7))
		}
	})
}

// A write that too few replicas hold in time is promised as far as they do. The wait has
// a limit of its own if the caller set none.
func TestUnconfirmedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAcks(t, newStream(100, 99), AcksConfig{})
		began := time.Now()
		err := a.Await(t.Context(), a.Before(), 7, 2)
		var ambiguous *replicator.AmbiguousError
		if !errors.As(err, &ambiguous) || ambiguous.Got != 1 || ambiguous.Want != 2 || time.Since(began) != awaitLimit {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if a.Of(7) != 1 {
			t.Errorf("%d promised", a.Of(7))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if err := a.Await(ctx, a.Before(), 7, 2); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// A node that has no replicas yet, as before its start is through, waits for none.
func TestNoReplicasYet(t *testing.T) {
	a, _ := newAcks(t, nil, AcksConfig{})
	if err := a.Await(t.Context(), a.Before(), 7, 3); err != nil {
		t.Error(err)
	}
}

// The writer is answered when the replicas know of the promise, too; for a moment even if
// its own time is over.
func TestReplicasKnowOfThePromise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const write = -1 // the promise is at the beginning of the stream, behind the write
		s := newStream(write, write)
		a, _ := newAcks(t, s, AcksConfig{})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		w := Writes{Slots: slots.NewSet(7), Earlier: math.MaxInt}
		began := time.Now()
		held, err := a.Vouch(over, &w, replicator.Mark{Term: 1, Offset: write}, 2)
		if held != 0 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != promiseWait {
			t.Errorf("%d, %v after %v", held, err, time.Since(began))
		}
		time.AfterFunc(promiseWait/2, func() { s.change(func() { s.held = []int64{0, 0} }) })
		if held, err = a.Vouch(over, &w, replicator.Mark{Term: 1, Offset: write}, 2); held != 2 || err != nil {
			t.Errorf("%d, %v although the replicas know in time", held, err)
		}
	})
}

// A wait that counts for earlier writes, as WAIT does, promises it of all slots.
func TestEarlierWritesAreConfirmedAlong(t *testing.T) {
	a, _ := newAcks(t, newStream(100, 100), AcksConfig{})
	w := Writes{Slots: slots.NewSet(7), Earlier: 1}
	if held, err := a.Vouch(t.Context(), &w, a.Mark(1), 1); held != 2 || err != nil || a.Of(7) != 1 || a.Of(9) != 0 {
		t.Errorf("%d, %v; %d and %d promised", held, err, a.Of(7), a.Of(9))
	}
	if held, err := a.Vouch(t.Context(), &w, a.Mark(1), 2); held != 2 || err != nil || a.Of(9) != 2 {
		t.Errorf("%d, %v; %d promised of another slot", held, err, a.Of(9))
	}
}

// A node that was demoted meanwhile vouches for no more than was promised before.
func TestDemotedNodePromisesNothing(t *testing.T) {
	a, backlog := newAcks(t, newStream(100, 100), AcksConfig{})
	seven, both := slots.NewSet(7), slots.NewSet(7, 8)
	if err := a.Raise(&seven, 1); err != nil {
		t.Fatal(err)
	}
	demote(t, backlog)
	for _, c := range []struct {
		set  slots.Set
		k    int
		held int
	}{{seven, 1, 2}, {seven, 2, 1}, {both, 1, 0}} {
		w := Writes{Slots: c.set, Earlier: math.MaxInt}
		held, err := a.Vouch(t.Context(), &w, a.Mark(1), c.k)
		if held != c.held || (err == nil) != (c.k <= c.held) {
			t.Errorf("slots %s, %d wanted: %d, %v; want %d", c.set, c.k, held, err, c.held)
		}
	}
}

// A key that has left is held by the replicas of the node that it went to.
func TestWriteOfAKeyThatLeft(t *testing.T) {
	a, _ := newAcks(t, newStream(100, 100), AcksConfig{})
	was := a.Before()
	a.Leave([]slots.Slot{7}, 1)
	if err := a.Await(t.Context(), was, 8, 2); err != nil {
		t.Errorf("another slot: %v", err)
	}
	if err := a.Await(t.Context(), was, 7, 1); err != nil {
		t.Errorf("as many as there: %v", err)
	}
	if err := a.Await(t.Context(), was, 7, 2); !errors.Is(err, errLeft) || !errors.Is(err, replicator.ErrAmbiguous) {
		t.Errorf("more than there: %v", err)
	}
	if err := a.Await(t.Context(), a.Before(), 7, 2); err != nil {
		t.Errorf("a write after it: %v", err)
	}
	set := slots.NewSet(7)
	a.OpenDepartures(&set)
	if err := a.Await(t.Context(), was, 7, 2); err != nil {
		t.Errorf("the slot was opened anew: %v", err)
	}
}

// What is asked of a target is what was promised or is configured, but no more than there
// are members in the shard.
func TestPromisedOfASlot(t *testing.T) {
	for _, c := range []struct{ promised, sync, least, siblings, want int }{
		{0, 0, 0, 2, 0}, {1, 0, 0, 2, 1}, {1, 2, 0, 2, 2}, {1, 0, 2, 2, 2}, {3, 0, 0, 2, 2}, {1, 1, 1, 0, 0},
	} {
		a, _ := newAcks(t, newStream(100), AcksConfig{Sync: c.sync, Siblings: func() int { return c.siblings }})
		a.SetMinReplicas(c.least, time.Second)
		set, none := slots.NewSet(7), slots.Set{}
		if c.promised > 0 {
			if err := a.Raise(&set, c.promised); err != nil {
				t.Fatal(err)
			}
		}
		if got := a.Of(7); got != c.want || a.MostPromised(&set) != c.want || a.MostPromised(&none) != 0 {
			t.Errorf("%+v: %d", c, got)
		}
		want, good := a.Standing(1)
		if want != max(1, c.sync, c.least) || good != 1 {
			t.Errorf("%+v: Standing is %d, %d", c, want, good)
		}
	}
}

// Hold goes on for as long as the replicas are in good standing.
func TestHoldWaitsForGoodReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(100, 50)
		a, _ := newAcks(t, s, AcksConfig{})
		time.AfterFunc(time.Minute, func() { s.change(func() { s.held[1] = 100 }) })
		began := time.Now()
		if held, err := a.Hold(t.Context(), 1); held != 2 || err != nil || time.Since(began) != time.Minute {
			t.Errorf("%d, %v after %v", held, err, time.Since(began))
		}
		s.change(func() { s.held[1] = 50 })
		time.AfterFunc(time.Minute+replicaWait/2, func() { s.locked(func() { s.good = 1 }) })
		began = time.Now()
		if held, err := a.Hold(t.Context(), 1); held != 1 || err != nil || time.Since(began) != time.Minute+replicaWait {
			t.Errorf("one was lost: %d, %v after %v", held, err, time.Since(began))
		}
		s.change(func() { s.good = 0 })
		if held, err := a.Hold(t.Context(), 0); held != 0 || err != nil {
			t.Errorf("without replicas: %d, %v", held, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if held, err := a.Hold(ctx, 2); held != 1 || !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil {
			t.Errorf("more than there are: %d, %v", held, err)
		}
	})
}

// Know says which replicas are missing, and what to do.
func TestKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(100, 100)
		a, _ := newAcks(t, s, AcksConfig{})
		if err := a.Know(t.Context(), 2); err != nil {
			t.Error(err)
		}
		if err := a.Know(t.Context(), 3); err == nil || !strings.Contains(err.Error(), "3 replicas have to know") ||
			!strings.Contains(err.Error(), "2 are in good standing") {
			t.Error(err)
		}
		s.change(func() { s.held[1] = 1 })
		began := time.Now()
		err := a.Know(t.Context(), 0)
		if err == nil || !strings.HasPrefix(err.Error(), "of 2 replicas 1 confirmed within 2s") ||
			time.Since(began) != replicaWait {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		s.change(func() { s.good = 0 })
		if err := a.Know(t.Context(), 0); err != nil {
			t.Errorf("without replicas: %v", err)
		}
	})
}

// Writes are refused while fewer replicas are there than are asked for.
func TestMinReplicas(t *testing.T) {
	s := newStream(100, 100)
	a, _ := newAcks(t, s, AcksConfig{})
	for _, c := range []struct {
		least  int
		maxLag time.Duration
		good   int
		want   error
	}{
		{0, time.Second, 0, nil}, {3, 0, 0, nil}, {2, time.Second, 2, nil}, {3, time.Second, 2, keyspace.ErrNoReplicas},
	} {
		a.SetMinReplicas(c.least, c.maxLag)
		s.change(func() { s.good = c.good })
		good, ok := a.MinReplicas()
		if err := a.MayWrite(); err != c.want || ok != (c.least > 0 && c.maxLag > 0) || ok && good != c.good {
			t.Errorf("%+v: %v, %d, %v", c, err, good, ok)
		}
	}
}
