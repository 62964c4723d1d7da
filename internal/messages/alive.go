package messages

import (
	"errors"
	"sync"
	"time"
)

// pingsPerSilence is how many pings a source sends in the time after which a link that says
// nothing is given up.
const pingsPerSilence = 3

var errSilent = errors.New("it has said nothing for too long")

// every calls fn at intervals, on goroutines of spawn, until it returns false or stop is
// called.
func every(interval time.Duration, spawn func(func()) bool, fn func() bool) (stop func()) {
	var (
		mu      sync.Mutex // guards timer's being reset
		stopped bool
		timer   *time.Timer
	)
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(interval, func() {
		spawn(func() {
			again := fn()
			mu.Lock()
			defer mu.Unlock()
			if again && !stopped {
				timer.Reset(interval)
			}
		})
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		timer.Stop()
	}
}

// check sends a ping. It reports false when the link has come to its end. unheard counts
// the pings since something was heard.
func (s *Source) check(out *outbox, unheard *int) bool {
	if s.m.closeIfIdle() {
		return false
	}
	if s.heard.Swap(false) {
		*unheard = 0
	}
	if *unheard == pingsPerSilence {
		s.silent.Store(true)
		out.conn.Close()
		return false
	}
	*unheard++
	return out.push(func(b []byte) []byte { return append(b, pingFrame...) })
}

// closeIfIdle ends all links to other nodes, and reports true, if this node has wanted
// nothing for a while.
func (m *Messenger) closeIfIdle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.teller.Empty() {
		m.emptySince = time.Time{}
		return false
	}
	if m.emptySince.IsZero() {
		m.emptySince = time.Now()
	}
	if time.Since(m.emptySince) < idleAfter {
		return false
	}
	for _, s := range m.sources {
		m.dropLocked(s)
	}
	return true
}

// touch notes that the member has said something.
func (r *Receiver) touch() { r.heard.Store(time.Now().UnixNano()) }

// lastHeard returns when the member has said something last.
func (r *Receiver) lastHeard() time.Time { return time.Unix(0, r.heard.Load()) }

// check closes a link whose member has stopped sending pings.
func (r *Receiver) check() bool {
	if time.Since(r.lastHeard()) < r.m.cfg.Silence {
		return true
	}
	r.out.conn.Close()
	return false
}
