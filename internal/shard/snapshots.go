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
	Log          *Log                   // of which the keys are loaded if there is one; nil: there is none
	Busy         func() bool            // reports whether the log is being rewritten, which goes first; nil: never

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
	waiting  bool          // Schedule has asked for one
	since    time.Time     // of the running one
	took     time.Duration // by the last one, negative: there was none
	saves    uint64        // that ended well
	ended    chan struct{} // closed when the running one ends
	noLast   bool          // nothing is saved at the node's end

	broken atomic.Bool // writes are refused: see MayWrite

	loaded  int           // keys that Load has read
	shard   []byte        // of the snapshot that was there at the start, see Lineage; set by Load
	percent atomic.Uint64 // math.Float64bits of how much of it has been read, by its keys
	meter   *meter        // of the files that Load reads
}

// NewSnapshots returns the snapshots of a node that starts now.
func NewSnapshots(cfg SnapshotConfig) *Snapshots {
	if cfg.Busy == nil {
		cfg.Busy = func() bool { return false }
	}
	return &Snapshots{cfg: cfg, began: time.Now(), took: -1, meter: newMeter()}
}

// Load reads the log of an earlier run or, if there is none, its snapshot.
func (s *Snapshots) Load(ctx context.Context) error {
	if s.cfg.Log == nil {
		return s.loadFile(ctx)
	}
	progress := func(p replication.Progress) { s.percent.Store(math.Float64bits(p.Percent())) }
	shard, found, err := s.cfg.Log.Load(ctx, s.meter, progress, func() error { return s.loadFile(ctx) })
	if found && err == nil {
		s.shard, s.loaded = shard, s.cfg.Store.Len()
	}
	return err
}

func (s *Snapshots) loadFile(ctx context.Context) error {
	cfg := &s.cfg
	if cfg.Off {
		return nil
	}
	if d, ok := s.cfg.Disk.(storage.Dir); ok {
		if err := d.Sweep(cfg.File); err != nil {
			s.cfg.Logger.Warn("an unfinished snapshot of an earlier run stays", "file", cfg.File, "error", err)
		}
	}
	shard, found, err := replicator.Load(ctx, meteredDisk{s.cfg.Disk, s.meter}, cfg.File, s.cfg.Store, s.cfg.Backlog,
		func(p replication.Progress) {
			s.percent.Store(math.Float64bits(p.Percent()))
			s.cfg.Logger.Info("loading the snapshot", "file", cfg.File, "keys", p.Keys, "of", p.Total)
		})
	if err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	s.shard, s.loaded = shard, s.cfg.Store.Len()
	if found {
		s.cfg.Logger.Info("snapshot loaded", "file", cfg.File, "keys", s.cfg.Store.Len(), "took", time.Since(s.began))
	}
	return nil
}

// LoadStatus is how far a node has come with reading its keys.
type LoadStatus struct {
	Since         time.Time
	Percent       float64
	Loaded, Total int64 // bytes; Total is 0 if that is not known
}

// Loading returns how far Load has come.
func (s *Snapshots) Loading() LoadStatus {
	st := LoadStatus{Since: s.began, Percent: math.Float64frombits(s.percent.Load())}
	if st.Loaded, st.Total = s.meter.progress(); st.Total > 0 {
		st.Percent = 100 * float64(st.Loaded) / float64(st.Total)
	}
	return st
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

// Schedule saves once nothing else is being written.
func (s *Snapshots) Schedule() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = true
}

// Tick saves if a rule, or Schedule, asks for it.
func (s *Snapshots) Tick() {
	busy := s.cfg.Busy()
	s.mu.Lock()
	due := s.waiting || !s.cfg.Off && s.schedule.Due(time.Now(), s.cfg.Backlog.Changes())
	due = due && !s.running && !busy
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
	s.waiting, s.since = false, time.Now()
	saver := s.saver
	s.mu.Unlock()
	changes := s.cfg.Backlog.Changes()
	err := saver.Save(ctx, s.cfg.Disk, s.cfg.File)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.last, s.took = false, err, time.Since(s.since)
	if err == nil {
		s.saves++
	}
	close(s.ended)
	s.schedule.Done(time.Now(), changes, err)
	s.updateBrokenLocked()
	return err
}

// Discard removes the snapshot and the log durably and then calls giveUp, which makes the node give up
// what it holds. No other snapshot is written in the meantime; one that is being written
// ends first.
func (s *Snapshots) Discard(ctx context.Context, giveUp func() error) error {
	if log := s.cfg.Log; log != nil {
		change := giveUp
		giveUp = func() error { return log.Replace(change) }
	}
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
			s.running, s.ended, s.since = true, make(chan struct{}), time.Now()
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

// SnapshotStatus is how a node stands with its snapshots.
type SnapshotStatus struct {
	Saving  bool
	Current time.Duration // of the one that is being written
	Took    time.Duration // what the last one took, negative: there was none
	Last    time.Time     // when the last good one was finished, or when the node started
	Err     error         // why the last one failed, nil if it did not
	Saves   uint64        // that ended well
	Unsaved uint64        // changes that the last one does not contain
	Loaded  int           // keys that Load has read
}

// Status returns how the node stands with its snapshots.
func (s *Snapshots) Status() SnapshotStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := SnapshotStatus{Saving: s.running, Took: s.took, Last: s.schedule.Last(), Err: s.last, Saves: s.saves,
		Unsaved: s.schedule.Pending(s.cfg.Backlog.Changes()), Loaded: s.loaded}
	if s.running {
		st.Current = time.Since(s.since)
	}
	return st
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
