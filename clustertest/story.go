package clustertest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh"
)

// story collects what happened, to be told when a test failed.
type story struct {
	begin time.Time
	mu    sync.Mutex // guards lines
	lines []string
}

// storyLimit bounds the memory of a long test; the beginning is what matters.
const storyLimit = 10_000

func (s *story) add(node int, e slotmesh.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) < storyLimit {
		s.lines = append(s.lines, fmt.Sprintf("%10s node %d: %T%+v", time.Since(s.begin).Round(time.Millisecond), node, e, e))
	}
}

func (s *story) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "the cluster's story:\n" + strings.Join(s.lines, "\n")
}
