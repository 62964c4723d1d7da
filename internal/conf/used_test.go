package conf

import (
	"math"
	"time"
)

// The words that directives of the kinds isEnum and isList accept.
var (
	policies = []string{"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu",
		"allkeys-random", "noeviction"}
	levels = []string{"debug", "verbose", "notice", "warning"}
	// debuggers are those of internal/server.
	debuggers = []string{"no", "yes", "local"}
	// endpoints are those of package slots.
	endpoints = []string{"ip", "hostname", "unknown-endpoint"}
	shutdowns = []string{"default", "save", "nosave", "now", "force"}
)

// testTable has the directives of a node, as the program that serves one declares them.
var testTable = NewTable(usedTable())

// Load is testTable.Load.
func Load(file string, args []string) (*Settings, []Warning, error) {
	return testTable.Load(file, args)
}

// Parse is Load from a text; name stands for the file in messages.
func Parse(name, text string, args ...string) (*Settings, []Warning, error) {
	l := testTable.newLoader(readFile)
	l.text(name, text)
	return l.finish(args)
}

// stored returns what a field of type T is set to.
func stored[T any](s *Settings, name string) (field T) {
	s.Value(name).Store(&field)
	return field
}

// usedTable has the directives that a node obeys. Defaults are those of Redis 7.0.
func usedTable() []Directive {
	const anyInt, anyBytes = math.MaxInt32, math.MaxInt64
	return []Directive{
		{Name: "user", Kind: Lines, FileOnly: true, Secret: true},
		{Name: "aclfile", Kind: String},

		// The process.
		{Name: "port", Kind: Int, Default: "6379", Max: 65535},
		{Name: "bind", Kind: List, Default: "* -::*"},
		{Name: "unixsocket", Kind: String},
		{Name: "unixsocketperm", Kind: Mode, Default: "0", Max: 0o777},
		{Name: "protected-mode", Kind: Bool, Default: "yes", Live: true},
		{Name: "rename-command", Kind: Renames, FileOnly: true},
		{Name: "dir", Kind: Dir, Default: ".", Guarded: true},
		{Name: "logfile", Kind: String},
		{Name: "loglevel", Kind: Enum, Words: levels, Default: "notice", Live: true},
		{Name: "requirepass", Kind: String, Live: true, Secret: true},
		{Name: "masterauth", Kind: String, Live: true, Secret: true},

		// Clients.
		{Name: "enable-debug-command", Kind: Enum, Words: debuggers, Default: "no"},
		{Name: "maxclients", Kind: Int, Default: "10000", Min: 1, Max: anyInt, Live: true},
		{Name: "timeout", Kind: Time, Unit: time.Second, Default: "0", Max: anyInt, Live: true},
		{Name: "tcp-keepalive", Kind: Time, Unit: time.Second, Default: "300", Max: anyInt, Live: true},
		{Name: "proto-max-bulk-len", Kind: Bytes, Default: "536870912", Min: 1 << 20, Max: anyBytes, Live: true},
		{Name: "client-query-buffer-limit", Kind: Bytes, Default: "1073741824", Min: 1 << 20, Max: anyBytes, Live: true},
		{Name: "client-output-buffer-limit", Kind: Limits,
			Default: "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60", Live: true},

		// TLS.
		{Name: "tls-port", Kind: Int, Default: "0", Max: 65535, Live: true},
		{Name: "tls-cluster", Kind: Bool, Default: "no", Live: true},

		// Memory.
		{Name: "appendfsync", Kind: Enum, Words: []string{"everysec", "always", "no"}, Default: "everysec", Live: true},
		{Name: "appendonly", Kind: Bool, Default: "no", Live: true},
		{Name: "maxmemory", Kind: Bytes, Default: "0", Max: anyBytes, Live: true},
		{Name: "maxmemory-policy", Kind: Enum, Words: policies, Default: "noeviction", Live: true},
		{Name: "maxmemory-samples", Kind: Int, Default: "5", Min: 1, Max: 64, Live: true},

		// What OBJECT ENCODING calls compact.
		{Name: "hash-max-listpack-entries", Alias: "hash-max-ziplist-entries", Kind: Int, Default: "512", Max: anyInt,
			Live: true},
		{Name: "hash-max-listpack-value", Alias: "hash-max-ziplist-value", Kind: Int, Default: "64", Max: anyInt, Live: true},
		{Name: "set-max-intset-entries", Kind: Int, Default: "512", Max: anyInt, Live: true},
		{Name: "zset-max-listpack-entries", Alias: "zset-max-ziplist-entries", Kind: Int, Default: "128", Max: anyInt,
			Live: true},
		{Name: "zset-max-listpack-value", Alias: "zset-max-ziplist-value", Kind: Int, Default: "64", Max: anyInt, Live: true},
		{Name: "stream-node-max-bytes", Kind: Bytes, Default: "4096", Max: anyBytes, Live: true},
		{Name: "stream-node-max-entries", Kind: Int, Default: "100", Max: anyInt, Live: true},

		// Data on disk.
		{Name: "save", Kind: Save, Default: "3600 1 300 100 60 10000", Live: true},
		{Name: "stop-writes-on-bgsave-error", Kind: Bool, Default: "yes", Live: true},
		{Name: "dbfilename", Kind: String, Default: "dump.smdb"},
		{Name: "shutdown-on-sigint", Kind: List, Words: shutdowns, Default: "default"},
		{Name: "shutdown-on-sigterm", Kind: List, Words: shutdowns, Default: "default"},

		// Replication.
		{Name: "repl-backlog-size", Kind: Bytes, Default: "1048576", Min: 16384, Max: anyBytes, Live: true},
		{Name: "repl-timeout", Kind: Time, Unit: time.Second, Default: "10", Min: 2, Max: anyInt},
		{Name: "min-replicas-to-write", Alias: "min-slaves-to-write", Kind: Int, Default: "0", Max: anyInt, Live: true},
		{Name: "slotmesh-sync-replicas", Kind: Int, Default: "0", Max: 1000},
		{Name: "min-replicas-max-lag", Alias: "min-slaves-max-lag", Kind: Time, Unit: time.Second, Default: "10", Max: anyInt,
			Live: true},

		// The cluster.
		{Name: "cluster-replica-validity-factor", Alias: "cluster-slave-validity-factor", Kind: Int, Default: "10",
			Max: anyInt},
		{Name: "cluster-migration-barrier", Kind: Int, Default: "1", Max: anyInt},
		{Name: "cluster-replica-no-failover", Alias: "cluster-slave-no-failover", Kind: Bool, Default: "no"},
		{Name: "cluster-enabled", Kind: Bool, Default: "no"},
		{Name: "cluster-config-file", Kind: String, Default: "nodes.conf"},
		{Name: "cluster-port", Kind: Int, Default: "0", Max: 65535},
		{Name: "cluster-node-timeout", Kind: Time, Unit: time.Millisecond, Default: "15000", Min: 100, Max: anyInt,
			Live: true},
		{Name: "cluster-require-full-coverage", Kind: Bool, Default: "yes", Live: true},
		{Name: "cluster-allow-reads-when-down", Kind: Bool, Default: "no", Live: true},
		{Name: "cluster-announce-ip", Kind: String, Live: true},
		{Name: "cluster-announce-hostname", Kind: String, Live: true},
		{Name: "cluster-preferred-endpoint-type", Kind: Enum, Words: endpoints, Default: "ip", Live: true},
		{Name: "cluster-announce-port", Kind: Int, Default: "0", Max: 65535, Live: true},
		{Name: "cluster-announce-bus-port", Kind: Int, Default: "0", Max: 65535, Live: true},
	}
}
