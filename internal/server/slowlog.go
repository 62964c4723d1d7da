package server

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// slowLog keeps the commands that took long. It takes memory for those only.
type slowLog struct {
	mu     sync.Mutex // guards what follows
	max    int
	nextID int64
	list   []SlowEntry // the oldest first
}

// The size of an entry: that of Redis.
const (
	slowArgs     = 32
	slowArgBytes = 128
)

func (l *slowLog) setMax(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = max(0, n)
	l.trimLocked()
}

func (l *slowLog) trimLocked() {
	if over := len(l.list) - l.max; over > 0 {
		l.list = slices.Delete(l.list, 0, over)
	}
}

func (l *slowLog) add(e SlowEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID = l.nextID
	l.nextID++
	l.list = append(l.list, e)
	l.trimLocked()
}

// Entries returns up to n entries, the last one first; all if n is negative.
func (l *slowLog) Entries(n int) []SlowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 0 || n > len(l.list) {
		n = len(l.list)
	}
	list := slices.Clone(l.list[len(l.list)-n:])
	slices.Reverse(list)
	return list
}

func (l *slowLog) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list)
}

func (l *slowLog) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}

// SlowLog returns the commands that took long, the last one first.
func (s *Server) SlowLog() []SlowEntry { return s.slow.Entries(-1) }

// logSlow puts a command into the log.
func (s *session) logSlow(cmd *commands.Command, args [][]byte, took time.Duration) {
	if cmd.Has(commands.SkipSlowlog) {
		return
	}
	e := SlowEntry{At: s.srv.cfg.Now(), Took: took, Args: shortened(args, secretsIn(cmd, args))}
	switch {
	case s.script.running():
		e.Client = "?:0" // as in Redis, whose scripts have a client without an address
	case s.conn == nil:
		e.Client = s.monitorAddr()
	default:
		e.Client = s.RemoteAddr()
		s.shared.mu.Lock()
		e.Name = s.shared.name
		s.shared.mu.Unlock()
	}
	s.srv.slow.add(e)
}

// shortened returns arguments as the log keeps them.
func shortened(args [][]byte, hidden func(i int) bool) []string {
	list := make([]string, 0, min(len(args), slowArgs))
	for i, arg := range args {
		switch {
		case i == slowArgs-1 && len(args) > slowArgs:
			return append(list, "... ("+strconv.Itoa(len(args)-i)+" more arguments)")
		case hidden(i):
			list = append(list, "(redacted)")
		case len(arg) > slowArgBytes:
			list = append(list, string(arg[:slowArgBytes])+"... ("+strconv.Itoa(len(arg)-slowArgBytes)+" more bytes)")
		default:
			list = append(list, string(arg))
		}
	}
	return list
}
