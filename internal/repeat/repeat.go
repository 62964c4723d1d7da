// Package repeat keeps what happens again and again from filling a log: a peer that is
// refused may come back a thousand times a second.
//
//	var refusals repeat.Limit
//	if due, more := refusals.Due(time.Now(), node+reason); due {
//		log.Warn("refused", "node", node, "reason", reason, "more", more)
//	}
package repeat

import (
	"sync"
	"time"
)

const (
	every = time.Minute // at most once, for one key
	// maxKeys bounds what is remembered. With more keys than that within a minute, nothing
	// of further ones is due.
	maxKeys = 256
)

// Limit says for each of many keys when it is due again: once a minute. The zero value is
// ready, and safe for concurrent use.
type Limit struct {
	mu   sync.Mutex // guards keys
	keys map[string]*entry
}

type entry struct {
	told   time.Time
	silent int
}

// Due reports whether key is due now, and how many times it was not since it was due last.
func (l *Limit) Due(now time.Time, key string) (due bool, more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.keys[key]
	switch {
	case e == nil && len(l.keys) >= maxKeys:
		for k, old := range l.keys {
			if now.Sub(old.told) >= every {
				delete(l.keys, k)
			}
		}
		if len(l.keys) >= maxKeys {
			return false, 0
		}
	case e != nil && now.Sub(e.told) < every:
		e.silent++
		return false, 0
	}
	if l.keys == nil {
		l.keys = make(map[string]*entry)
	}
	if e != nil {
		more = e.silent
	}
	l.keys[key] = &entry{told: now}
	return true, more
}
