// Package metrics tells how a node is in the text format of Prometheus.
//
//	http.Handle("GET /metrics", metrics.Handler(node))
//
// Metrics that mean the same as those of the exporter of Redis (redis_exporter) have its
// names and labels, so that its dashboards and alerts work: redis_up,
// redis_connected_clients, redis_commands_total{cmd} … All others begin with slotmesh_. docs/metrics.md lists
// them. Units are seconds and bytes; what only grows until the node ends is a counter.
//
// Nothing is gathered but when somebody asks: no goroutine runs, and nothing is kept
// between two scrapes. The values of one scrape are read one after another, not at one
// moment.
//
// The number of series is bounded. Labels are the commands that have been called, the codes
// of errors (128 at most), the nodes of the shard, and words of fixed lists; slots, keys,
// clients and addresses of clients are none.
//
// Hosts with a registry of github.com/prometheus/client_golang use the collector of
// github.com/slotmesh/slotmesh/metrics/prometheus, a module of its own, which has the same
// metrics. Those that send figures elsewhere have them from [Gather].
package metrics
