package metrics_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	vm "github.com/VictoriaMetrics/metrics"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/metrics"
	"github.com/slotmesh/slotmesh/slots"
)

// values returns the samples of a text by their series.
func values(t *testing.T, text string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		if i < 0 {
			t.Fatalf("no sample: %q", line)
		}
		if _, twice := all[line[:i]]; twice {
			t.Errorf("%s comes twice", line[:i])
		}
		all[line[:i]] = line[i+1:]
	}
	return all
}

func scrape(t *testing.T, node *slotmesh.Node, caches ...metrics.Cache) map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := metrics.Write(&b, node, caches...); err != nil {
		t.Fatal(err)
	}
	return values(t, b.String())
}

func want(t *testing.T, got map[string]string, series, value string) {
	t.Helper()
	if got[series] != value {
		t.Errorf("%s is %q, want %q", series, got[series], value)
	}
}

// A cluster's nodes show keys, commands, replicas, moves, elections and a cache.
func TestCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		master, replica := c.Node(0), c.Node(3)
		for i := range 300 {
			if err := master.Set(slotmesh.WithSync(t.Context(), 1), fmt.Sprint("key", i), []byte("v"), time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		m, r := scrape(t, master), scrape(t, replica)
		keys := fmt.Sprint(master.Stats().Store.Keys)
		for _, shown := range []map[string]string{m, r} {
			want(t, shown, "redis_up", "1")
			want(t, shown, "redis_cluster_state", "1")
			want(t, shown, "redis_cluster_known_nodes", "6")
			want(t, shown, `redis_db_keys{db="db0"}`, keys)
			want(t, shown, `redis_db_keys_expiring{db="db0"}`, keys)
			want(t, shown, `slotmesh_cluster_nodes{role="master",health="online"}`, "3")
			want(t, shown, `slotmesh_cluster_nodes{role="replica",health="failed"}`, "0")
			want(t, shown, "slotmesh_events_missed_total", "0")
		}
		want(t, m, "redis_connected_slaves", "1")
		want(t, m, "slotmesh_slots", fmt.Sprint(master.Map().Self().Slots.Len()))
		want(t, r, "slotmesh_slots", "0")
		want(t, m, `slotmesh_replica_lag_bytes{replica="`+replica.ID().String()+`"}`, "0")
		want(t, m, `slotmesh_replica_online{replica="`+replica.ID().String()+`"}`, "1")
		want(t, r, "slotmesh_replication_behind_bytes", "0")
		addr := master.Addr()
		want(t, r, fmt.Sprintf(`redis_master_link_up{master_host="%s",master_port="%d"}`, addr.Host, addr.Port), "1")
		if m[`slotmesh_bus_messages_total{direction="sent",type="ping"}`] == "" {
			t.Error("no pings were counted")
		}

		moved := slots.NewSet()
		for slot := range master.Map().Self().Slots.All() {
			if moved.Len() < 1000 {
				moved.Add(slot)
			}
		}
		id, err := master.MigrateSlots(t.Context(), moved, c.Node(1).ID())
		if err != nil {
			t.Fatal(err)
		}
		m = scrape(t, master)
		want(t, m, `slotmesh_migrations{direction="out"}`, "1")
		if err := master.WaitMigration(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		m = scrape(t, master)
		want(t, m, `slotmesh_migrations{direction="out"}`, "0")
		want(t, m, `slotmesh_migrations_total{outcome="finished"}`, "1")
		want(t, m, "slotmesh_migrated_slots_total", "1000")
		if m["slotmesh_migrated_keys_total"] == "0" || m["slotmesh_migrated_bytes_total"] == "0" {
			t.Error("no keys were moved")
		}

		c.Kill(1)
		c.WaitStable()
		shown := 0
		for _, i := range []int{0, 2, 3, 4, 5} {
			if n := scrape(t, c.Node(i)); n["slotmesh_promotions_total"] == "1" && n["slotmesh_elections_started_total"] != "0" {
				shown++
			}
		}
		if shown != 1 {
			t.Errorf("%d nodes show the failover, want 1", shown)
		}
	})
}

// A standalone node with a log shows syncs; a cache on it its hits; a closed node only that it
// cannot be asked, and what it had counted.
func TestStandalone(t *testing.T) {
	disk := t.TempDir()
	node, err := slotmesh.New(slotmesh.Config{Standalone: true, Addr: "127.0.0.1:0", Dir: disk,
		Log: slotmesh.LogConfig{Sync: slotmesh.LogAlways}})
	if err != nil {
		t.Fatal(err)
	}
	quotes, err := cache.New(node, cache.Config[string]{Name: `say "hi"`, TTL: time.Minute,
		Load: func(context.Context, string) (string, error) { return "v", nil }})
	if err != nil {
		t.Fatal(err)
	}
	before := scrape(t, node, quotes)
	want(t, before, "redis_up", "0")
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := quotes.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := node.Do(t.Context(), "LPUSH", `say "hi":k`, "v"); err == nil {
		t.Error("LPUSH to a string")
	}
	got := scrape(t, node, quotes)
	want(t, got, "redis_up", "1")
	want(t, got, `slotmesh_cache_hits_total{cache="say \"hi\""}`, "2")
	want(t, got, `slotmesh_cache_misses_total{cache="say \"hi\""}`, "1")
	want(t, got, `redis_errors_total{err="WRONGTYPE"}`, "1")
	want(t, got, `redis_commands_failed_calls_total{cmd="lpush"}`, "1")
	want(t, got, "redis_aof_enabled", "1")
	want(t, got, "slotmesh_log_failed", "0")
	want(t, got, "slotmesh_log_unsynced_bytes", "0")
	count := got["slotmesh_log_sync_duration_seconds_count"]
	if count == "0" || count == "" || got[`slotmesh_log_sync_duration_seconds_bucket{le="+Inf"}`] != count {
		t.Errorf("%q syncs", count)
	}
	if got["redis_cluster_state"] != "" || got["slotmesh_slots"] != "" {
		t.Error("a standalone node shows a cluster")
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, scrape(t, node, quotes), "redis_up", "0")
}

// The metadata of a metric stands once before its samples, also if the host has turned on the
// library's own; the process is shown after the node.
func TestHandler(t *testing.T) {
	vm.ExposeMetadata(true)
	defer vm.ExposeMetadata(false)
	node, err := slotmesh.New(slotmesh.Config{Standalone: true, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	w := httptest.NewRecorder()
	metrics.Handler(node).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	typ := w.Header().Get("Content-Type")
	if w.Code != http.StatusOK || typ != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%d, %s", w.Code, typ)
	}
	got := values(t, w.Body.String())
	if got["process_start_time_seconds"] == "" || got["redis_up"] != "1" {
		t.Errorf("redis_up is %q, process_start_time_seconds %q", got["redis_up"], got["process_start_time_seconds"])
	}
	own, _, _ := strings.Cut(w.Body.String(), "# HELP go_")
	types := regexp.MustCompile(`(?m)^# TYPE (\S+) \w+$`).FindAllStringSubmatch(own, -1)
	seen := make(map[string]bool)
	for _, match := range types {
		if seen[match[1]] {
			t.Errorf("the type of %s comes twice", match[1])
		}
		seen[match[1]] = true
	}
	for _, f := range metrics.Gather(node) {
		if !seen[f.Name] {
			t.Errorf("no type of %s", f.Name)
		}
	}
}

// docs/metrics.md has a row for every metric, with its type and labels, and none besides.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\| (.*) \\|$").FindAllStringSubmatch(string(b), -1)
	var documented []string
	for _, row := range rows {
		documented = append(documented, row[1]+" "+row[2]+" "+row[3])
	}
	for _, d := range metrics.Descs() {
		name := d.Name
		if len(d.Labels) > 0 {
			name += "{" + strings.Join(d.Labels, ",") + "}"
		}
		row := fmt.Sprintf("%s %s %s", name, d.Type, d.Help)
		i := slices.Index(documented, row)
		if i < 0 {
			t.Errorf("docs/metrics.md lacks the row\n| `%s` | %s | %s |", name, d.Type, d.Help)
			continue
		}
		documented = slices.Delete(documented, i, i+1)
	}
	if len(documented) > 0 {
		t.Errorf("docs/metrics.md has rows of no metric: %q", documented)
	}
}
