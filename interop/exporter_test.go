package interop

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/metrics"
)

// dashboard are the metrics in the queries of the dashboard that belongs to redis_exporter
// (763 at grafana.com), and in the alerts that are widely used with it.
var dashboard = []string{
	"redis_blocked_clients", "redis_commands_duration_seconds_total", "redis_commands_total", "redis_connected_clients",
	"redis_db_keys", "redis_db_keys_expiring", "redis_evicted_keys_total", "redis_expired_keys_total",
	"redis_keyspace_hits_total", "redis_keyspace_misses_total", "redis_memory_max_bytes", "redis_memory_used_bytes",
	"redis_net_input_bytes_total", "redis_net_output_bytes_total", "redis_up", "redis_uptime_in_seconds",

	"redis_cluster_slots_fail", "redis_cluster_slots_pfail", "redis_cluster_state", "redis_config_maxclients",
	"redis_connected_slaves", "redis_instance_info", "redis_rdb_last_save_timestamp_seconds",
	"redis_rejected_connections_total", "redis_replica_resyncs_full", "redis_start_time_seconds",
	"redis_last_slow_execution_duration_seconds", "redis_slowlog_last_id", "redis_slowlog_length",
	"redis_total_system_memory_bytes",
}

// ofMasters and ofReplicas are more of them, of which only nodes with that role have values.
var (
	ofMasters  = []string{"redis_connected_slave_lag_seconds", "redis_connected_slave_offset_bytes"}
	ofReplicas = []string{"redis_master_last_io_seconds_ago", "redis_master_link_up", "redis_slave_info",
		"redis_slave_repl_offset"}
)

// The stock redis_exporter works with a node: each metric of its dashboard and alerts has a
// value, and the node's own metrics have the same where they have the same name.
func TestRedisExporter(t *testing.T) {
	needs(t, "prometheus-redis-exporter")
	cluster := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, TCP: true})
	master, replica := cluster.Node(0), cluster.Node(3)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{master.Addr().Client()}})
	defer client.Close()
	for i := range 100 {
		key := fmt.Sprint("key", i)
		if err := client.Set(t.Context(), key, "v", time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.Get(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.LPush(t.Context(), key, "v").Err(); err == nil {
			t.Fatal("LPUSH to a string")
		}
	}
	if err := client.ReadOnly(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for node, more := range map[*slotmesh.Node][]string{master: ofMasters, replica: ofReplicas} {
		if node.Stats().Store.Keys == 0 {
			t.Error("the keys are all elsewhere")
		}
		theirs := scrapeExporter(t, node.Addr().Client())
		var b bytes.Buffer
		if err := metrics.Write(&b, node); err != nil {
			t.Fatal(err)
		}
		ours := samples(b.String())
		for _, name := range append(slices.Clone(dashboard), more...) {
			if !has(theirs, name) {
				t.Errorf("%s: the exporter has no %s", node.Addr().Client(), name)
			}
			if !has(ours, name) {
				t.Errorf("%s: its own metrics have no %s", node.Addr().Client(), name)
			}
		}
		compareMetrics(t, ours, theirs)
	}
}

// scrapeExporter runs the exporter for a server and returns its samples.
func scrapeExporter(t *testing.T, addr string) map[string]string {
	t.Helper()
	at := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	cmd := exec.Command("prometheus-redis-exporter", "-redis.addr", "redis://"+addr, "-web.listen-address", at,
		"-redis-only-metrics", "-export-client-list", "-include-system-metrics")
	var log output
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		reply, err := http.Get("http://" + at + "/metrics")
		if err == nil {
			text, err := io.ReadAll(reply.Body)
			reply.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			return samples(string(text))
		}
		if time.Now().After(until) {
			t.Fatalf("the exporter: %v\n%s", err, log.String())
		}
	}
}

// samples returns the values of a text in the format of Prometheus, by their names with their
// labels in order.
func samples(text string) map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(line[:i], "}"), "{")
		list := label.FindAllString(labels, -1)
		slices.Sort(list)
		all[name+"{"+strings.Join(list, ",")+"}"] = line[i+1:]
	}
	return all
}

var label = regexp.MustCompile(`\w+="(?:[^"\\]|\\.)*"`)

func has(samples map[string]string, name string) bool {
	for series := range samples {
		if strings.HasPrefix(series, name+"{") {
			return true
		}
	}
	return false
}

// moving are the metrics whose values change between two looks, and those that count the
// looks themselves.
var moving = regexp.MustCompile(`^redis_(connections|commands_processed|net_|cpu_|memory_used_rss|memory_used_overhead|` +
	`mem_fragmentation|uptime|start_time|connected_clients|client_recent|connected_slave_lag|master_last_io|total_system|cluster_messages|total_error|` +
	`cluster_connections|errors_total\{err="ERR")|` +
	`cmd="(info|cluster\|info|config\|get|client\||slowlog\||latency\|)|_duration_seconds_total`)

// compareMetrics finds series that a node has under a name of the exporter, and that this has
// not, or with another value.
func compareMetrics(t *testing.T, ours, theirs map[string]string) {
	t.Helper()
	same := 0
	for _, series := range slices.Sorted(maps.Keys(ours)) {
		name, _, _ := strings.Cut(series, "{")
		if !strings.HasPrefix(name, "redis_") || moving.MatchString(series) {
			continue
		}
		value, ok := theirs[series]
		var a, b float64
		fmt.Sscan(value, &a)
		fmt.Sscan(ours[series], &b)
		if !ok || a != b {
			t.Errorf("%s is %s, the exporter has %q", series, ours[series], value)
			continue
		}
		same++
	}
	if same < 50 {
		t.Errorf("%d series are the same, too few", same)
	}
}
