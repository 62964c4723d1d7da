package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/replication/oplog/committer"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// ownDescs are the metrics that a Redis has not, or that redis_exporter does not show.
var ownDescs = []Desc{
	gauge("slotmesh_build_info", "1, with the version of slotmesh and of Go.", "version", "goversion"),
	gauge("slotmesh_store_reserved_bytes", "Memory held for keys and values, with gaps and room to grow."),
	histogram("slotmesh_command_duration_seconds", "How long the calls of a command took.", "cmd"),

	gauge("slotmesh_cluster_nodes", "Nodes of the cluster, as this node sees them.", "role", "health"),
	gauge("slotmesh_slots", "Slots that this node owns."),
	gauge("slotmesh_open_slots", "Slots on their way from (migrating) or to (importing) this node.", "direction"),

	gauge("slotmesh_replica_lag_bytes", "Bytes of this master's stream that a replica has not acknowledged.", "replica"),
	gauge("slotmesh_replica_lag_seconds", "Time since a replica's last acknowledgement.", "replica"),
	gauge("slotmesh_replica_online", "1 if a replica follows the stream, 0 during its full sync.", "replica"),
	gauge("slotmesh_replica_durable_lag_bytes",
		"Bytes of this master's stream that are not in a replica's log on disk, of those with one.", "replica"),
	gauge("slotmesh_replication_behind_bytes",
		"Bytes of its master's stream that this replica lacks, as far as it knows."),

	gauge("slotmesh_migrations", "Migration jobs under way, out of this node or into it.", "direction"),
	gauge("slotmesh_migration_slots_left", "Slots that this node's jobs under way have still to hand over."),
	counter("slotmesh_migrations_total", "Migration jobs of this node that are over.", "outcome"),
	counter("slotmesh_migrated_slots_total", "Slots that this node's jobs have handed over."),
	counter("slotmesh_migrated_keys_total", "Keys that this node's jobs have handed over."),
	counter("slotmesh_migrated_bytes_total", "Bytes that this node's jobs have sent, as acknowledged."),

	gauge("slotmesh_balance_paused", "1 while balancing is paused."),
	gauge("slotmesh_balance_coordinator", "1 while this node coordinates what balances the cluster."),

	counter("slotmesh_elections_started_total", "Elections in which this node asked for votes."),
	counter("slotmesh_elections_lost_total", "Elections that it did not win."),
	counter("slotmesh_promotions_total", "How often this node became the master of its shard: failovers."),
	counter("slotmesh_events_total", "Events of Node.Events by name.", "event"),
	counter("slotmesh_events_missed_total", "Events that slow loops of Node.Events were not given."),

	counter("slotmesh_bus_messages_total", "Messages of gossip.", "direction", "type"),
	counter("slotmesh_bus_bytes_total", "Bytes of gossip.", "direction"),
	counter("slotmesh_pubsub_messages_total", "Messages of PUBLISH between nodes.", "direction"),
	counter("slotmesh_pubsub_messages_dropped_total", "Messages of PUBLISH that other nodes have not got."),
	gauge("slotmesh_pubsub_peers", "Other nodes that messages come from (source) or go to (receiver).", "role"),

	histogram("slotmesh_log_sync_duration_seconds", "How long syncs of the log on disk took."),
	histogram("slotmesh_log_sync_size_bytes", "How many bytes of the stream each sync made durable."),
	gauge("slotmesh_log_pending_bytes", "Bytes of the stream that are not written to the log yet."),
	gauge("slotmesh_log_unsynced_bytes", "Bytes of the stream that are not durable yet."),
	gauge("slotmesh_log_size_bytes", "Size of the log's base and segments."),
	counter("slotmesh_log_syncs_delayed_total", "Seconds at which the sync of the second before was under way."),
	counter("slotmesh_log_rewrites_total", "Rewrites of the log that ended well."),
	gauge("slotmesh_log_failed", "1 while the log cannot be written and writes are refused."),
	counter("slotmesh_log_failures_total", "How often that began."),

	counter("slotmesh_cache_hits_total", "Fresh values, and entries that say there is none, found in a cache.", "cache"),
	counter("slotmesh_cache_copy_hits_total", "Hits in copies of other nodes' entries.", "cache"),
	counter("slotmesh_cache_stale_hits_total", "Values past their time that were served.", "cache"),
	counter("slotmesh_cache_misses_total", "Calls that waited for a load.", "cache"),
	counter("slotmesh_cache_loads_total", "Calls of the loader at this node.", "cache"),
	counter("slotmesh_cache_load_errors_total", "Loads that failed.", "cache"),
	counter("slotmesh_cache_store_errors_total", "Loaded values that could not be stored.", "cache"),
	gauge("slotmesh_cache_copies", "Copies of other nodes' entries.", "cache"),
	gauge("slotmesh_cache_copies_bytes", "Memory in use by copies.", "cache"),
}

func histogram(name, help string, labels ...string) Desc {
	return Desc{Name: name, Type: Histogram, Help: help, Labels: labels}
}

// Cache is what is asked of a cache.Cache.
type Cache interface {
	Name() string
	Stats() cache.Stats
}

// own gathers what is slotmesh's own.
func (g *gathering) own(node *slotmesh.Node, caches []Cache) {
	st := node.Stats()
	g.add("slotmesh_store_reserved_bytes", float64(st.Store.Reserved))
	for _, c := range node.CommandStats() {
		g.times(&c)
	}
	if m := node.Map(); m != nil {
		g.cluster(m)
		g.balance(node)
		g.bus(&st)
	}
	g.replication(&st)
	g.migrations(&st)
	g.events(&st.Events)
	if st.Log.Policy != slotmesh.LogOff {
		g.log(&st.Log)
	}
	for _, c := range caches {
		g.cache(c.Name(), c.Stats())
	}
}

// The bounds of a command's times are powers of four, as those of LatencyBuckets are of two.
const (
	shortestTime = 1 << 10 * time.Nanosecond
	longestTime  = 1 << 30 * time.Nanosecond
)

// times gathers the distribution of a command's times.
func (g *gathering) times(c *slotmesh.CommandStats) {
	if !c.Latency.Known() {
		return
	}
	s := Sample{Labels: []string{c.Name}, Value: c.Time.Seconds(), Count: uint64(c.Calls)}
	list, n := c.Latency.Buckets(), uint64(0)
	for bound := shortestTime; bound <= longestTime; bound *= 4 {
		for ; len(list) > 0 && list[0].Max <= bound+bound/64; list = list[1:] { // a Max is a little more than its bound
			n = uint64(list[0].Calls)
		}
		s.Buckets = append(s.Buckets, Bucket{bound.Seconds(), min(n, s.Count)})
	}
	g.sample("slotmesh_command_duration_seconds", s)
}

func (g *gathering) cluster(m *slots.Map) {
	type kind struct {
		master bool
		health slots.Health
	}
	count := make(map[kind]int)
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		count[kind{n.IsMaster(), n.Health}]++
	}
	for _, role := range []slotmesh.Role{slotmesh.RoleMaster, slotmesh.RoleReplica} {
		for _, health := range []slots.Health{slots.Online, slots.Suspected, slots.Failed} {
			g.add("slotmesh_cluster_nodes", float64(count[kind{role == slotmesh.RoleMaster, health}]), string(role),
				health.String())
		}
	}
	owned := 0
	if set := m.Self().Slots; set != nil {
		owned = set.Len()
	}
	g.add("slotmesh_slots", float64(owned))
	migrating, importing := m.OpenSlots()
	g.add("slotmesh_open_slots", float64(len(migrating)), "migrating")
	g.add("slotmesh_open_slots", float64(len(importing)), "importing")
}

func (g *gathering) balance(node *slotmesh.Node) {
	st, err := node.BalanceStatus()
	if err != nil {
		return // the node is about to end
	}
	g.addIf("slotmesh_balance_paused", st.Paused)
	g.addIf("slotmesh_balance_coordinator", st.Coordinator == node.ID())
}

func (g *gathering) replication(st *slotmesh.Stats) {
	r := &st.Replication
	for i := range r.Replicas {
		replica := &r.Replicas[i]
		id, end := replica.ID.String(), r.History.Offset
		g.add("slotmesh_replica_lag_bytes", float64(max(0, end-replica.Offset)), id)
		g.add("slotmesh_replica_lag_seconds", replica.Lag.Seconds(), id)
		g.addIf("slotmesh_replica_online", replica.State == replicator.ReplicaOnline, id)
		if replica.Durable > 0 {
			g.add("slotmesh_replica_durable_lag_bytes", float64(max(0, end-replica.Durable)), id)
		}
	}
	if !r.IsMaster() {
		g.add("slotmesh_replication_behind_bytes", float64(r.Lagging))
	}
}

func (g *gathering) migrations(st *slotmesh.Stats) {
	in, out, left := 0, 0, 0
	for i := range st.Migrations {
		if job := &st.Migrations[i]; job.Import {
			in++
		} else {
			out++
			left += max(0, job.Progress.Total-job.Progress.Slots)
		}
	}
	g.add("slotmesh_migrations", float64(out), "out")
	g.add("slotmesh_migrations", float64(in), "in")
	g.add("slotmesh_migration_slots_left", float64(left))
	m := &st.Moves
	g.add("slotmesh_migrations_total", float64(m.Finished), "finished")
	g.add("slotmesh_migrations_total", float64(m.Cancelled), "cancelled")
	g.add("slotmesh_migrations_total", float64(m.Failed), "failed")
	g.add("slotmesh_migrated_slots_total", float64(m.Slots))
	g.add("slotmesh_migrated_keys_total", float64(m.Keys))
	g.add("slotmesh_migrated_bytes_total", float64(m.Bytes))
}

func (g *gathering) events(e *slotmesh.EventStats) {
	g.add("slotmesh_elections_started_total", float64(e.Counts[gossip.ElectionStarted{}.EventName()]))
	g.add("slotmesh_elections_lost_total", float64(e.Counts[gossip.ElectionLost{}.EventName()]))
	g.add("slotmesh_promotions_total", float64(e.Promotions))
	for _, name := range slices.Sorted(maps.Keys(e.Counts)) {
		g.add("slotmesh_events_total", float64(e.Counts[name]), name)
	}
	g.add("slotmesh_events_missed_total", float64(e.Missed))
}

func (g *gathering) bus(st *slotmesh.Stats) {
	for _, way := range []struct {
		direction string
		counts    []uint64
		bytes     uint64
	}{{"sent", st.Bus.Sent[:], st.Bus.BytesSent}, {"received", st.Bus.Received[:], st.Bus.BytesReceived}} {
		unknown := uint64(0) // several types that this version does not know have one name
		for i, n := range way.counts {
			if name := gossip.Type(i).String(); name == gossip.Type(0).String() {
				unknown += n
			} else if n > 0 {
				g.add("slotmesh_bus_messages_total", float64(n), way.direction, name)
			}
		}
		g.add("slotmesh_bus_messages_total", float64(unknown), way.direction, gossip.Type(0).String())
		g.add("slotmesh_bus_bytes_total", float64(way.bytes), way.direction)
	}
	g.add("slotmesh_pubsub_messages_total", float64(st.Messages.Sent), "sent")
	g.add("slotmesh_pubsub_messages_total", float64(st.Messages.Received), "received")
	g.add("slotmesh_pubsub_messages_dropped_total", float64(st.Messages.Dropped))
	g.add("slotmesh_pubsub_peers", float64(st.Messages.Sources), "source")
	g.add("slotmesh_pubsub_peers", float64(st.Messages.Receivers), "receiver")
}

func (g *gathering) log(st *slotmesh.LogStatus) {
	syncs := Sample{Value: st.SyncTimes.Sum.Seconds(), Count: st.SyncTimes.Count()}
	sizes := Sample{Value: float64(st.GroupSizes.Sum), Count: st.GroupSizes.Count()}
	var timed, grouped uint64
	for i, bound := range committer.SyncTimeBounds {
		timed += st.SyncTimes.Counts[i]
		syncs.Buckets = append(syncs.Buckets, Bucket{bound.Seconds(), timed})
	}
	for i, bound := range committer.GroupSizeBounds {
		grouped += st.GroupSizes.Counts[i]
		sizes.Buckets = append(sizes.Buckets, Bucket{float64(bound), grouped})
	}
	g.sample("slotmesh_log_sync_duration_seconds", syncs)
	g.sample("slotmesh_log_sync_size_bytes", sizes)
	g.add("slotmesh_log_pending_bytes", float64(st.Pending))
	g.add("slotmesh_log_unsynced_bytes", float64(st.Unsynced))
	g.add("slotmesh_log_size_bytes", float64(st.Size))
	g.add("slotmesh_log_syncs_delayed_total", float64(st.Delayed))
	g.add("slotmesh_log_rewrites_total", float64(st.Rewrites))
	g.addIf("slotmesh_log_failed", st.Failed != nil)
	g.add("slotmesh_log_failures_total", float64(st.Failures))
}

func (g *gathering) cache(name string, st cache.Stats) {
	g.add("slotmesh_cache_hits_total", float64(st.Hits), name)
	g.add("slotmesh_cache_copy_hits_total", float64(st.Copies), name)
	g.add("slotmesh_cache_stale_hits_total", float64(st.Stale), name)
	g.add("slotmesh_cache_misses_total", float64(st.Misses), name)
	g.add("slotmesh_cache_loads_total", float64(st.Loads), name)
	g.add("slotmesh_cache_load_errors_total", float64(st.LoadErrs), name)
	g.add("slotmesh_cache_store_errors_total", float64(st.StoreErrs), name)
	g.add("slotmesh_cache_copies", float64(st.CopiesHeld), name)
	g.add("slotmesh_cache_copies_bytes", float64(st.CopyBytes), name)
}
