package slotmesh_test

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/storage"
)

// A node does not start on the files of a Redis server that have the names of its own.
// Package internal/nodedir tests how they are recognised.
func TestFilesOfRedis(t *testing.T) {
	const (
		nodes    = "07c37dfeb235213a872192d90877d0cd55635b91 :0@0 myself,master - 0 0 0 connected\n"
		snapshot = "REDIS0010\xfa\tredis-ver\x067.0.15"
	)
	for name, c := range map[string]struct {
		cfg        slotmesh.Config
		file, text string
		fails      string // in the error of Start
	}{
		"state": {slotmesh.Config{}, "nodes.conf", nodes,
			"slotmesh: nodes.conf is the cluster state of a Redis node"},
		"state, not in a cluster": {slotmesh.Config{Standalone: true}, "nodes.conf", nodes, ""},
		"snapshot": {slotmesh.Config{Snapshot: slotmesh.SnapshotConfig{File: "dump.rdb"}}, "dump.rdb", snapshot,
			"slotmesh: dump.rdb is a snapshot (RDB) of Redis"},
		"snapshot, not saved": {slotmesh.Config{Snapshot: slotmesh.SnapshotConfig{File: "dump.rdb", Off: true}}, "dump.rdb",
			snapshot, ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := &storage.Memory{}
			if err := storage.WriteFile(files, c.file, []byte(c.text)); err != nil {
				t.Fatal(err)
			}
			c.cfg.Disk, c.cfg.Network = files, memnet.New().Host("10.0.0.1")
			n, err := slotmesh.New(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			err = n.Start(t.Context())
			n.Close()
			switch {
			case c.fails == "" && err != nil:
				t.Errorf("Start: %v", err)
			case c.fails != "" && (err == nil || !strings.HasPrefix(err.Error(), c.fails)):
				t.Errorf("Start: %v; want %q", err, c.fails)
			}
			if got, err := storage.ReadFile(files, c.file); err != nil || string(got) != c.text {
				t.Errorf("the file is %q now, %v", got, err)
			}
		})
	}
}
