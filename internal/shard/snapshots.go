package shard

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/storage"
)

// SnapshotConfig says when snapshots are written, of what and where to.
type SnapshotConfig struct {
	Off          bool // keys live in memory only
	Disk         storage.Disk
	File         string
	Rules        []replication.SaveRule // when to save by itself
	AtEnd        bool                   // save at the node's end although there are no Rules
	IgnoreErrors bool                   // take writes although the last snapshot failed

	Store   *keyspace.Store
	Backlog *replicator.Backlog

	Life   context.Context // ends when the node closes
	Go     func(fn func()) // runs fn on a goroutine that the node's Close waits for
	Logger hclog.Logger
}

// Saver writes a snapshot of the store and the backlog: a *replicator.Replicator.
type Saver interface {
	Save(ctx context.Context, d storage.Disk, file string) error
}

// Snapshots decides when the node's keys are written to disk, and does it. It is safe for
// concurrent use.
type Snapshots struct {
	cfg   SnapshotConfig
	began time.Time // the node's start

	mu       sync.Mutex // guards the fields down to noLast
	saver    Saver      // nil before Begin
	schedule replication.SaveSchedule
	last     error
	ignore   bool // see SnapshotConfig.IgnoreErrors
	running  bool
	ended    chan struct{} // closed when the running one ends
	noLast   bool          // nothing is saved at the node's end

	broken atomic.Bool // writes are refused: see MayWrite

	shard   []byte        // of the snapshot that was there at the start, see Lineage; set by Load
	percent atomic.Uint64 // math.Float64bits of how much of it has been read
}

// NewSnapshots returns the snapshots of a node that starts now.
func NewSnapshots(cfg SnapshotConfig) *Snapshots { return &Snapshots{cfg: cfg, began: time.Now()} }

// Load reads the snapshot of an earlier run.
func (s *Snapshots) Load(ctx context.Context) error {
	cfg := &s.cfg
	if cfg.Off {
		return nil
	}
	if d, ok := s.cfg.Disk.(storage.Dir); ok {
		if err := d.Sweep(cfg.File); err != nil {
			s.cfg.Logger.Warn("an unfinished snapshot of an earlier run stays", "file", cfg.File, "error", err)
		}
	}
	shard, found, err := replicator.Load(ctx, s.cfg.Disk, cfg.File, s.cfg.Store, s.cfg.Backlog,
		func(p replication.Progress) {
			s.percent.Store(math.Float64bits(p.Percent()))
			s.cfg.Logger.Info("loading the snapshot", "file", cfg.File, "keys", p.Keys, "of", p.Total)
		})
	if err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	s.shard = shard
	if found {
		s.cfg.Logger.Info("snapshot loaded", "file", cfg.File, "keys", s.cfg.Store.Len(), "took", time.Since(s.began))
	}
	return nil
}

// Loading returns when Load began and how much of the snapshot it has read, in percent.
func (s *Snapshots) Loading() (since time.Time, percent float64) {
	return s.began, math.Float64frombits(s.percent.Load())
}

// Shard returns the name of the shard that Load found in the snapshot: see Lineage.
func (s *Snapshots) Shard() []byte { return s.shard }

// Begin starts the schedule: from now on saver may be asked to save.
func (s *Snapshots) Begin(saver Saver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saver = saver
	if s.cfg.Off {
		return
	}
	s.schedule.Rules, s.ignore = s.cfg.Rules, s.cfg.IgnoreErrors
	s.cfg.Backlog.CountChanges(true)
	s.schedule.Start(time.Now(), s.cfg.Backlog.Changes())
}

// SetRules changes when to save, in the form of redis.conf.
func (s *Snapshots) SetRules(text string) error {
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

// SetIgnoreErrors changes SnapshotConfig.IgnoreErrors.
func (s *Snapshots) SetIgnoreErrors(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ignore = on
	s.updateBrokenLocked()
}

// MayWrite returns ErrNotSaved if writes are to be refused.
func (s *Snapshots) MayWrite() error {
	if s.broken.Load() {
		return keyspace.ErrNotSaved
	}
	return nil
}

// updateBrokenLocked decides whether writes are refused: not if the snapshot was only
// interrupted or overtaken, which says nothing of the disk.
func (s *Snapshots) updateBrokenLocked() {
	passing := errors.Is(s.last, context.Canceled) || errors.Is(s.last, context.DeadlineExceeded) ||
		errors.Is(s.last, replicator.ErrOvertaken)
	s.broken.Store(s.last != nil && !passing && !s.ignore && len(s.schedule.Rules) > 0)
}

// Tick saves if a rule asks for it.
func (s *Snapshots) Tick() {
	s.mu.Lock()
	due := !s.cfg.Off && !s.running && s.schedule.Due(time.Now(), s.cfg.Backlog.Changes())
	s.mu.Unlock()
	if due {
		s.cfg.Go(func() { s.Save(s.cfg.Life) })
	}
}

var errStarting = errors.New("slotmesh: no snapshot can be saved while the node is starting: try again")

// Save writes a snapshot now.
func (s *Snapshots) Save(ctx context.Context) error {
	s.mu.Lock()
	if s.running {
		s.mu.Unlock()
		return replicator.ErrSaving
	}
	if s.saver == nil {
		s.mu.Unlock()
		return errStarting
	}
	s.running, s.ended = true, make(chan struct{})
	saver := s.saver
	s.mu.Unlock()
	changes := s.cfg.Backlog.Changes()
	err := saver.Save(ctx, s.cfg.Disk, s.cfg.File)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.last = false, err
	close(s.ended)
	s.schedule.Done(time.Now(), changes, err)
	s.updateBrokenLocked()
	return err
}

// Discard removes the snapshot durably and then calls giveUp, which makes the node give up
// what it holds. No other snapshot is written in the meantime; one that is being written
// ends first.
func (s *Snapshots) Discard(ctx context.Context, giveUp func() error) error {
	if s.cfg.Off {
		return giveUp()
	}
	if err := s.reserve(ctx); err != nil {
		return err
	}
	defer s.release()
	if err := s.cfg.Disk.Remove(s.cfg.File); err != nil {
		return fmt.Errorf("slotmesh: removing the snapshot: %w", err)
	}
	return giveUp()
}

// reserve keeps others from saving until release.
func (s *Snapshots) reserve(ctx context.Context) error {
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

func (s *Snapshots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	close(s.ended)
}

// Saving reports whether a snapshot is being written.
func (s *Snapshots) Saving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// LastSave returns when the last good snapshot was finished, and why the last one failed,
// nil if it did not.
func (s *Snapshots) LastSave() (at time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.schedule.Last(), s.last
}

// Unsaved returns how many changes the last snapshot does not contain.
func (s *Snapshots) Unsaved() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.schedule.Pending(s.cfg.Backlog.Changes())
}

// NoLastSave keeps the node from saving when it ends.
func (s *Snapshots) NoLastSave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noLast = true
}

// AtEnd saves what was not saved yet, if anything may be saved at all. A snapshot that is
// on its way ends first: the node's life, which is over, ends it.
func (s *Snapshots) AtEnd() error {
	for {
		s.mu.Lock()
		cfg := &s.cfg
		asked := !s.noLast && !cfg.Off && (len(s.schedule.Rules) > 0 || cfg.AtEnd)
		wanted := asked && s.schedule.Pending(s.cfg.Backlog.Changes()) > 0
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
