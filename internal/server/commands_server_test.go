package server

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// fakeSettings knows some directives, one of which refuses odd numbers.
type fakeSettings struct {
	values    map[string]string
	rewritten bool
}

func (f *fakeSettings) Get(pattern string) (list [][2]string) {
	for _, name := range []string{"appendonly", "maxmemory", "maxmemory-policy", "save"} {
		if ok, _ := path.Match(pattern, name); ok {
			list = append(list, [2]string{name, f.values[name]})
		}
	}
	return list
}

func (f *fakeSettings) Set(pairs [][2]string, _ bool) error {
	for _, p := range pairs {
		if _, known := f.values[p[0]]; !known {
			return fmt.Errorf("Unknown option or number of arguments for CONFIG SET - '%s'", p[0])
		}
		if p[0] == "maxmemory" && p[1] == "odd" {
			return errors.New("CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value")
		}
	}
	for _, p := range pairs {
		f.values[p[0]] = p[1]
	}
	return nil
}

func (f *fakeSettings) Rewrite() error {
	f.rewritten = true
	return nil
}

func TestConfig(t *testing.T) {
	settings := &fakeSettings{values: map[string]string{"appendonly": "no", "maxmemory": "0",
		"maxmemory-policy": "noeviction", "save": ""}}
	reset := false
	c := connect(t, startServer(t, Config{Settings: settings, ResetStats: func() { reset = true }}))
	expect(t, c, "CONFIG GET save", `["save", ""]`)
	expect(t, c, "CONFIG GET max* maxmemory save", `["maxmemory", "0", "maxmemory-policy", "noeviction", "save", ""]`)
	expect(t, c, "CONFIG GET nothing", `[]`)
	expect(t, c, "CONFIG SET SAVE '900 1' appendonly yes", "+OK")
	expect(t, c, "CONFIG GET save appendonly", `["save", "900 1", "appendonly", "yes"]`)
	expect(t, c, "CONFIG SET appendonly no save '' maxmemory odd",
		"-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value")
	expect(t, c, "CONFIG SET foo 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'")
	expect(t, c, "CONFIG SET save", "-ERR wrong number of arguments for 'config|set' command")
	expect(t, c, "CONFIG SET save 1 maxmemory", "-ERR wrong number of arguments for 'config|set' command")
	expect(t, c, "CONFIG REWRITE", "+OK")
	expect(t, c, "CONFIG RESETSTAT", "+OK")
	if !settings.rewritten || !reset {
		t.Errorf("rewritten %v, reset %v", settings.rewritten, reset)
	}
	bare := connect(t, startServer(t, Config{}))
	expect(t, bare, "CONFIG GET save", "[]")
	expect(t, bare, "CONFIG SET save 1", "-"+"ERR CONFIG is not available: the host program configures this node")
}

// infoOf returns the lines of INFO by name, and the titles of its sections.
func infoOf(t *testing.T, c *resp.Conn, args ...string) (lines map[string]string, titles string) {
	t.Helper()
	reply, err := c.Do(append([]string{"INFO"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	lines = make(map[string]string)
	var found []string
	for _, line := range strings.Split(reply.Text(), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		switch {
		case ok:
			lines[name] = value
		case strings.HasPrefix(line, "# "):
			found = append(found, line[2:])
		case line != "":
			t.Errorf("INFO line %q is neither a title nor name:value", line)
		}
	}
	return lines, strings.Join(found, " ")
}

func TestInfo(t *testing.T) {
	extra := func(section string) [][2]string {
		if section == "persistence" {
			return [][2]string{{"rdb_changes_since_last_save", "7"}}
		}
		return nil
	}
	srv := startServer(t, Config{Cluster: newFakeCluster(), Port: func() int { return 7001 }, Version: "1.2.3",
		ConfigFile: "/etc/x.conf",
		Info:       extra})
	c := connect(t, srv)
	all, titles := infoOf(t, c, "everything")
	const want = "Server Clients Memory Persistence Stats Replication CPU Commandstats Errorstats Latencystats " +
		"Cluster Keyspace"
	if titles != want {
		t.Errorf("INFO everything has %s, want %s", titles, want)
	}
	for name, want := range map[string]string{
		"redis_version": "7.0.15", "redis_mode": "cluster", "tcp_port": "7001", "cluster_enabled": "1", "role": "master",
		"connected_slaves": "0", "master_replid": strings.Repeat("0", 40), "second_repl_offset": "-1",
		"connected_clients": "1",
		"maxmemory":         "0", "maxmemory_policy": "noeviction", "loading": "0", "rdb_changes_since_last_save": "7",
		"slotmesh_version": "1.2.3", "config_file": "/etc/x.conf",
	} {
		if all[name] != want {
			t.Errorf("%s:%s, want %s", name, all[name], want)
		}
	}
	if runtime.GOOS == "linux" && all["used_cpu_sys"] == "0.000000" {
		t.Error("the system took no time for the process")
	}
	if _, has := all["db0"]; has {
		t.Error("an empty node shows db0")
	}
	expect(t, c, "SET k v EX 100", "+OK")
	expect(t, c, "GET", "-ERR wrong number of arguments for 'get' command")
	if _, titles := infoOf(t, c, "KEYSPACE", "errorstats"); titles != "Errorstats Keyspace" {
		t.Errorf("INFO keyspace errorstats has %s", titles)
	}
	some, _ := infoOf(t, c, "commandstats", "errorstats", "keyspace")
	if got := some["db0"]; !strings.HasPrefix(got, "keys=1,expires=1,") {
		t.Errorf("db0:%s", got)
	}
	if got := some["errorstat_ERR"]; got != "count=1" {
		t.Errorf("errorstat_ERR:%s", got)
	}
	if got := some["cmdstat_get"]; !strings.Contains(got, "calls=0,") || !strings.Contains(got, "rejected_calls=1") {
		t.Errorf("cmdstat_get:%s", got)
	}
	expect(t, c, "CONFIG RESETSTAT", "+OK")
	if some, _ := infoOf(t, c, "errorstats"); len(some) != 0 {
		t.Errorf("after RESETSTAT: %v", some)
	}
}

func TestRoleOfAReplicaAndItsMaster(t *testing.T) {
	r := Replication{Offset: 42, ID: strings.Repeat("a", 40),
		Replicas: []Replica{{Host: "10.0.0.3", Port: 7003, State: "online", Offset: 40, Lag: 1e9}}}
	c := connect(t, startServer(t, Config{Replication: func() Replication { return r }}))
	expect(t, c, "ROLE", `["master", :42, [["10.0.0.3", "7003", "40"]]]`)
	lines, _ := infoOf(t, c, "replication")
	if lines["slave0"] != "ip=10.0.0.3,port=7003,state=online,offset=40,lag=1" || lines["master_replid"] != r.ID {
		t.Errorf("INFO replication: %v", lines)
	}
	r = Replication{Offset: 41, Master: &Master{Host: "10.0.0.1", Port: 7001, State: "connected", LastIO: 2e9}}
	expect(t, c, "ROLE", `["slave", "10.0.0.1", :7001, "connected", :41]`)
	if lines, _ := infoOf(t, c, "replication"); lines["role"] != "slave" || lines["master_link_status"] != "up" ||
		lines["master_last_io_seconds_ago"] != "2" {
		t.Errorf("INFO replication: %v", lines)
	}
	r.Master = &Master{State: "sync", Syncing: true, Percent: 12.345, DownFor: 3e9}
	if lines, _ := infoOf(t, c, "replication"); lines["master_link_down_since_seconds"] != "3" ||
		lines["master_sync_perc"] != "12.35" {
		t.Errorf("INFO replication in a full sync: %v", lines)
	}
}

// While a node starts, what is behind Cluster does not exist yet.
func TestInfoWhileLoading(t *testing.T) {
	srv := startServer(t, Config{Cluster: struct{ Cluster }{}, Snapshots: &fakeSnapshots{}})
	srv.SetLoading(true)
	c := connect(t, srv)
	for _, line := range []string{"INFO everything", "INFO", "HELLO", "ROLE", "CLIENT LIST", "COMMAND COUNT",
		"CLUSTER HELP"} {
		if got := do(t, c, line); got == "closed" || strings.HasPrefix(got, "-ERR") {
			t.Errorf("%s: %s", line, got)
		}
	}
	expect(t, c, "CLUSTER INFO", "-LOADING Redis is loading the dataset in memory")
	if lines, _ := infoOf(t, c, "persistence"); lines["loading"] != "1" || lines["loading_loaded_perc"] != "25.00" ||
		lines["loading_eta_seconds"] != "30" {
		t.Errorf("INFO persistence: %v", lines)
	}
}
