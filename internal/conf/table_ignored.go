package conf

import "strings"

// ignoredTable has the directives of Redis 7.0 to 7.4 and Valkey 8.0 and 8.1 that have no
// use here and whose absence makes a node neither less protected nor its data less
// durable.
func ignoredTable() []Directive {
	var list []Directive
	for _, group := range ignoredGroups {
		for line := range strings.Lines(group.rows) {
			names, def, _ := strings.Cut(strings.TrimSpace(line), " ")
			if names == "" {
				continue
			}
			name, alias, _ := strings.Cut(names, "|")
			list = append(list, Directive{Name: name, Alias: alias, Kind: isIgnored, Default: def, reason: group.reason,
				effect: group.effect})
		}
	}
	return list
}

// ignoredGroups has a line for each directive: its name, its other name if it has one,
// and the default of Redis, which says nothing that has to be told.
var ignoredGroups = []struct {
	reason string
	effect effect
	rows   string
}{
	// What clients or administrators will notice.
	{reason: "what clients may keep waiting is bounded for each by client-output-buffer-limit, not for all together", effect: differs, rows: `
		maxmemory-clients 0
	`},
	{reason: "connections to others leave by the address and with the marks that the operating system chooses", effect: differs, rows: `
		bind-source-addr
		socket-mark-id 0
	`},
	{reason: "clients are told the address that nodes are told", effect: differs, rows: `
		cluster-announce-client-port 0
		cluster-announce-client-tls-port 0
		cluster-announce-client-ipv4
		cluster-announce-client-ipv6
	`},
	{reason: "keys always expire", effect: differs, rows: `
		import-mode no
	`},
	{reason: "a node calls itself what it is", effect: differs, rows: `
		extended-redis-compatibility no
	`},

	// Commands and features that are not there, or always do what the directive asks for.
	{reason: "the TLS of Go has no ciphers that need parameters of Diffie-Hellman", rows: `
		tls-dh-params-file
	`},
	{reason: "DEBUG has no subcommand that could do harm", rows: `
		enable-debug-assert no
	`},
	{reason: "scripts have the functions that Redis 7.0 does not call deprecated, and no others", rows: `
		lua-enable-deprecated-api no
	`},
	{reason: "sharded channels are served while the keys of their slots are", effect: differs, rows: `
		cluster-allow-pubsubshard-when-down yes
	`},
	{reason: "commands are logged by the time that they take, not by the size of what they say", rows: `
		commandlog-request-larger-than 1048576
		commandlog-large-request-max-len 128
		commandlog-reply-larger-than 1048576
		commandlog-large-reply-max-len 128
	`},
	{reason: "keys are sorted and compared as bytes", rows: `
		locale-collate
	`},
	{reason: "the log never shows keys and values", rows: `
		hide-user-data-from-log yes
	`},

	// How collections are stored.
	{reason: "lists have one encoding, and no part of them is compressed", rows: `
		list-max-listpack-size|list-max-ziplist-size -2
		list-max-ziplist-entries 512
		list-max-ziplist-value 64
		list-compress-depth 0
	`},
	{reason: "how a collection is kept follows from its size in bytes", rows: `
		set-max-listpack-entries 128
		set-max-listpack-value 64
	`},

	// Memory and processors.
	{reason: "memory is the Go runtime's to arrange", rows: `
		activedefrag no
		active-defrag-cycle-max 25
		active-defrag-cycle-min 1
		active-defrag-cycle-us 500
		active-defrag-ignore-bytes 104857600
		active-defrag-max-scan-fields 1000
		active-defrag-threshold-lower 10
		active-defrag-threshold-upper 100
		activerehashing yes
		jemalloc-bg-thread yes
		disable-thp yes
	`},
	{reason: "keys are freed by the garbage collector, in the background", rows: `
		lazyfree-lazy-eviction no
		lazyfree-lazy-expire no
		lazyfree-lazy-server-del no
		lazyfree-lazy-user-del no
		lazyfree-lazy-user-flush no
		replica-lazy-flush|slave-lazy-flush no
	`},
	{reason: "expiry and eviction take the time that they need, within fixed bounds", rows: `
		active-expire-effort 1
		dynamic-hz yes
		lfu-decay-time 1
		lfu-log-factor 10
		maxmemory-eviction-tenacity 10
	`},
	{reason: "a node uses all processors that GOMAXPROCS allows", rows: `
		io-threads-do-reads no
		events-per-io-thread 2
		prefetch-batch-max-size 16
		min-io-threads-avoid-copy-reply 7
		server_cpulist|server-cpulist
		bio_cpulist|bio-cpulist
		aof_rewrite_cpulist|aof-rewrite-cpulist
		bgsave_cpulist|bgsave-cpulist
	`},

	// Files.
	{reason: "the files of the log lie in dir under names of their own, log.*, and no other program reads them", rows: `
		appendfilename appendonly.aof
		appenddirname appendonlydir
	`},
	{reason: "the log knows places in the stream, not times", effect: differs, rows: `
		aof-timestamp-enabled no
	`},
	{reason: "what a rewrite has replaced is removed, and a rewrite writes steadily", rows: `
		aof-disable-auto-gc no
		aof-rewrite-incremental-fsync yes
	`},
	{reason: "snapshots have a format of their own, always with checksums, and what clients restore is always checked", rows: `
		rdbchecksum yes
		rdbcompression yes
		rdb-save-incremental-fsync yes
		rdb-del-sync-files no
		rdb-version-check strict
		sanitize-dump-payload no
	`},

	// Replication and the cluster.
	{reason: "replicas always do it this way", rows: `
		repl-disable-tcp-nodelay no
		repl-diskless-load disabled
		repl-diskless-sync yes
		repl-diskless-sync-delay 5
		repl-diskless-sync-max-replicas 0
		dual-channel-replication-enabled no
		replica-full-sync-buffer-limit 0
		replica-ignore-disk-write-errors no
		replica-ignore-maxmemory|slave-ignore-maxmemory yes
		propagation-error-behavior ignore
	`},
	{reason: "a node tells others its cluster-announce-ip, -port and -hostname only", rows: `
		replica-announced yes
		replica-announce-ip|slave-announce-ip
		replica-announce-port|slave-announce-port 0
		cluster-announce-human-nodename
	`},
	{reason: "the bus bounds by itself what waits for a peer, and how long forgotten nodes are remembered", rows: `
		cluster-link-sendbuf-limit 0
		cluster-ping-interval 1000
		cluster-blacklist-ttl 60
		cluster-manual-failover-timeout 5000
	`},
	{reason: "a master that ends waits for a replica in step for 600 ms", rows: `
		shutdown-timeout 10
	`},

	// The process.
	{reason: "listening is the operating system's to tune", rows: `
		tcp-backlog 511
		max-new-connections-per-cycle 10
		max-new-tls-connections-per-cycle 1
	`},
	{reason: "the process, its title and its log are the service manager's", rows: `
		always-show-logo no
		crash-log-enabled yes
		crash-memcheck-enabled yes
		ignore-warnings
		log-format legacy
		log-timestamp-format legacy
		oom-score-adj no
		oom-score-adj-values 0 200 800
		pidfile
		proc-title-template {title} {listen-addr} {server-mode}
		set-proc-title yes
		supervised no
		syslog-enabled no
		syslog-facility local0
		syslog-ident redis
	`},
}
