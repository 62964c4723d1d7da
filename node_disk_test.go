package slotmesh_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/storage"
)

// TestOneNodePerFolder tries to start a second node on the folder of one that runs.
func TestOneNodePerFolder(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	mem := &storage.Memory{}
	for name, c := range map[string]struct{ first, second slotmesh.Config }{
		"same": {slotmesh.Config{Dir: dir}, slotmesh.Config{Dir: dir}},
		"other state file": {slotmesh.Config{Dir: dir}, slotmesh.Config{Dir: dir, StateFile: "other.conf",
			Snapshot: slotmesh.SnapshotConfig{File: "other.smdb"}}},
		"symbolic link": {slotmesh.Config{Dir: link}, slotmesh.Config{Dir: dir}},
		"standalone":    {slotmesh.Config{Dir: dir, Standalone: true}, slotmesh.Config{Dir: dir, Standalone: true}},
		"of both kinds": {slotmesh.Config{Dir: dir}, slotmesh.Config{Dir: dir, Standalone: true,
			Snapshot: slotmesh.SnapshotConfig{Off: true}}},
		"the host's disk": {slotmesh.Config{Disk: mem}, slotmesh.Config{Disk: mem}},
	} {
		t.Run(name, func(t *testing.T) {
			network := memnet.New()
			start := func(host string, cfg slotmesh.Config) (*slotmesh.Node, error) {
				cfg.Network, cfg.Addr = network.Host(host), host+":7000"
				n, err := slotmesh.New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				return n, n.Start(t.Context())
			}
			first, err := start("10.0.0.1", c.first)
			if err != nil {
				t.Fatal(err)
			}
			defer first.Close()
			for range 2 { // one that is refused leaves nothing behind
				second, err := start("10.0.0.2", c.second)
				defer second.Close()
				if !errors.Is(err, slotmesh.ErrDiskInUse) || !strings.Contains(err.Error(), "another node") ||
					!strings.Contains(err.Error(), c.second.Dir) {
					t.Fatalf("the second one: %v", err)
				}
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			second, err := start("10.0.0.2", c.second)
			if err != nil {
				t.Fatalf("after the first one has ended: %v", err)
			}
			second.Close()
		})
	}
}

// A folder that cannot be locked for another reason stops a node of a cluster, whose
// state must be saved, and not a standalone one, which may have nothing to save.
func TestFolderWithoutLock(t *testing.T) {
	for _, standalone := range []bool{true, false} {
		for _, c := range []struct {
			err  error
			want bool // that a standalone node starts
		}{{os.ErrPermission, true}, {errors.New("no locks here"), false}} {
			n, err := slotmesh.New(slotmesh.Config{Standalone: standalone, Disk: unlockable{&storage.Memory{}, c.err},
				Network: memnet.New().Host("10.0.0.1")})
			if err != nil {
				t.Fatal(err)
			}
			err = n.Start(t.Context())
			if ok := err == nil; ok != (standalone && c.want) || !ok && !errors.Is(err, c.err) {
				t.Errorf("standalone %v, %v: Start: %v", standalone, c.err, err)
			}
			n.Close()
		}
	}
}

// unlockable is a disk whose Lock fails.
type unlockable struct {
	slotmesh.Disk
	err error
}

func (d unlockable) Lock(...string) (func(), error) { return nil, d.err }
