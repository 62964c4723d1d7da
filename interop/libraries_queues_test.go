package interop

import (
	"sync"
	"testing"
)

func queueUsages(s *libraries) []*usage {
	return []*usage{newTasks(s).usage(), newDeliveries(s).usage(), newJobs(s).usage()}
}

// tally counts how often the work of each name was done.
type tally struct {
	mu   sync.Mutex // guards runs
	runs map[string]int
}

// add counts a run of a name, and returns how many there have been with it.
func (l *tally) add(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runs == nil {
		l.runs = make(map[string]int)
	}
	l.runs[name]++
	return l.runs[name]
}

func (l *tally) of(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.runs[name]
}

// len returns how many names have been added.
func (l *tally) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.runs)
}

// accepted are the names of work that a queue has accepted.
type accepted struct {
	mu    sync.Mutex // guards names
	names []string
}

func (a *accepted) add(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names = append(a.names, name)
}

// len returns how many there are.
func (a *accepted) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.names)
}

// missing returns how much accepted work has not been done yet.
func (a *accepted) missing(done *tally) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range a.names {
		if done.of(name) == 0 {
			n++
		}
	}
	return n
}

// compare fails the test if accepted work was not done. It returns how much of it was done
// more often than wanted.
func (a *accepted) compare(t *testing.T, library string, done *tally, want func(name string) int) (more int) {
	t.Helper()
	lost := 0
	for _, name := range a.names {
		switch n, want := done.of(name), want(name); {
		case n < want:
			if lost++; lost < 5 {
				t.Errorf("%s: %s was done %d times, want %d", library, name, n, want)
			}
		case n > want:
			more++
		}
	}
	t.Logf("%s: %d accepted, %d lost, %d done more often than wanted", library, len(a.names), lost, more)
	return more
}

func once(string) int { return 1 }
