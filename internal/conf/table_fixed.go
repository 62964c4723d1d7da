package conf

import (
	"math"
	"time"
)

// Why a directive of fixedTable has one value only.
const (
	asItIs  = "replicas always do it this way"
	tickets = "clients keep their TLS sessions themselves, as tickets"
)

// fixedTable has the directives whose value describes what the node does, and which
// clients ask for, but which cannot be changed.
func fixedTable() []Directive {
	const anyInt = math.MaxInt32
	return []Directive{
		{Name: "daemonize", Kind: Bool, Default: "no", reason: "the process stays in the foreground; leave the " +
			"background to a service manager"},
		{Name: "databases", Kind: Int, Default: "1", Min: 1, Max: anyInt, reason: "a node of a cluster has database 0 only"},
		{Name: "hz", Kind: Int, Default: "10", Min: math.MinInt32, Max: anyInt,
			reason: "keys expire as they are due, not at a fixed rate"},
		{Name: "io-threads", Kind: Int, Default: "1", Min: 1, Max: 128,
			reason: "a node uses all processors that GOMAXPROCS allows"},
		{Name: "repl-ping-replica-period", Alias: "repl-ping-slave-period", Kind: Time, Unit: time.Second, Default: "10",
			Min: 1, Max: anyInt, reason: asItIs},
		{Name: "tls-prefer-server-ciphers", Kind: Bool, Default: "no",
			reason: "the TLS of Go chooses the best cipher that both sides have"},
		{Name: "tls-session-cache-size", Kind: Int, Default: "20480", Max: anyInt, reason: tickets},
		{Name: "tls-session-cache-timeout", Kind: Int, Default: "300", Max: anyInt, reason: tickets},

		{Name: "replica-read-only", Alias: "slave-read-only", Kind: Bool, Default: "yes", effect: differs, reason: asItIs},
		{Name: "replica-serve-stale-data", Alias: "slave-serve-stale-data", Kind: Bool, Default: "yes", effect: differs,
			reason: asItIs},
		{Name: "replica-priority", Alias: "slave-priority", Kind: Int, Default: "100", Max: anyInt, effect: differs,
			reason: "replicas stand for election by the age of their data; cluster-replica-no-failover keeps one from it"},
		{Name: "cluster-allow-replica-migration", Kind: Bool, Default: "yes", effect: differs, reason: asItIs},
		{Name: "aof-use-rdb-preamble", Kind: Bool, Default: "yes",
			reason: "the log begins with a snapshot, which loads faster"},
	}
}
