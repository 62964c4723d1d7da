package shard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/replication/oplog/committer"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/storage"
)

// Load reads the log of an earlier run, if there is one, before the node serves, and begins
// the one of this run. It must be called once, before Begin. shard is the name of the shard
// that the keys are of, see Lineage. snapshot reads the keys if there is no log.
func (l *Log) Load(ctx context.Context, m *meter, progress func(replication.Progress), snapshot func() error) (
	shard []byte, found bool, err error) {
	if l.disk == nil {
		return nil, false, snapshot()
	}
	if found, err = oplog.Exists(l.disk); err != nil {
		return nil, false, fmt.Errorf("slotmesh: %w", err)
	}
	var loaded *oplog.Loaded
	if found {
		loaded, err = l.read(ctx, m, progress)
	} else {
		err = snapshot()
	}
	if err != nil {
		return nil, found, err
	}
	if found {
		shard = loaded.Shard
		l.cfg.Backlog.RestoreLog(loaded.Stream)
	}
	if l.left = found; l.settings.Policy == committer.Off {
		return shard, found, nil
	}
	c, err := committer.New(l.config(l.settings), loaded)
	if err != nil {
		return nil, found, fmt.Errorf("slotmesh: beginning the log: %w", err)
	}
	l.left = false
	l.writing.Store(c)
	return shard, found, nil
}

// read reads the log into the store.
func (l *Log) read(ctx context.Context, m *meter, progress func(replication.Progress)) (*oplog.Loaded, error) {
	names, err := oplog.Files(l.disk)
	if err != nil {
		return nil, fmt.Errorf("slotmesh: loading the log: %w", err)
	}
	m.expect(l.disk, names)
	began := time.Now()
	told := began
	loaded, err := oplog.Load(ctxDisk{meteredDisk{l.disk, m}, ctx}, l.cfg.Store, oplog.Options{
		BacklogSize: int(l.cfg.Backlog.Info().Size),
		RefuseTorn:  l.settings.RefuseTruncated,
		Progress: func(p oplog.Progress) {
			progress(p.Base)
			if now := time.Now(); now.Sub(told) >= time.Second {
				told = now
				l.cfg.Logger.Info("loading the log", "keys", p.Base.Keys, "of", p.Base.Total, "log_bytes", p.Read)
			}
		},
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("slotmesh: loading the log: %w", err)
	}
	if t := loaded.Torn; t != nil {
		l.cfg.Logger.Warn("the log ended within what was being written, as after a crash: its end has been cut off",
			"file", t.File, "at", t.Offset, "bytes", t.Bytes, "records", t.Records)
	}
	l.cfg.Logger.Info("log loaded", "keys", l.cfg.Store.Len(), "records", loaded.Records, "base_bytes", loaded.BaseSize,
		"log_bytes", loaded.Size, "took", time.Since(began))
	return loaded, nil
}

// ctxDisk is a disk whose files are read until ctx ends.
type ctxDisk struct {
	storage.Disk
	ctx context.Context
}

func (d ctxDisk) Open(name string) (io.ReadCloser, error) {
	f, err := d.Disk.Open(name)
	if err != nil {
		return nil, err
	}
	return ctxFile{f, d.ctx}, nil
}

type ctxFile struct {
	io.ReadCloser
	ctx context.Context
}

func (f ctxFile) Read(b []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.ReadCloser.Read(b)
}

// Base writes the base of a log: a *replicator.Replicator.
type Base interface {
	Base(ctx context.Context, d storage.Disk, name string, waiting func()) (offset int64, err error)
}

// Begin writes the log from now on. base writes its bases, save a snapshot. If there was no
// log before, or if there is to be none from now on, Begin returns when the keys are in the
// base, or in the snapshot.
func (l *Log) Begin(ctx context.Context, base Base, save func(context.Context) error) error {
	l.mu.Lock()
	l.base, l.save = base, save
	l.mu.Unlock()
	c := l.writing.Load()
	switch {
	case c != nil:
		c.Start()
		return c.Ready(ctx)
	case l.left:
		return l.removeLeft(ctx)
	}
	return nil
}

// removeLeft removes the log of an earlier run, with a snapshot in its place.
func (l *Log) removeLeft(ctx context.Context) error {
	if err := l.save(ctx); err != nil {
		return fmt.Errorf("slotmesh: the log, which is off now, was not replaced by a snapshot: %w", err)
	}
	l.left = false
	return oplog.Remove(l.disk)
}

// config is that of a Committer with settings s.
func (l *Log) config(s LogSettings) committer.Config {
	return committer.Config{
		Settings: s.Settings,
		Disk:     l.disk,
		Backlog:  l.cfg.Backlog,
		Keys:     l.cfg.Store.Len,
		Base: func(ctx context.Context, d storage.Disk, name string, waiting func()) (int64, error) {
			l.mu.Lock()
			base := l.base
			l.mu.Unlock()
			return base.Base(ctx, d, name, waiting)
		},
		Hold:    l.cfg.Hold,
		Logger:  l.cfg.Logger,
		OnEvent: l.cfg.OnEvent,
		Latency: l.cfg.Latency,
		OnPanic: l.cfg.OnPanic,
	}
}

// Set changes the settings while the node runs: Begin has returned. A log that is turned on
// protects the keys once it has a base, see Status. Before one is turned off a snapshot is
// saved. After an error everything is as it was.
func (l *Log) Set(ctx context.Context, s LogSettings) error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	c := l.writing.Load()
	switch {
	case s.Policy == committer.Off && c != nil:
		if err := l.save(ctx); err != nil {
			return fmt.Errorf("the log stays on, because the snapshot in its place was not saved: %w", err)
		}
		l.writing.Store(nil)
		if err := errors.Join(c.Close(), oplog.Remove(l.disk)); err != nil {
			l.cfg.Logger.Warn("turning the log off", "error", err)
		}
	case s.Policy != committer.Off && c == nil:
		if l.disk == nil {
			return ErrNoLogDisk
		}
		c, err := committer.New(l.config(s), nil)
		if err != nil {
			return err
		}
		l.writing.Store(c)
		c.Start()
	case c != nil:
		c.Set(s.Settings)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settings = s
	return nil
}

// Close ends the log; its error says that not everything is on disk. Nothing is written to
// the store any more.
func (l *Log) Close() error {
	c := l.writing.Load()
	if c == nil {
		return nil
	}
	return c.Close()
}

// Replace runs change, which gives up the node's keys, so that no start can find them after
// a crash: see [committer.Committer.Replace].
func (l *Log) Replace(change func() error) error {
	if c := l.writing.Load(); c != nil {
		return c.Replace(change)
	}
	return change()
}

// Always reports whether each write has to be on disk before it is answered.
func (l *Log) Always() bool {
	c := l.writing.Load()
	return c != nil && c.Policy() == committer.Always
}

// Behind reports whether a reply has to wait, by Await.
func (l *Log) Behind() bool {
	c := l.writing.Load()
	return c != nil && c.Behind()
}

// MayShow returns why keys must not be shown because of the log, nil if they may.
func (l *Log) MayShow() error {
	if c := l.writing.Load(); c != nil {
		return c.MayShow()
	}
	return nil
}

// Await returns when a reply may leave: see [committer.Committer.Await].
func (l *Log) Await(ctx context.Context, wrote bool) error {
	if c := l.writing.Load(); c != nil {
		return c.Await(ctx, wrote)
	}
	return nil
}

// Sync makes everything durable that has been written, whatever the policy. Without a log
// it does nothing.
func (l *Log) Sync(ctx context.Context) error {
	if c := l.writing.Load(); c != nil {
		return c.Sync(ctx)
	}
	return nil
}

var _ Base = (*replicator.Replicator)(nil)
