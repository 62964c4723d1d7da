package clustertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// story collects what happened, to be told when a test failed: how it began and how it
// ended.
type story struct {
	begin time.Time

	mu   sync.Mutex // guards the fields below
	head []*line
	left int // lines that are told no more, between head and tail
	tail []*line
	last map[int]*line // of each node
	over bool          // what comes now is the end of the test
}

// line is an event, or several of a kind that are best told as one.
type line struct {
	at    time.Duration
	node  int // or theTest
	event any // a slotmesh.Event, or what the test did
	times int
}

// theTest takes the place of a node for what the test itself did.
const theTest = -1

func (s *story) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// did tells of what the test did to the cluster.
func (s *story) did(format string, args ...any) { s.add(theTest, fmt.Sprintf(format, args...)) }

// storyPart bounds the head, and the tail: a test may be long.
const storyPart = 5_000

// add tells of an event at a node. That a map has changed is told by what has changed in it.
func (s *story) add(node int, e any) {
	if _, ok := e.(slotmesh.MapChanged); ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.last[node].absorb(e) {
		return
	}
	l := &line{time.Since(s.begin), node, e, 1}
	if s.last == nil {
		s.last = make(map[int]*line)
	}
	s.last[node] = l
	switch {
	case len(s.head) < storyPart:
		s.head = append(s.head, l)
		return
	case len(s.tail) == storyPart:
		s.left += storyPart / 2
		s.tail = slices.Delete(s.tail, 0, storyPart/2)
	}
	s.tail = append(s.tail, l)
}

// absorb makes an event part of the line before it, if it goes on in the same way: slots
// that come or go one by one.
func (l *line) absorb(e any) bool {
	more, ok := e.(gossip.SlotsChanged)
	if l == nil || !ok {
		return false
	}
	sum, ok := l.event.(gossip.SlotsChanged)
	if !ok || (sum.Acquired == nil) != (more.Acquired == nil) || (sum.Lost == nil) != (more.Lost == nil) {
		return false
	}
	l.event = gossip.SlotsChanged{Acquired: union(sum.Acquired, more.Acquired), Lost: union(sum.Lost, more.Lost)}
	l.times++
	return true
}

func union(a, b *slots.Set) *slots.Set {
	if a == nil {
		return nil
	}
	both := *a
	both.Union(b)
	return &both
}

func (l *line) String() string {
	if l.node == theTest {
		return fmt.Sprintf("%10s the test: %s", l.at.Round(time.Millisecond), l.event)
	}
	if text, ok := l.event.(logged); ok {
		return fmt.Sprintf("%10s node %d logs: %s", l.at.Round(time.Millisecond), l.node, text)
	}
	text := fmt.Sprintf("%10s node %d: %T%+v", l.at.Round(time.Millisecond), l.node, l.event, l.event)
	if l.times > 1 {
		text += fmt.Sprintf(" (%d times)", l.times)
	}
	return text
}

func (s *story) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	b.WriteString("the cluster's story:\n")
	for _, l := range s.head {
		fmt.Fprintln(&b, l)
	}
	if s.left > 0 {
		fmt.Fprintf(&b, "… %d more …\n", s.left)
	}
	for _, l := range s.tail {
		fmt.Fprintln(&b, l)
	}
	return b.String()
}
