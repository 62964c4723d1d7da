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

// usedTable has the directives that a node obeys. Defaults are those of Redis 7.0.
func usedTable() []directive {
	const anyInt, anyBytes = math.MaxInt32, math.MaxInt64
	return []directive{
		// The process.
		{name: "port", kind: isInt, def: "6379", max: 65535},
		{name: "bind", kind: isList, def: "* -::*"},
		{name: "unixsocket", kind: isString},
		{name: "unixsocketperm", kind: isMode, def: "0", max: 0o777},
		{name: "protected-mode", kind: isBool, def: "yes", live: true},
		{name: "rename-command", kind: isRename, fileOnly: true},
		{name: "dir", kind: isDir, def: "."},
		{name: "logfile", kind: isString},
		{name: "loglevel", kind: isEnum, words: levels, def: "notice", live: true},
		{name: "requirepass", kind: isString, live: true, secret: true},

		// Clients.
		{name: "enable-debug-command", kind: isEnum, words: debuggers, def: "no"},
		{name: "maxclients", kind: isInt, def: "10000", min: 1, max: anyInt, live: true},
		{name: "timeout", kind: isTime, unit: time.Second, def: "0", max: anyInt, live: true},
		{name: "tcp-keepalive", kind: isTime, unit: time.Second, def: "300", max: anyInt, live: true},
		{name: "proto-max-bulk-len", kind: isBytes, def: "536870912", min: 1 << 20, max: anyBytes, live: true},
		{name: "client-query-buffer-limit", kind: isBytes, def: "1073741824", min: 1 << 20, max: anyBytes, live: true},
		{name: "client-output-buffer-limit", kind: isLimits,
			def: "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60", live: true},

		// Memory.
		{name: "maxmemory", kind: isBytes, def: "0", max: anyBytes, live: true},
		{name: "maxmemory-policy", kind: isEnum, words: policies, def: "noeviction", live: true},
		{name: "maxmemory-samples", kind: isInt, def: "5", min: 1, max: 64, live: true},

		// Data on disk.
		{name: "save", kind: isSave, def: "3600 1 300 100 60 10000", live: true},
		{name: "stop-writes-on-bgsave-error", kind: isBool, def: "yes", live: true},
		{name: "dbfilename", kind: isString, def: "dump.smdb"},
		{name: "shutdown-on-sigint", kind: isList, words: shutdowns, def: "default"},
		{name: "shutdown-on-sigterm", kind: isList, words: shutdowns, def: "default"},

		// Replication.
		{name: "repl-backlog-size", kind: isBytes, def: "1048576", min: 16384, max: anyBytes, live: true},
		{name: "repl-timeout", kind: isTime, unit: time.Second, def: "10", min: 2, max: anyInt},
		{name: "min-replicas-to-write", alias: "min-slaves-to-write", kind: isInt, def: "0", max: anyInt, live: true},
		{name: "slotmesh-sync-replicas", kind: isInt, def: "0", max: 1000},
		{name: "min-replicas-max-lag", alias: "min-slaves-max-lag", kind: isTime, unit: time.Second, def: "10", max: anyInt,
			live: true},

		// The cluster.
		{name: "cluster-replica-validity-factor", alias: "cluster-slave-validity-factor", kind: isInt, def: "10",
			max: anyInt},
		{name: "cluster-migration-barrier", kind: isInt, def: "1", max: anyInt},
		{name: "cluster-replica-no-failover", alias: "cluster-slave-no-failover", kind: isBool, def: "no"},
		{name: "cluster-enabled", kind: isBool, def: "no"},
		{name: "cluster-config-file", kind: isString, def: "nodes.conf"},
		{name: "cluster-port", kind: isInt, def: "0", max: 65535},
		{name: "cluster-node-timeout", kind: isTime, unit: time.Millisecond, def: "15000", min: 100, max: anyInt, live: true},
		{name: "cluster-require-full-coverage", kind: isBool, def: "yes", live: true},
		{name: "cluster-allow-reads-when-down", kind: isBool, def: "no", live: true},
		{name: "cluster-announce-ip", kind: isString, live: true},
		{name: "cluster-announce-hostname", kind: isString, live: true},
		{name: "cluster-preferred-endpoint-type", kind: isEnum, words: endpoints, def: "ip", live: true},
		{name: "cluster-announce-port", kind: isInt, def: "0", max: 65535, live: true},
		{name: "cluster-announce-bus-port", kind: isInt, def: "0", max: 65535, live: true},
	}
}
