package slotmesh_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/storage"
)

// TestFilesOfRedis starts nodes on folders with files in the forms that Redis 7.0.15 writes.
func TestFilesOfRedis(t *testing.T) {
	const (
		id    = "07c37dfeb235213a872192d90877d0cd55635b91"
		nodes = id + " 127.0.0.1:30004@31004,hostname4 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 " +
			"1426238317239 4 connected\n"
		newNode  = id + " :0@0 myself,master - 0 0 0 connected\nvars currentEpoch 0 lastVoteEpoch 0\n"
		snapshot = "REDIS0010\xfa\tredis-ver\x067.0.15"
	)
	rdbName := slotmesh.SnapshotConfig{File: "dump.rdb"}
	for name, c := range map[string]struct {
		cfg        slotmesh.Config
		file, text string
		fails      string // in the error of Start
		warns      string // in the log
	}{
		"nodes.conf": {slotmesh.Config{}, "nodes.conf", nodes, `"slotmesh restore"`, ""},
		"nodes.conf, alone": {slotmesh.Config{}, "nodes.conf", newNode, "nodes.conf is the cluster state of a Redis node",
			""},
		"another name": {slotmesh.Config{StateFile: "nodes-7001.conf"}, "nodes-7001.conf",
			"vars currentEpoch 6 lastVoteEpoch 0\n", "nodes-7001.conf is the cluster state of a Redis node", ""},
		"not in a cluster": {slotmesh.Config{Standalone: true}, "nodes.conf", nodes, "", ""},
		"snapshot": {slotmesh.Config{Standalone: true, Snapshot: rdbName}, "dump.rdb", snapshot,
			`dump.rdb is a snapshot (RDB) of Redis`, ""},
		"snapshot, cluster": {slotmesh.Config{Snapshot: rdbName}, "dump.rdb", snapshot,
			`"slotmesh import NODE --cluster-from REDIS"`, ""},
		"snapshot, not ours": {slotmesh.Config{Standalone: true}, "dump.rdb", snapshot, "", "found=dump.rdb"},
		"append-only file":   {slotmesh.Config{}, "appendonlydir", "", "", "found=appendonlydir"},
	} {
		t.Run(name, func(t *testing.T) {
			files, log := &storage.Memory{}, bytes.Buffer{}
			if err := storage.WriteFile(files, c.file, []byte(c.text)); err != nil {
				t.Fatal(err)
			}
			c.cfg.Disk, c.cfg.Network = files, memnet.New().Host("10.0.0.1")
			c.cfg.Logger = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Warn})
			n, err := slotmesh.New(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			err = n.Start(t.Context())
			n.Close()
			switch {
			case c.fails == "" && err != nil:
				t.Errorf("Start: %v", err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails) ||
				strings.Contains(err.Error(), "damaged")):
				t.Errorf("Start: %v; want %q", err, c.fails)
			}
			if got := log.String(); !strings.Contains(got, c.warns) || c.warns == "" && strings.Contains(got, "Redis") {
				t.Errorf("want %q in the log:\n%s", c.warns, got)
			}
			if got, err := storage.ReadFile(files, c.file); err != nil || string(got) != c.text {
				t.Errorf("the file is %q now, %v", got, err)
			}
		})
	}
}
