package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
)

// newPauser returns a Pauser that runs, its engine, and what ends the node.
func newPauser(t *testing.T, s *stream, do func(gossip.Command) error) (*Pauser, *engine.Engine, func()) {
	e := engine.New(keyspace.New(keyspace.Config{}))
	life, end := context.WithCancel(t.Context())
	p := NewPauser(PauserConfig{Engine: e, Stream: s, Life: life, Logger: hclog.NewNullLogger(),
		Do: func(_ context.Context, cmd gossip.Command) error { return do(cmd) }})
	done := make(chan struct{})
	go func() {
		p.Run()
		close(done)
	}()
	return p, e, func() {
		end()
		<-done
	}
}

// A pause is confirmed with the offset at which the data ends, after the replicas had a
// moment to acknowledge; a second one takes the place of the first.
func TestPausesOfAManualFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(100, 60)
		begin := time.Now()
		p, e, end := newPauser(t, s, func(cmd gossip.Command) error {
			s.tell("%v after %v", cmd, time.Since(begin))
			return errors.New("no failover is under way") // is logged
		})
		p.Order(gossip.WritesPaused{Until: begin.Add(10 * time.Second)})
		time.Sleep(time.Second)
		if e.Paused() == nil {
			t.Error("writes are not paused")
		}
		s.change(func() { s.held[1] = 100 })
		p.Order(gossip.WritesPaused{Until: begin.Add(10 * time.Second)})
		time.Sleep(time.Second)
		p.Order(gossip.WritesResumed{})
		synctest.Wait()
		if e.Paused() != nil {
			t.Error("writes are still paused")
		}
		end()
		p.Close()
		want := []string{
			"quiesce true", fmt.Sprintf("{100} after %v", ackTimeout), "quiesce false",
			"quiesce true", "{100} after 1s", "quiesce false",
		}
		if !slices.Equal(s.story, want) {
			t.Errorf("%q, want %q", s.story, want)
		}
	})
}

// A pause outlives Run: no write may come between it and the node's end.
func TestPauseLastsUntilClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, e, end := newPauser(t, newStream(), func(gossip.Command) error { return nil })
		p.Order(gossip.WritesPaused{Until: time.Now().Add(time.Hour)})
		synctest.Wait()
		end()
		if e.Paused() == nil {
			t.Error("writes go on after Run")
		}
		p.Close()
		if e.Paused() != nil {
			t.Error("writes are still paused after Close")
		}
	})
}

// Order never waits, however many orders there are.
func TestOrdersAreNotAwaited(t *testing.T) {
	p := NewPauser(PauserConfig{})
	for range 2 * pauseOrders {
		p.Order(gossip.WritesResumed{})
	}
}
