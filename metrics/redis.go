package metrics

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh"
)

// infoFields are the fields of INFO and CLUSTER INFO that redis_exporter has as metrics, in
// its words. A field that a node does not show has no value.
var infoFields = []struct {
	field string
	Desc
}{
	{"uptime_in_seconds", gauge("redis_uptime_in_seconds", "Seconds since the start of the node.")},

	{"connected_clients", gauge("redis_connected_clients", "Connections of clients.")},
	{"blocked_clients", gauge("redis_blocked_clients", "Clients that wait in a command such as BLPOP.")},
	{"tracking_clients", gauge("redis_tracking_clients", "Clients that are told of changes of keys.")},
	{"clients_in_timeout_table", gauge("redis_clients_in_timeout_table", "Clients whose wait has a limit.")},
	{"maxclients", gauge("redis_config_maxclients", "How many clients may be connected.")},
	{"cluster_connections", gauge("redis_cluster_connections", "Connections of gossip with other nodes.")},
	{"client_recent_max_input_buffer", gauge("redis_client_recent_max_input_buffer_bytes",
		"The longest input that a client has waiting.")},
	{"client_recent_max_output_buffer", gauge("redis_client_recent_max_output_buffer_bytes",
		"The most output that waits for a client.")},

	{"used_memory", gauge("redis_memory_used_bytes", "Memory in use by keys, values and their bookkeeping.")},
	{"used_memory_rss", gauge("redis_memory_used_rss_bytes", "Memory that the process has of the system.")},
	{"used_memory_peak", gauge("redis_memory_used_peak_bytes", "The most memory that was in use.")},
	{"used_memory_dataset", gauge("redis_memory_used_dataset_bytes", "Memory in use by keys and values.")},
	{"used_memory_overhead", gauge("redis_memory_used_overhead_bytes", "Memory in use by other than keys and values.")},
	{"used_memory_startup", gauge("redis_memory_used_startup_bytes", "Memory in use right after the start.")},
	{"used_memory_scripts", gauge("redis_memory_used_scripts_bytes", "Memory in use by sources of scripts.")},
	{"maxmemory", gauge("redis_memory_max_bytes", "The limit of memory in use, 0 for none.")},
	{"mem_fragmentation_ratio", gauge("redis_mem_fragmentation_ratio", "Memory of the process by memory in use.")},
	{"total_system_memory", gauge("redis_total_system_memory_bytes", "Memory of the machine.")},

	{"loading", gauge("redis_loading_dump_file", "1 while the keys are being loaded.")},
	{"rdb_changes_since_last_save", gauge("redis_rdb_changes_since_last_save", "Changes that no snapshot has.")},
	{"rdb_bgsave_in_progress", gauge("redis_rdb_bgsave_in_progress", "1 while a snapshot is being written.")},
	{"rdb_last_save_time", gauge("redis_rdb_last_save_timestamp_seconds", "When the last snapshot was complete.")},
	{"rdb_last_bgsave_status", gauge("redis_rdb_last_bgsave_status",
		"1 if the last snapshot was written, 0 if that failed.")},
	{"aof_enabled", gauge("redis_aof_enabled", "1 if there is a log on disk.")},
	{"aof_rewrite_in_progress", gauge("redis_aof_rewrite_in_progress", "1 while the log gets a new base.")},
	{"aof_current_size", gauge("redis_aof_current_size_bytes", "Size of the log.")},
	{"aof_base_size", gauge("redis_aof_base_size_bytes", "Size of the log after the last rewrite.")},
	{"aof_last_bgrewrite_status", gauge("redis_aof_last_bgrewrite_status",
		"1 if the last rewrite of the log succeeded, 0 if it failed.")},
	{"aof_last_write_status", gauge("redis_aof_last_write_status", "0 while the log cannot be written, else 1.")},
	{"aof_delayed_fsync", gauge("redis_aof_delayed_fsync", "Syncs of the log that writers had to wait for.")},

	{"total_connections_received", counter("redis_connections_received_total", "Connections that clients have made.")},
	{"rejected_connections", counter("redis_rejected_connections_total", "Connections refused because of maxclients.")},
	{"total_commands_processed", counter("redis_commands_processed_total", "Commands that were carried out.")},
	{"total_net_input_bytes", counter("redis_net_input_bytes_total", "Bytes read from clients.")},
	{"total_net_output_bytes", counter("redis_net_output_bytes_total", "Bytes written to clients.")},
	{"expired_keys", counter("redis_expired_keys_total", "Keys removed because their time had come.")},
	{"evicted_keys", counter("redis_evicted_keys_total", "Keys removed because memory was short.")},
	{"keyspace_hits", counter("redis_keyspace_hits_total", "Look-ups that found a key.")},
	{"keyspace_misses", counter("redis_keyspace_misses_total", "Look-ups that found none.")},
	{"total_error_replies", counter("redis_total_error_replies", "Error replies.")},
	{"pubsub_channels", gauge("redis_pubsub_channels", "Channels with subscribers.")},
	{"pubsub_patterns", gauge("redis_pubsub_patterns", "Patterns with subscribers.")},
	{"tracking_total_keys", gauge("redis_tracking_total_keys", "Keys whose changes clients are told of.")},
	{"tracking_total_items", gauge("redis_tracking_total_items", "Pairs of such a key and a client.")},
	{"tracking_total_prefixes", gauge("redis_tracking_total_prefixes", "Prefixes whose changes clients are told of.")},
	{"sync_full", gauge("redis_replica_resyncs_full", "Full syncs of replicas.")},
	{"sync_partial_ok", gauge("redis_replica_partial_resync_accepted", "Partial syncs of replicas.")},
	{"sync_partial_err", gauge("redis_replica_partial_resync_denied", "Partial syncs that were refused.")},

	{"connected_slaves", gauge("redis_connected_slaves", "Replicas that follow this node.")},
	{"master_repl_offset", gauge("redis_master_repl_offset", "Offset of the replication stream.")},
	{"second_repl_offset", gauge("redis_second_repl_offset", "Up to where the stream's former name holds, -1 for none.")},
	{"repl_backlog_size", gauge("redis_replication_backlog_bytes", "Size of the backlog.")},
	{"repl_backlog_active", gauge("redis_repl_backlog_is_active", "1 if there is a backlog.")},
	{"repl_backlog_first_byte_offset", gauge("redis_repl_backlog_first_byte_offset",
		"Offset at which the backlog begins.")},
	{"repl_backlog_histlen", gauge("redis_repl_backlog_history_bytes", "Bytes in the backlog.")},
	{"slave_priority", gauge("redis_slave_priority", "Priority of this replica.")},

	{"used_cpu_sys", counter("redis_cpu_sys_seconds_total", "Processor time in the system.")},
	{"used_cpu_user", counter("redis_cpu_user_seconds_total", "Processor time in the process itself.")},

	{"cluster_enabled", gauge("redis_cluster_enabled", "1 for a node of a cluster.")},
	{"cluster_state", gauge("redis_cluster_state", "1 while the cluster serves, as this node sees it.")},
	{"cluster_slots_assigned", gauge("redis_cluster_slots_assigned", "Slots with an owner.")},
	{"cluster_slots_ok", gauge("redis_cluster_slots_ok", "Slots whose owner answers.")},
	{"cluster_slots_pfail", gauge("redis_cluster_slots_pfail", "Slots whose owner is suspected.")},
	{"cluster_slots_fail", gauge("redis_cluster_slots_fail", "Slots whose owner has failed.")},
	{"cluster_known_nodes", gauge("redis_cluster_known_nodes", "Nodes of the cluster.")},
	{"cluster_size", gauge("redis_cluster_size", "Masters with slots.")},
	{"cluster_current_epoch", gauge("redis_cluster_current_epoch", "The greatest epoch that was heard of.")},
	{"cluster_my_epoch", gauge("redis_cluster_my_epoch", "The config epoch of this node, or of its master.")},
	{"cluster_stats_messages_sent", counter("redis_cluster_messages_sent_total", "Messages sent to other nodes.")},
	{"cluster_stats_messages_received", counter("redis_cluster_messages_received_total",
		"Messages received from other nodes.")},
}

// redisDescs are the other metrics that redis_exporter has, too.
var redisDescs = []Desc{
	gauge("redis_up", "1 if the node could be asked."),
	gauge("redis_start_time_seconds", "When the node was started, in seconds since 1970."),
	gauge("redis_instance_info", "1, with labels that describe the node.", "role", "redis_version", "redis_build_id",
		"redis_mode", "os", "maxmemory_policy", "tcp_port", "run_id", "process_id"),
	gauge("redis_db_keys", "Keys.", "db"),
	gauge("redis_db_keys_expiring", "Keys with an expiry.", "db"),
	gauge("redis_db_avg_ttl_seconds",
		"How long keys with an expiry have to live, on average; 0 if that is unknown.", "db"),
	counter("redis_commands_total", "Calls of a command.", "cmd"),
	counter("redis_commands_duration_seconds_total", "Time that the calls of a command took.", "cmd"),
	counter("redis_commands_rejected_calls_total", "Calls refused before they were carried out.", "cmd"),
	counter("redis_commands_failed_calls_total", "Calls that were carried out and failed.", "cmd"),
	gauge("redis_slowlog_length", "Entries of SLOWLOG."),
	gauge("redis_slowlog_last_id", "Number of the last entry of SLOWLOG, 0 if there is none."),
	gauge("redis_last_slow_execution_duration_seconds", "What the command of that entry took."),
	counter("redis_errors_total", "Error replies by their codes.", "err"),
	gauge("redis_connected_slave_offset_bytes", "Up to which offset a replica has the stream.",
		"slave_ip", "slave_port", "slave_state"),
	gauge("redis_connected_slave_lag_seconds", "Time since a replica was heard.",
		"slave_ip", "slave_port", "slave_state"),
	gauge("redis_master_link_up", "1 while this replica follows its master.", "master_host", "master_port"),
	gauge("redis_master_last_io_seconds_ago", "Time since the master was heard, -1 if never.",
		"master_host", "master_port"),
	gauge("redis_master_sync_in_progress", "1 during a full sync from the master.", "master_host", "master_port"),
	gauge("redis_slave_repl_offset", "Up to which offset this replica has its master's stream.",
		"master_host", "master_port"),
	gauge("redis_slave_info", "1 at a replica, with labels that describe it.",
		"master_host", "master_port", "read_only"),
}

func gauge(name, help string, labels ...string) Desc {
	return Desc{Name: name, Type: Gauge, Help: help, Labels: labels}
}

func counter(name, help string, labels ...string) Desc {
	return Desc{Name: name, Type: Counter, Help: help, Labels: labels}
}

// redis gathers what redis_exporter would, if the node can be asked.
func (g *gathering) redis(node *slotmesh.Node) {
	fields, err := info(node)
	g.addIf("redis_up", err == nil)
	if err != nil {
		return
	}
	for i := range infoFields {
		if value, ok := number(fields[infoFields[i].field]); ok {
			g.add(infoFields[i].Name, value)
		}
	}
	if up, ok := number(fields["uptime_in_seconds"]); ok {
		g.add("redis_start_time_seconds", float64(time.Now().Unix())-up)
	}
	instance := descOf["redis_instance_info"].Labels
	values := make([]string, len(instance))
	for i, label := range instance {
		values[i] = fields[label]
	}
	g.add("redis_instance_info", 1, values...)
	g.add("slotmesh_build_info", 1, fields["slotmesh_version"], fields["go_version"])
	g.keys(parts(fields["db0"]))
	g.commands(node.CommandStats())
	g.slow(node.SlowLog())
	g.errors(fields)
	g.replicas(fields)
	g.master(fields)
}

// info returns the fields of INFO and of CLUSTER INFO.
func info(node *slotmesh.Node) (map[string]string, error) {
	text, err := node.Local().Do(context.Background(), "INFO")
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string)
	read(text, fields)
	if node.Map() != nil {
		if text, err = node.Local().Do(context.Background(), "CLUSTER", "INFO"); err != nil {
			return nil, err
		}
		read(text, fields)
	}
	return fields, nil
}

// read reads lines "field:value".
func read(reply any, into map[string]string) {
	text, _ := reply.([]byte)
	for line := range strings.Lines(string(text)) {
		if field, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			into[field] = value
		}
	}
}

// number returns the value of a field, of a word that says whether all is well 1 or 0.
func number(text string) (float64, bool) {
	switch text {
	case "ok", "up":
		return 1, true
	case "fail", "err", "down":
		return 0, true
	}
	value, err := strconv.ParseFloat(text, 64)
	return value, err == nil
}

// parts reads "a=1,b=2".
func parts(text string) map[string]string {
	fields := make(map[string]string)
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		fields[name] = value
	}
	return fields
}

// keys gathers the line of the one database; INFO leaves it out if it is empty.
func (g *gathering) keys(db map[string]string) {
	for _, row := range []struct {
		metric, field string
		unit          float64
	}{
		{"redis_db_keys", "keys", 1},
		{"redis_db_keys_expiring", "expires", 1},
		{"redis_db_avg_ttl_seconds", "avg_ttl", 1000},
	} {
		value, _ := number(db[row.field])
		g.add(row.metric, value/row.unit, "db0")
	}
}

func (g *gathering) commands(list []slotmesh.CommandStats) {
	for i := range list {
		c := &list[i]
		g.add("redis_commands_total", float64(c.Calls), c.Name)
		g.add("redis_commands_duration_seconds_total", c.Time.Seconds(), c.Name)
		g.add("redis_commands_rejected_calls_total", float64(c.Rejected), c.Name)
		g.add("redis_commands_failed_calls_total", float64(c.Failed), c.Name)
	}
}

// slow gathers the log of slow commands, the last of which comes first.
func (g *gathering) slow(list []slotmesh.SlowEntry) {
	last := slotmesh.SlowEntry{}
	if len(list) > 0 {
		last = list[0]
	}
	g.add("redis_slowlog_length", float64(len(list)))
	g.add("redis_slowlog_last_id", float64(last.ID))
	g.add("redis_last_slow_execution_duration_seconds", last.Took.Seconds())
}

// errors gathers how often each code of an error was replied.
func (g *gathering) errors(fields map[string]string) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if code, ok := strings.CutPrefix(field, "errorstat_"); ok {
			count, _ := number(parts(fields[field])["count"])
			g.add("redis_errors_total", count, code)
		}
	}
}

// replicas gathers the lines of replicas. Of several with one address, as of tools that
// announce none, the first stands for all: a series must not come twice.
func (g *gathering) replicas(fields map[string]string) {
	seen := make(map[[3]string]bool)
	for i := 0; ; i++ {
		line, ok := fields["slave"+strconv.Itoa(i)]
		if !ok {
			return
		}
		r := parts(line)
		labels := []string{r["ip"], r["port"], r["state"]}
		if seen[[3]string(labels)] {
			continue
		}
		seen[[3]string(labels)] = true
		offset, _ := number(r["offset"])
		g.add("redis_connected_slave_offset_bytes", offset, labels...)
		lag, _ := number(r["lag"])
		g.add("redis_connected_slave_lag_seconds", lag, labels...)
	}
}

// master gathers what a replica says of its master.
func (g *gathering) master(fields map[string]string) {
	host, port := fields["master_host"], fields["master_port"]
	if fields["role"] != "slave" {
		return
	}
	for _, row := range []struct{ metric, field string }{
		{"redis_master_link_up", "master_link_status"},
		{"redis_master_last_io_seconds_ago", "master_last_io_seconds_ago"},
		{"redis_master_sync_in_progress", "master_sync_in_progress"},
		{"redis_slave_repl_offset", "slave_repl_offset"},
	} {
		if value, ok := number(fields[row.field]); ok {
			g.add(row.metric, value, host, port)
		}
	}
	g.add("redis_slave_info", 1, host, port, fields["slave_read_only"])
}
