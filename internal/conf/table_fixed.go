package conf

import (
	"math"
	"time"
)

// Why a directive of fixedTable has one value only.
const (
	busLinks = "replicas use the cluster's bus, which asks for no password: keep it private, or use TLS"
	asItIs   = "replicas always do it this way"
)

// fixedTable has the directives whose value describes what the node does, and which
// clients ask for, but which cannot be changed.
func fixedTable() []directive {
	const anyInt = math.MaxInt32
	return []directive{
		{name: "daemonize", kind: isBool, def: "no", reason: "the process stays in the foreground; leave the " +
			"background to a service manager"},
		{name: "databases", kind: isInt, def: "1", min: 1, max: anyInt, reason: "a node of a cluster has database 0 only"},
		{name: "hz", kind: isInt, def: "10", min: math.MinInt32, max: anyInt,
			reason: "keys expire as they are due, not at a fixed rate"},
		{name: "io-threads", kind: isInt, def: "1", min: 1, max: 128,
			reason: "a node uses all processors that GOMAXPROCS allows"},
		{name: "repl-ping-replica-period", alias: "repl-ping-slave-period", kind: isTime, unit: time.Second, def: "10",
			min: 1, max: anyInt, reason: asItIs},

		{name: "masterauth", alias: "primaryauth", kind: isString, secret: true, effect: differs, reason: busLinks},
		{name: "masteruser", alias: "primaryuser", kind: isString, effect: differs, reason: busLinks},
		{name: "replica-read-only", alias: "slave-read-only", kind: isBool, def: "yes", effect: differs, reason: asItIs},
		{name: "replica-serve-stale-data", alias: "slave-serve-stale-data", kind: isBool, def: "yes", effect: differs,
			reason: asItIs},
		{name: "replica-priority", alias: "slave-priority", kind: isInt, def: "100", max: anyInt, effect: differs,
			reason: "replicas stand for election by the age of their data; cluster-replica-no-failover keeps one from it"},
		{name: "cluster-allow-replica-migration", kind: isBool, def: "yes", effect: differs, reason: asItIs},

		{name: "appendonly", kind: isBool, def: "no", effect: preserves, reason: "there is no append-only file",
			remedy: `set "appendonly no" and rely on "save", which writes snapshots`},
	}
}
