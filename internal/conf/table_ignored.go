package conf

// ignoredNames are the directives of Redis 7.0 that have no meaning here, so that a
// stock redis.conf yields warnings and never an error.
const ignoredNames = `
	acl-pubsub-default aclfile acllog-max-len user rename-command loadmodule

	active-defrag-cycle-max active-defrag-cycle-min active-defrag-ignore-bytes
	active-defrag-max-scan-fields active-defrag-threshold-lower
	active-defrag-threshold-upper activedefrag active-expire-effort activerehashing
	lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del
	lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor
	maxmemory-clients maxmemory-eviction-tenacity tracking-table-max-keys
	hll-sparse-max-bytes list-compress-depth notify-keyspace-events
	hash-max-listpack-entries hash-max-listpack-value hash-max-ziplist-entries
	hash-max-ziplist-value list-max-listpack-size list-max-ziplist-size
	list-max-ziplist-entries list-max-ziplist-value set-max-intset-entries
	stream-node-max-bytes stream-node-max-entries zset-max-listpack-entries
	zset-max-listpack-value zset-max-ziplist-entries zset-max-ziplist-value

	aof-disable-auto-gc aof-load-truncated aof-rewrite-incremental-fsync
	aof-timestamp-enabled aof-use-rdb-preamble aof_rewrite_cpulist appenddirname
	appendfilename appendfsync auto-aof-rewrite-min-size auto-aof-rewrite-percentage
	no-appendfsync-on-rewrite rdb-del-sync-files rdb-save-incremental-fsync
	rdbchecksum rdbcompression sanitize-dump-payload

	repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync
	repl-diskless-sync-delay repl-diskless-sync-max-replicas replica-announce-ip
	replica-announce-port replica-announced replica-ignore-disk-write-errors
	replica-ignore-maxmemory replica-lazy-flush replicaof slave-announce-ip
	slave-announce-port slave-ignore-maxmemory slave-lazy-flush slaveof
	cluster-allow-pubsubshard-when-down cluster-announce-tls-port
	cluster-link-sendbuf-limit

	tls-auth-clients tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers
	tls-ciphersuites tls-client-cert-file tls-client-key-file tls-client-key-file-pass
	tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port
	tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size
	tls-session-cache-timeout tls-session-caching

	always-show-logo bgsave_cpulist bind-source-addr bio_cpulist busy-reply-threshold
	crash-log-enabled crash-memcheck-enabled disable-thp dynamic-hz
	enable-debug-command enable-module-command enable-protected-configs ignore-warnings
	io-threads-do-reads jemalloc-bg-thread latency-monitor-threshold latency-tracking
	latency-tracking-info-percentiles lua-time-limit oom-score-adj oom-score-adj-values
	pidfile proc-title-template propagation-error-behavior server_cpulist set-proc-title
	shutdown-on-sigint shutdown-on-sigterm shutdown-timeout slowlog-log-slower-than
	slowlog-max-len socket-mark-id supervised syslog-enabled syslog-facility
	syslog-ident tcp-backlog unixsocket unixsocketperm
`
