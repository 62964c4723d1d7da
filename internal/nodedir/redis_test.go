package nodedir

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/storage"
)

// TestCheckRedis looks at folders with files in the forms that Redis 7.0.15 writes.
func TestCheckRedis(t *testing.T) {
	const (
		id    = "07c37dfeb235213a872192d90877d0cd55635b91"
		nodes = id + " 127.0.0.1:30004@31004,hostname4 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 " +
			"1426238317239 4 connected\n"
		newNode  = id + " :0@0 myself,master - 0 0 0 connected\nvars currentEpoch 0 lastVoteEpoch 0\n"
		snapshot = "REDIS0010\xfa\tredis-ver\x067.0.15"
		own      = "\x93\x01\x02"
	)
	for name, c := range map[string]struct {
		own   Files
		disk  map[string]string
		fails string // in the error
		warns string // in the log
	}{
		"nothing":   {own: Files{State: "nodes.conf", Snapshot: "dump.smdb"}},
		"own files": {own: Files{State: "nodes.conf"}, disk: map[string]string{"nodes.conf": own}},
		"nodes.conf": {own: Files{State: "nodes.conf"}, disk: map[string]string{"nodes.conf": nodes},
			fails: `"slotmesh restore"`},
		"nodes.conf of one node": {own: Files{State: "nodes.conf"}, disk: map[string]string{"nodes.conf": newNode},
			fails: "nodes.conf is the cluster state of a Redis node"},
		"another name": {own: Files{State: "nodes-7001.conf"},
			disk:  map[string]string{"nodes-7001.conf": "vars currentEpoch 6 lastVoteEpoch 0\n"},
			fails: "nodes-7001.conf is the cluster state of a Redis node"},
		"no state": {own: Files{Snapshot: "dump.smdb"}, disk: map[string]string{"nodes.conf": nodes}},
		"snapshot": {own: Files{Snapshot: "dump.rdb"}, disk: map[string]string{"dump.rdb": snapshot},
			fails: `dump.rdb is a snapshot (RDB) of Redis`},
		"snapshot of a cluster": {own: Files{State: "nodes.conf", Snapshot: "dump.rdb"},
			disk: map[string]string{"dump.rdb": snapshot}, fails: `"slotmesh import NODE --cluster-from REDIS"`},
		"no snapshot": {disk: map[string]string{"dump.rdb": snapshot}},
		"snapshot beside": {own: Files{Snapshot: "dump.smdb"}, disk: map[string]string{"dump.rdb": snapshot},
			warns: "found=dump.rdb"},
		"append-only file": {own: Files{State: "nodes.conf", Snapshot: "dump.smdb"},
			disk: map[string]string{"appendonlydir": ""}, warns: "found=appendonlydir"},
		"append-only file of a node with a log": {own: Files{Snapshot: "dump.smdb", Log: true},
			disk:  map[string]string{"appendonlydir": ""},
			fails: `appendonlydir is the append-only file of a Redis server, which this node does not go on with`},
		"append-only file of a node with a log only": {own: Files{Log: true}, disk: map[string]string{"appendonly.aof": ""},
			fails: `"slotmesh import NODE --cluster-from REDIS"`},
		"snapshot beside a log only": {own: Files{Log: true}, disk: map[string]string{"dump.rdb": snapshot}},
		"beside a log that this node wrote": {own: Files{Snapshot: "dump.smdb", Log: true, Logged: true},
			disk: map[string]string{"dump.rdb": snapshot, "appendonlydir": ""}},
		"beside a snapshot that this node wrote": {own: Files{Snapshot: "dump.smdb"},
			disk: map[string]string{"dump.smdb": own, "dump.rdb": snapshot}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := &storage.Memory{}
			for file, text := range c.disk {
				if err := storage.WriteFile(disk, file, []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			var log bytes.Buffer
			c.own.Disk = disk
			err := c.own.CheckRedis(hclog.New(&hclog.LoggerOptions{Output: &log}))
			switch {
			case c.fails == "" && err != nil:
				t.Error(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%v; want %q", err, c.fails)
			}
			if got := log.String(); !strings.Contains(got, c.warns) || c.warns == "" && got != "" {
				t.Errorf("want %q in the log:\n%s", c.warns, got)
			}
			for file, text := range c.disk {
				if got, err := storage.ReadFile(disk, file); err != nil || string(got) != text {
					t.Errorf("%s is %q now, %v", file, got, err)
				}
			}
		})
	}
}
