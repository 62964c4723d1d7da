package replicator

import (
	"context"

	"github.com/slotmesh/slotmesh/replication"
)

// How far a log may be behind the stream: writers are to wait once it is further than
// logHigh bytes behind, until it is less than logLow.
const (
	logHigh = 64 << 20
	logLow  = 32 << 20
)

// LogReader reads a Backlog's stream for a log on disk: see [replication.LogCursor]. It is
// for one goroutine.
type LogReader struct {
	wakeable reader
	cur      *replication.LogCursor
}

// OpenLog opens a LogReader at the end of the stream, and returns the history there. keys is
// how many keys the store has. There may be one at a time.
func (b *Backlog) OpenLog(keys int) (*LogReader, replication.History) {
	b.mu.Lock()
	defer b.mu.Unlock()
	cur, h := b.stream.OpenLog(keys)
	r := &LogReader{reader{log: b, wake: make(chan struct{}, 1)}, cur}
	b.readers = append(b.readers, &r.wakeable)
	b.logged = cur
	b.publishLocked()
	return r, h
}

// Next returns what follows: see [replication.LogCursor.Next]. If that is nothing, and alert
// was asked for, Wake will have a value when there is something.
func (r *LogReader) Next(n int, alert bool) (data []byte, name replication.History, renamed bool, err error) {
	b := r.wakeable.log
	b.mu.Lock()
	defer b.mu.Unlock()
	data, name, renamed, err = r.cur.Next(n)
	if alert && len(data) == 0 && !renamed && err == nil && !r.wakeable.asleep {
		r.wakeable.asleep = true
		b.asleep++
	}
	b.checkLogLocked()
	return data, name, renamed, err
}

// Wake receives a value when there is something to read after Next returned nothing. It may
// receive one too many.
func (r *LogReader) Wake() <-chan struct{} { return r.wakeable.wake }

// Close gives up the LogReader's claim on the Backlog's memory.
func (r *LogReader) Close() {
	b := r.wakeable.log
	b.mu.Lock()
	defer b.mu.Unlock()
	r.cur.Close()
	if b.logged == r.cur {
		b.logged = nil
	}
	r.wakeable.leaveLocked()
	b.checkLogLocked()
}

// checkLogLocked notes whether the log is too far behind.
func (b *Backlog) checkLogLocked() {
	lag := int64(0)
	if b.logged != nil {
		lag = b.stream.Offset() - b.logged.Offset()
	}
	switch full := b.full.Load(); {
	case full == nil && lag > logHigh:
		room := make(chan struct{})
		b.full.Store(&room)
		select {
		case b.filled <- struct{}{}:
		default:
		}
	case full != nil && lag < logLow:
		b.full.Store(nil)
		close(*full)
	}
}

// LogParted reports whether the stream has become another one than that which the log has:
// what the log holds says nothing of the node's offsets until another LogReader is opened.
func (b *Backlog) LogParted() bool { return b.parted.Load() }

// LogFull receives a value when the log has got too far behind: writers must wait, see
// AwaitLog.
func (b *Backlog) LogFull() <-chan struct{} { return b.filled }

// AwaitLog waits while the log is too far behind. The error is ctx's.
func (b *Backlog) AwaitLog(ctx context.Context) error {
	room := b.full.Load()
	if room == nil {
		return nil
	}
	select {
	case <-*room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RestoreLog continues the history of a log, before the node serves: see Stream.RestoreLog.
func (b *Backlog) RestoreLog(gathered *replication.Stream) {
	b.change(func(s *replication.Stream) { s.RestoreLog(gathered) })
}
