package commands

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/pubsub"
)

// RedisVersion is the version of Redis whose replies the commands give.
const RedisVersion = "7.0.15"

var infoCommand = Command{Name: "info", Arity: -1, Flags: Loading | Stale | Dangerous | Callable, Group: "server",
	Since: "1.0.0", Tips: "nondeterministic_output request_policy:all_shards response_policy:special",
	Summary: "Describes the node's state, by sections.", Run: cmdInfo}

// infoSections are in the order of their appearance; those of the second kind only on
// request.
var infoSections = []struct {
	name, title string
	extra       bool
	write       func(*Node, *infoText)
}{
	{"server", "Server", false, (*Node).infoServer},
	{"clients", "Clients", false, (*Node).infoClients},
	{"memory", "Memory", false, (*Node).infoMemory},
	{"persistence", "Persistence", false, (*Node).infoPersistence},
	{"stats", "Stats", false, (*Node).infoStats},
	{"replication", "Replication", false, (*Node).infoReplication},
	{"cpu", "CPU", false, (*Node).infoCPU},
	{"commandstats", "Commandstats", true, (*Node).infoCommandStats},
	{"errorstats", "Errorstats", false, (*Node).infoErrorStats},
	{"latencystats", "Latencystats", true, (*Node).infoLatencyStats},
	{"cluster", "Cluster", false, (*Node).infoCluster},
	{"keyspace", "Keyspace", false, (*Node).infoKeyspace},
}

// infoText is an INFO reply under construction.
type infoText struct{ b strings.Builder }

func (t *infoText) line(name string, value any) { fmt.Fprintf(&t.b, "%s:%v\r\n", name, value) }

func cmdInfo(c *Call) error {
	all, byDefault := false, len(c.Args) == 1
	named := make(map[string]bool)
	for _, arg := range c.Args[1:] {
		switch name := strings.ToLower(string(arg)); name {
		case "all", "everything":
			all = true
		case "default":
			byDefault = true
		default:
			named[name] = true
		}
	}
	var t infoText
	for _, section := range infoSections {
		if !(all || byDefault && !section.extra || named[section.name]) {
			continue
		}
		if t.b.Len() > 0 {
			t.b.WriteString("\r\n")
		}
		t.b.WriteString("# " + section.title + "\r\n")
		section.write(c.Node, &t)
		if c.Node.Info != nil {
			for _, line := range c.Node.Info(section.name) {
				t.line(line[0], line[1])
			}
		}
	}
	c.Out.Verbatim("txt", t.b.String())
	return nil
}

func (n *Node) infoServer(t *infoText) {
	mode := "cluster"
	if n.Standalone() {
		mode = "standalone"
	}
	now := n.Now()
	up := now.Sub(n.Started)
	t.line("redis_version", RedisVersion)
	t.line("redis_git_sha1", "00000000")
	t.line("redis_git_dirty", 0)
	t.line("redis_build_id", "0000000000000000")
	t.line("redis_mode", mode)
	t.line("slotmesh_version", n.Version)
	t.line("os", runtime.GOOS+" "+runtime.GOARCH)
	t.line("arch_bits", 32<<(^uint(0)>>63))
	t.line("go_version", runtime.Version())
	t.line("multiplexing_api", "goroutines")
	t.line("process_id", os.Getpid())
	t.line("run_id", n.RunID)
	t.line("tcp_port", n.Port())
	t.line("server_time_usec", n.Store.Now().UnixMicro())
	t.line("uptime_in_seconds", int64(up/time.Second))
	t.line("uptime_in_days", int64(up/(24*time.Hour)))
	t.line("hz", 10)
	t.line("configured_hz", 10)
	exe, _ := os.Executable()
	t.line("executable", exe)
	t.line("config_file", n.ConfigFile)
}

func (n *Node) infoClients(t *infoText) {
	clients := n.Server.Clients()
	t.line("connected_clients", clients.Connected)
	t.line("cluster_connections", n.busLinks())
	t.line("maxclients", clients.Max)
	t.line("client_recent_max_input_buffer", clients.LongestQuery)
	t.line("client_recent_max_output_buffer", clients.LongestReply)
	t.line("blocked_clients", clients.Blocked)
	t.line("tracking_clients", clients.Tracking)
	t.line("pubsub_clients", clients.Pubsub)
	t.line("clients_in_timeout_table", clients.Timed)
}

func (n *Node) busLinks() int {
	if n.Standalone() || n.Server.Loading() { // the bus may not exist yet
		return 0
	}
	return len(n.Cluster.Links())
}

func human(n int64) string {
	const units = "KMGT"
	f, unit := float64(n), "B"
	for i := 0; f >= 1024 && i < len(units); i++ {
		f /= 1024
		unit = units[i : i+1]
	}
	if unit == "B" {
		return fmt.Sprintf("%dB", n)
	}
	return fmt.Sprintf("%.2f%s", f, unit)
}

func (n *Node) infoStats(t *infoText) {
	st, store := n.Server.Stats(), n.Store.Stats()
	t.line("total_connections_received", st.Connections+st.Rejected)
	t.line("total_commands_processed", st.Commands)
	t.line("instantaneous_ops_per_sec", st.Rate)
	t.line("total_net_input_bytes", st.NetIn)
	t.line("total_net_output_bytes", st.NetOut)
	t.line("instantaneous_input_kbps", fmt.Sprintf("%.2f", float64(st.RateIn)/1024))
	t.line("instantaneous_output_kbps", fmt.Sprintf("%.2f", float64(st.RateOut)/1024))
	t.line("rejected_connections", st.Rejected)
	t.line("client_output_buffer_limit_disconnections", st.CutOff)
	r := n.Replication()
	t.line("sync_full", r.FullSyncs)
	t.line("sync_partial_ok", r.PartialSyncs)
	t.line("sync_partial_err", r.RefusedPartials)
	t.line("expired_keys", store.Expired)
	t.line("evicted_keys", store.Evicted)
	t.line("keyspace_hits", store.Hits)
	t.line("keyspace_misses", store.Misses)
	t.line("pubsub_channels", n.Pubsub.Len(pubsub.Channel))
	t.line("pubsub_patterns", n.Pubsub.Len(pubsub.Pattern))
	t.line("pubsubshard_channels", n.Pubsub.Len(pubsub.Shard))
	t.line("migrate_cached_sockets", n.migrateConns.count())
	t.line("tracking_total_keys", st.TrackedKeys)
	t.line("tracking_total_items", st.TrackedItems)
	t.line("tracking_total_prefixes", st.TrackedPrefixes)
	t.line("total_error_replies", st.ErrorReplies)
}

func (n *Node) infoReplication(t *infoText) {
	r := n.Replication()
	if m := r.Master; m != nil {
		up := "down"
		if m.State == "connected" {
			up = "up"
		}
		t.line("role", "slave")
		t.line("master_host", m.Host)
		t.line("master_port", m.Port)
		t.line("master_link_status", up)
		lastIO := int64(-1)
		if m.LastIO >= 0 {
			lastIO = int64(m.LastIO / time.Second)
		}
		t.line("master_last_io_seconds_ago", lastIO)
		t.line("master_sync_in_progress", btoi(m.Syncing))
		t.line("slave_read_repl_offset", r.Offset)
		t.line("slave_repl_offset", r.Offset)
		if m.Syncing {
			t.line("master_sync_perc", fmt.Sprintf("%.2f", m.Percent))
		}
		if up == "down" {
			t.line("master_link_down_since_seconds", int64(m.DownFor/time.Second))
		}
		t.line("slave_priority", 100)
		t.line("slave_read_only", 1)
		t.line("replica_announced", 1)
	} else {
		t.line("role", "master")
	}
	t.line("connected_slaves", len(r.Replicas))
	if r.Asked {
		t.line("min_slaves_good_slaves", r.Good)
	}
	for i, rep := range r.Replicas {
		t.line("slave"+strconv.Itoa(i), fmt.Sprintf("ip=%s,port=%d,state=%s,offset=%d,lag=%d",
			rep.Host, rep.Port, rep.State, rep.Offset, int64(rep.Lag/time.Second)))
	}
	limit := r.PreviousLimit
	if limit == 0 {
		limit = -1
	}
	t.line("master_failover_state", "no-failover")
	t.line("master_replid", orZeros(r.ID))
	t.line("master_replid2", orZeros(r.PreviousID))
	t.line("master_repl_offset", r.Offset)
	t.line("second_repl_offset", limit)
	t.line("repl_backlog_active", btoi(r.Backlog.Active))
	t.line("repl_backlog_size", r.Backlog.Size)
	t.line("repl_backlog_first_byte_offset", r.Backlog.First)
	t.line("repl_backlog_histlen", r.Backlog.Length)
}

func orZeros(id string) string {
	if id == "" {
		return strings.Repeat("0", 40)
	}
	return id
}

// infoCPU tells the processor time of the whole process, other nodes and the host program
// included.
func (n *Node) infoCPU(t *infoText) {
	system, user := cpuTimes()
	gc := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(gc)
	t.line("used_cpu_sys", fmt.Sprintf("%.6f", system.Seconds()))
	t.line("used_cpu_user", fmt.Sprintf("%.6f", user.Seconds()))
	t.line("used_cpu_gc", fmt.Sprintf("%.6f", gc[0].Value.Float64()))
}

func (n *Node) infoCommandStats(t *infoText) {
	for _, cmd := range n.Server.CommandStats() {
		per := 0.0
		if cmd.Calls > 0 {
			per = cmd.Time.Seconds() * 1e6 / float64(cmd.Calls)
		}
		t.line("cmdstat_"+cmd.Name, fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			cmd.Calls, cmd.Time.Microseconds(), per, cmd.Rejected, cmd.Failed))
	}
}

func (n *Node) infoLatencyStats(t *infoText) {
	percentiles, on := n.Percentiles()
	if !on {
		return
	}
	for _, cmd := range n.Server.CommandStats() {
		if !cmd.Latency.Known() {
			continue
		}
		fields := make([]string, len(percentiles))
		for i, p := range percentiles {
			fields[i] = fmt.Sprintf("p%s=%.3f", strconv.FormatFloat(p, 'f', -1, 64), float64(cmd.Latency.Percentile(p))/1000)
		}
		t.line("latency_percentiles_usec_"+cmd.Name, strings.Join(fields, ","))
	}
}

func (n *Node) infoErrorStats(t *infoText) {
	counts := n.Server.Errors()
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		t.line("errorstat_"+code, fmt.Sprintf("count=%d", counts[code]))
	}
}

func (n *Node) infoCluster(t *infoText) { t.line("cluster_enabled", btoi(!n.Standalone())) }

// infoKeyspace says nothing of an empty database, as Redis does: tools take the line as
// "this node holds keys".
func (n *Node) infoKeyspace(t *infoText) {
	st := n.Store.Stats()
	if st.Keys > 0 {
		t.line("db0", fmt.Sprintf("keys=%d,expires=%d,avg_ttl=0", st.Keys, st.Expires))
	}
}
