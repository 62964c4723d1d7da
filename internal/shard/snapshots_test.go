package shard

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/storage"
)

// saver takes a second for a snapshot, and fails as the test says.
type saver struct {
	saved int
	err   error
}

func (s *saver) Save(ctx context.Context, _ storage.Disk, _ string) error {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	s.saved++
	return s.err
}

// newSnapshots returns snapshots by one rule: a key changed, ten seconds ago.
func newSnapshots(t *testing.T, cfg SnapshotConfig) (*Snapshots, *saver, func()) {
	cfg.Disk, cfg.File = &storage.Memory{}, "snapshot"
	if !cfg.AtEnd {
		cfg.Rules = []replication.SaveRule{{Every: 10 * time.Second, Changes: 1}}
	}
	cfg.Backlog = replicator.NewBacklog(0)
	cfg.Store = keyspace.New(keyspace.Config{Sink: cfg.Backlog})
	cfg.Life, cfg.Go, cfg.Logger = t.Context(), func(fn func()) { go fn() }, hclog.NewNullLogger()
	s := NewSnapshots(cfg)
	if err := s.Save(t.Context()); !errors.Is(err, errStarting) {
		t.Errorf("a snapshot before the start: %v", err)
	}
	if err := s.Load(t.Context()); err != nil || s.Shard() != nil {
		t.Errorf("no snapshot to load: %v", err)
	}
	var disk saver
	s.Begin(&disk)
	return s, &disk, func() {
		err := cfg.Store.Update(0, func(tx *keyspace.Tx) error { return tx.Put([]byte("k"), keyspace.String, nil, 0) })
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A rule saves once it is due, and not while a snapshot is being written.
func TestSnapshotsByRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, disk, write := newSnapshots(t, SnapshotConfig{})
		tick := func() {
			s.Tick()
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		tick()
		if s.Status().Saving {
			t.Error("saves although nothing has changed")
		}
		write()
		if n := s.Status().Unsaved; n != 1 {
			t.Errorf("%d changes are not saved", n)
		}
		tick()
		if !s.Status().Saving {
			t.Error("does not save")
		}
		if err := s.Save(t.Context()); !errors.Is(err, replicator.ErrSaving) {
			t.Errorf("a second one at the same time: %v", err)
		}
		tick()
		time.Sleep(time.Second)
		synctest.Wait()
		if st := s.Status(); disk.saved != 1 || st.Saving || st.Unsaved != 0 || st.Err != nil || time.Since(st.Last) != 0 ||
			st.Took != time.Second || st.Saves != 1 {
			t.Errorf("%d saved: %+v", disk.saved, st)
		}
	})
}

// A snapshot that was asked for waits for the log, which is being rewritten; so do those of
// rules.
func TestSnapshotsWaitForARewrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := true
		s, disk, write := newSnapshots(t, SnapshotConfig{Busy: func() bool { return busy }})
		tick := func() {
			s.Tick()
			time.Sleep(time.Second)
			synctest.Wait()
		}
		s.Schedule()
		tick()
		if disk.saved != 0 {
			t.Error("saved beside a rewrite")
		}
		busy = false
		tick()
		tick()
		if disk.saved != 1 {
			t.Errorf("saved %d times", disk.saved)
		}
		write()
		time.Sleep(time.Minute)
		busy = true
		tick()
		if disk.saved != 1 {
			t.Error("a rule saved beside a rewrite")
		}
		busy = false
		tick()
		if disk.saved != 2 {
			t.Error("the rule was forgotten")
		}
	})
}

// While the disk takes no snapshot writes are refused, unless that is said to be no
// matter, there are no rules, or the snapshot was merely interrupted.
func TestWritesWhileSnapshotsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, disk, _ := newSnapshots(t, SnapshotConfig{})
		check := func(what string, want error) {
			t.Helper()
			if err := s.MayWrite(); err != want {
				t.Errorf("%s: %v", what, err)
			}
		}
		disk.err = errors.New("disk full")
		if err := s.Save(t.Context()); err != disk.err {
			t.Error(err)
		}
		check("failed", keyspace.ErrNotSaved)
		s.SetIgnoreErrors(true)
		check("no matter", nil)
		s.SetIgnoreErrors(false)
		check("a matter again", keyspace.ErrNotSaved)
		if err := s.SetRules(""); err != nil {
			t.Error(err)
		}
		check("no rules", nil)
		if err := s.SetRules("10 1"); err != nil {
			t.Error(err)
		}
		if err := s.SetRules("10"); err == nil {
			t.Error("half a rule is accepted")
		}
		check("rules again", keyspace.ErrNotSaved)
		disk.err = replicator.ErrOvertaken
		s.Save(t.Context())
		check("overtaken", nil)
		disk.err = nil
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		s.Save(ctx)
		check("interrupted", nil)
	})
}

// The end waits for a snapshot that is under way and saves what it does not contain, if
// that is wanted.
func TestSnapshotAtEnd(t *testing.T) {
	for _, c := range []struct {
		name   string
		cfg    SnapshotConfig
		writes bool
		noLast bool
		want   int
	}{
		{"nothing new", SnapshotConfig{}, false, false, 1},
		{"something new", SnapshotConfig{}, true, false, 2},
		{"without rules", SnapshotConfig{AtEnd: true}, true, false, 2},
		{"not wanted", SnapshotConfig{}, true, true, 1},
		{"off", SnapshotConfig{Off: true}, true, false, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, disk, write := newSnapshots(t, c.cfg)
			go s.Save(t.Context())
			synctest.Wait()
			if c.writes {
				write()
			}
			if c.noLast {
				s.NoLastSave()
			}
			if err := s.AtEnd(); err != nil || disk.saved != c.want && !c.cfg.Off {
				t.Errorf("%s: %d saved, %v", c.name, disk.saved, err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if disk.saved != c.want {
				t.Errorf("%s: %d saved in the end", c.name, disk.saved)
			}
		})
	}
}

// The snapshot goes before what the node holds does, and no other one is written between.
func TestDiscardKeepsOthersFromSaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, write := newSnapshots(t, SnapshotConfig{})
		if err := storage.WriteFile(s.cfg.Disk, s.cfg.File, []byte("old")); err != nil {
			t.Fatal(err)
		}
		go s.Save(t.Context())
		synctest.Wait()
		write()
		began := time.Now()
		err := s.Discard(t.Context(), func() error {
			if time.Since(began) != time.Second {
				t.Errorf("began after %v, beside a snapshot", time.Since(began))
			}
			if _, err := s.cfg.Disk.Open(s.cfg.File); err == nil {
				t.Error("the snapshot is still there")
			}
			if err := s.Save(t.Context()); !errors.Is(err, replicator.ErrSaving) {
				t.Errorf("a snapshot meanwhile: %v", err)
			}
			return errors.New("kept")
		})
		if err == nil || err.Error() != "kept" || s.Status().Saving {
			t.Errorf("%v", err)
		}
		go s.Save(t.Context())
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := s.Discard(ctx, func() error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("gave up with %v", err)
		}
		time.Sleep(time.Minute)
	})
}
