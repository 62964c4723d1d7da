package acl

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Context says where a command was that was refused.
type Context uint8

// Contexts.
const (
	TopLevel Context = iota
	Multi            // in a transaction
	Lua              // in a script
)

// String returns the name that ACL LOG shows.
func (c Context) String() string {
	return [...]string{"toplevel", "multi", "lua"}[c]
}

// Entry is what the ACL log keeps of one refusal, or of several alike.
type Entry struct {
	Count    int64 // of refusals
	Reason   Reason
	Context  Context
	Object   string // name of the command, key or channel
	Username string
	Client   string    // in the form of CLIENT LIST, of the last refusal
	Updated  time.Time // last refusal
}

// Age returns how long ago the last refusal was.
func (e *Entry) Age(now time.Time) time.Duration { return now.Sub(e.Updated) }

// Log is the ACL log. Its methods may be called at the same time.
type Log struct {
	mu      sync.Mutex
	entries []Entry // the latest is the last
	max     int
}

// What the log keeps unless told otherwise, and how.
const (
	DefaultLogLen = 128 // acllog-max-len

	maxGrouping = 60 * time.Second // between refusals that are one entry
	toCompare   = 10               // entries, the latest first
	maxLogText  = 1024             // bytes of a text: a key may have 512 MB
)

// NewLog returns an empty log of at most so many entries.
func NewLog(maxLen int) *Log { return &Log{max: maxLen} }

// SetMaxLen sets how many entries the log keeps. It is applied by the next entry, as in
// Redis.
func (l *Log) SetMaxLen(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = n
}

// Add adds a refusal at e.Updated, or counts it in an entry alike. It sets Count.
func (l *Log) Add(e Entry) {
	e.Object, e.Username = shorten(e.Object), shorten(e.Username)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, n := len(l.entries)-1, 0; i >= 0 && n < toCompare; i, n = i-1, n+1 {
		if old := l.entries[i]; old.isLike(&e) {
			old.Client, old.Updated = e.Client, e.Updated
			old.Count++
			l.entries = append(slices.Delete(l.entries, i, i+1), old)
			return
		}
	}
	e.Count = 1
	l.entries = append(l.entries, e)
	if extra := len(l.entries) - l.max; extra > 0 {
		l.entries = slices.Delete(l.entries, 0, extra)
	}
}

func (e *Entry) isLike(other *Entry) bool {
	return e.Reason == other.Reason && e.Context == other.Context &&
		e.Updated.Sub(other.Updated).Abs() <= maxGrouping &&
		e.Object == other.Object && e.Username == other.Username
}

// shorten cuts a text that is too long, as SLOWLOG does.
func shorten(s string) string {
	if len(s) <= maxLogText {
		return s
	}
	return fmt.Sprintf("%s... (%d more bytes)", s[:maxLogText], len(s)-maxLogText)
}

// Entries returns the latest n entries, the latest first.
func (l *Log) Entries(n int) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = max(0, min(n, len(l.entries)))
	list := slices.Clone(l.entries[len(l.entries)-n:])
	slices.Reverse(list)
	return list
}

// Reset empties the log.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}
