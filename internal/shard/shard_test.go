package shard

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

var me, one, two, three = slots.NodeID{1}, slots.NodeID{2}, slots.NodeID{3}, slots.NodeID{4}

// mapOf returns a map as this node sees it. Nodes without a master own slots: the first
// all of them.
func mapOf(t *testing.T, nodes ...slots.Node) *slots.Map {
	t.Helper()
	all := slots.Full()
	for i := range nodes {
		if nodes[i].Slots == nil && nodes[i].Master.IsZero() {
			nodes[i].Slots = &slots.Set{}
			if !all.Empty() {
				owned := all
				nodes[i].Slots, all = &owned, slots.Set{}
			}
		}
	}
	m, err := slots.NewMap(slots.Topology{Self: me, State: slots.OK, Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// stream is a replication stream with replicas that hold as much of it as the test says.
type stream struct {
	mu     sync.Mutex // guards the fields below
	term   uint64
	end    int64
	held   []int64 // by each replica
	onDisk []int64 // of each replica
	disk   *disk   // of this node
	good   int
	woken  chan struct{} // closed with a change
	story  []string
}

func newStream(held ...int64) *stream {
	return &stream{term: 1, end: 100, held: held, good: len(held), disk: &disk{grown: make(chan struct{})},
		woken: make(chan struct{})}
}

// change changes the stream and lets those look again that wait for acknowledgements.
func (s *stream) change(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.woken)
	s.woken = make(chan struct{})
}

func (s *stream) locked(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
}

func (s *stream) Term() (term uint64) {
	s.locked(func() { term = s.term })
	return term
}

func (s *stream) Offset() (end int64) {
	s.locked(func() { end = s.end })
	return end
}

func (s *stream) Mark(term uint64) replicator.Mark {
	return replicator.Mark{Term: term, Offset: s.Offset()}
}

func (s *stream) GoodReplicas(maxLag time.Duration) (good int) {
	s.locked(func() { good = s.good })
	return good
}

func (s *stream) Quiesce(on bool) { s.tell("quiesce %v", on) }

func (s *stream) tell(format string, args ...any) {
	s.locked(func() { s.story = append(s.story, fmt.Sprintf(format, args...)) })
}

func (s *stream) WaitAcked(ctx context.Context, to replicator.Mark, k int) (int, error) {
	return s.wait(ctx, &s.held, to, k)
}

func (s *stream) WaitDurable(ctx context.Context, to replicator.Mark, k int) (int, error) {
	return s.wait(ctx, &s.onDisk, to, k)
}

func (s *stream) wait(ctx context.Context, list *[]int64, to replicator.Mark, k int) (int, error) {
	for {
		var n int
		var woken chan struct{}
		s.locked(func() {
			woken = s.woken
			for _, held := range *list {
				if held >= to.Offset {
					n++
				}
			}
		})
		if n >= k {
			return n, nil
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return n, &replicator.AmbiguousError{Mark: to, Want: k, Got: n, Cause: ctx.Err()}
		}
	}
}
