package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// snapshots decides when the node's keys are written to disk, and does it.
type snapshots struct {
	node *Node

	mu       sync.Mutex // guards all below
	schedule replication.SaveSchedule
	last     error
	ignore   bool // see SnapshotConfig.IgnoreErrors
	running  bool
	ended    chan struct{} // closed when the running one ends
	noLast   bool          // nothing is saved at the node's end

	broken atomic.Bool // writes are refused: see mayWrite

	shard   []byte        // of the snapshot that was there at the start, see shardLineage; set by load
	began   time.Time     // the node's start; set before load
	percent atomic.Uint64 // math.Float64bits of how much of it has been read
}

// load reads the snapshot of an earlier run.
func (s *snapshots) load(ctx context.Context) error {
	cfg := s.node.cfg.Snapshot
	if cfg.Off {
		return nil
	}
	if d, ok := s.node.cfg.Disk.(storage.Dir); ok {
		if err := d.Sweep(cfg.File); err != nil {
			s.node.log.Warn("an unfinished snapshot of an earlier run stays", "file", cfg.File, "error", err)
		}
	}
	shard, found, err := replication.Load(ctx, s.node.cfg.Disk, cfg.File, s.node.store, s.node.backlog,
		func(p replication.Progress) {
			s.percent.Store(math.Float64bits(p.Percent()))
			s.node.log.Info("loading the snapshot", "file", cfg.File, "keys", p.Keys, "of", p.Total)
		})
	if err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	s.shard = shard
	if found {
		s.node.log.Info("snapshot loaded", "file", cfg.File, "keys", s.node.store.Len(), "took", time.Since(s.began))
	}
	return nil
}

func (s *snapshots) Loading() (since time.Time, percent float64) {
	return s.began, math.Float64frombits(s.percent.Load())
}

// begin starts the schedule.
func (s *snapshots) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node.cfg.Snapshot.Off {
		return
	}
	s.schedule.Rules, s.ignore = s.node.cfg.Snapshot.Rules, s.node.cfg.Snapshot.IgnoreErrors
	s.node.backlog.CountChanges(true)
	s.schedule.Start(time.Now(), s.node.backlog.Changes())
}

// setRules changes when to save, in the form of redis.conf.
func (s *snapshots) setRules(text string) error {
	rules, err := replication.ParseSaveRules(text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schedule.Rules = rules
	s.updateBrokenLocked()
	return nil
}

// setIgnoreErrors changes SnapshotConfig.IgnoreErrors.
func (s *snapshots) setIgnoreErrors(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ignore = on
	s.updateBrokenLocked()
}

// ErrNotSaved refuses a write while the last snapshot has failed, on a node that should
// save by itself: what it takes now would be lost with it. See
// SnapshotConfig.IgnoreErrors. Its text is the error reply of the Redis protocol.
var ErrNotSaved = errors.New("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to " +
	"persist to disk. " +
	"Commands that may modify the data set are disabled, because this instance is configured to report errors " +
	"during writes if RDB snapshotting fails " +
	"(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.")

// mayWrite returns ErrNotSaved if writes are to be refused.
func (s *snapshots) mayWrite() error {
	if s.broken.Load() {
		return ErrNotSaved
	}
	return nil
}

// updateBrokenLocked decides whether writes are refused: not if the snapshot was only
// interrupted or overtaken, which says nothing of the disk.
func (s *snapshots) updateBrokenLocked() {
	passing := errors.Is(s.last, context.Canceled) || errors.Is(s.last, context.DeadlineExceeded) ||
		errors.Is(s.last, replication.ErrOvertaken)
	s.broken.Store(s.last != nil && !passing && !s.ignore && len(s.schedule.Rules) > 0)
}

// tick saves if a rule asks for it.
func (s *snapshots) tick() {
	s.mu.Lock()
	due := !s.node.cfg.Snapshot.Off && !s.running && s.schedule.Due(time.Now(), s.node.backlog.Changes())
	s.mu.Unlock()
	if due {
		s.node.wg.Go(func() { s.Save(s.node.life) })
	}
}

// Save writes a snapshot now.
func (s *snapshots) Save(ctx context.Context) error {
	s.mu.Lock()
	if s.running {
		s.mu.Unlock()
		return replication.ErrSaving
	}
	s.running, s.ended = true, make(chan struct{})
	s.mu.Unlock()
	changes := s.node.backlog.Changes()
	err := s.node.repl.Save(ctx, s.node.cfg.Disk, s.node.cfg.Snapshot.File)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.last = false, err
	close(s.ended)
	s.schedule.Done(time.Now(), changes, err)
	s.updateBrokenLocked()
	return err
}

// discard removes the snapshot durably and then makes the node give up what it holds. No
// other one is written in the meantime; one that is being written ends first.
func (s *snapshots) discard(ctx context.Context, giveUp func() error) error {
	if s.node.cfg.Snapshot.Off {
		return giveUp()
	}
	if err := s.reserve(ctx); err != nil {
		return err
	}
	defer s.release()
	if err := s.node.cfg.Disk.Remove(s.node.cfg.Snapshot.File); err != nil {
		return fmt.Errorf("slotmesh: removing the snapshot: %w", err)
	}
	return giveUp()
}

// reserve keeps others from saving until release.
func (s *snapshots) reserve(ctx context.Context) error {
	for {
		s.mu.Lock()
		ended := s.ended
		if !s.running {
			s.running, s.ended = true, make(chan struct{})
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *snapshots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	close(s.ended)
}

func (s *snapshots) Saving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

func (s *snapshots) LastSave() (at time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.schedule.Last(), s.last
}

func (s *snapshots) Unsaved() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.schedule.Pending(s.node.backlog.Changes())
}

// NoLastSave keeps the node from saving when it ends.
func (s *snapshots) NoLastSave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noLast = true
}

// atEnd saves what was not saved yet, if anything may be saved at all. A snapshot that is
// on its way ends first: the node's life, which is over, ends it.
func (s *snapshots) atEnd() error {
	for {
		s.mu.Lock()
		cfg := s.node.cfg.Snapshot
		asked := !s.noLast && !cfg.Off && (len(s.schedule.Rules) > 0 || cfg.AtEnd)
		wanted := asked && s.schedule.Pending(s.node.backlog.Changes()) > 0
		running, ended := s.running, s.ended
		s.mu.Unlock()
		switch {
		case running:
			<-ended
		case !wanted:
			return nil
		default:
			return s.Save(context.Background())
		}
	}
}

// Save writes all keys of this node to Config.Snapshot.File while it serves, and returns
// when that is durable. replication.ErrSaving refuses a second one at the same time.
func (n *Node) Save(ctx context.Context) error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	return n.snapshots.Save(ctx)
}

// saveText is the rules in the form of redis.conf.
func saveText(c SnapshotConfig) string {
	if c.Off {
		return ""
	}
	var words []string
	for _, r := range c.Rules {
		words = append(words, fmt.Sprint(int(r.Every.Seconds())), fmt.Sprint(r.Changes))
	}
	return strings.Join(words, " ")
}
