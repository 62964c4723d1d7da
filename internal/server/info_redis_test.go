package server

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// redisConn returns a connection to a redis-server of its own, or skips the test.
func redisConn(t *testing.T) *resp.Conn { return dialRedis(t, redisAddr(t)) }

// redisAddr is redisConn for tests that need several connections.
func redisAddr(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: nothing was compared with it")
	}
	return startRedis(t, "standalone")
}

func dialRedis(t *testing.T, addr string) *resp.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return resp.NewConn(conn)
}

// notInInfo are lines of INFO that Redis 7.0 has and a node has not, and why.
var notInInfo = map[string]string{
	"monotonic_clock":    "Go's runtime chooses",
	"atomicvar_api":      "Go's runtime chooses",
	"gcc_version":        "there is go_version",
	"process_supervised": "the host program knows",
	"lru_clock":          "each key has the time of its last use, not of a clock that wraps",
	"io_threads_active":  "there are no such threads",

	"used_memory_lua":            "scripts live in Go's heap: what each may take is bounded",
	"used_memory_lua_human":      "the same",
	"used_memory_vm_eval":        "the same",
	"used_memory_vm_functions":   "the same",
	"used_memory_vm_total":       "the same",
	"used_memory_vm_total_human": "the same",
	"rss_overhead_ratio":         "nothing is known of memory beside Go's",
	"rss_overhead_bytes":         "the same",
	"active_defrag_running":      "Go's collector moves nothing",
	"lazyfree_pending_objects":   "Go's collector frees",
	"lazyfreed_objects":          "the same",

	"total_net_repl_input_bytes":     "the bus carries replication, and counts messages",
	"total_net_repl_output_bytes":    "the same",
	"instantaneous_input_repl_kbps":  "the same",
	"instantaneous_output_repl_kbps": "the same",
	"expired_stale_perc":             "no estimate is made of keys that have expired and are still there",
	"expired_time_cap_reached_count": "looking for expired keys has no cycle that could be cut short",
	"expire_cycle_cpu_milliseconds":  "the same",
	"evicted_clients":                "none is: see client-output-buffer-limit",
	"total_eviction_exceeded_time":   "the time over the limit is not measured",
	"current_eviction_exceeded_time": "the same",
	"latest_fork_usec":               "nothing forks",
	"total_forks":                    "the same",
	"slave_expires_tracked_keys":     "replicas write nothing of their own",
	"active_defrag_hits":             "Go's collector moves nothing",
	"active_defrag_misses":           "the same",
	"active_defrag_key_hits":         "the same",
	"active_defrag_key_misses":       "the same",
	"total_active_defrag_time":       "the same",
	"current_active_defrag_time":     "the same",
	"unexpected_error_replies":       "no error of the master's commands is unexpected: they are Ops",
	"dump_payload_sanitizations":     "every payload is checked, by reading it",
	"total_reads_processed":          "calls of the system are not counted",
	"total_writes_processed":         "the same",
	"io_threaded_reads_processed":    "there are no such threads",
	"io_threaded_writes_processed":   "the same",
	"reply_buffer_shrinks":           "buffers of replies are as long as the replies",
	"reply_buffer_expands":           "the same",

	"used_cpu_sys_children":     "a node has none",
	"used_cpu_user_children":    "the same",
	"used_cpu_sys_main_thread":  "no thread is the main one",
	"used_cpu_user_main_thread": "the same",
}

// INFO has the lines of Redis, in its order, but for those that mean nothing here.
func TestInfoHasTheLinesOfRedis(t *testing.T) {
	theirs, ours := redisConn(t), connect(t, startServer(t, Config{}))
	missing := make(map[string]bool)
	for _, section := range []string{"server", "clients", "memory", "stats", "cpu"} {
		want, got := strings.Fields(linesOf(t, theirs, section)), strings.Fields(linesOf(t, ours, section))
		last := -1
		for _, name := range want {
			at := slices.Index(got, name)
			switch {
			case at < 0:
				missing[name] = true
				if notInInfo[name] == "" {
					t.Errorf("INFO %s has no line %s, and no reason is given", section, name)
				}
			case at < last:
				t.Errorf("INFO %s: %s comes too early", section, name)
			default:
				last = at
			}
		}
	}
	for name := range notInInfo {
		if !missing[name] {
			t.Errorf("a reason is given why %s is missing", name)
		}
	}
}

// The numbers of INFO memory and cpu are those of this process and its keys.
func TestInfoMemoryTellsTheTruth(t *testing.T) {
	srv := startServer(t, Config{})
	c := connect(t, srv)
	numbers := func(section string) map[string]float64 {
		t.Helper()
		lines, _ := infoOf(t, c, section)
		list := make(map[string]float64)
		for name, v := range lines {
			if f, err := strconv.ParseFloat(strings.TrimSuffix(v, "%"), 64); err == nil {
				list[name] = f
			}
		}
		return list
	}
	do(t, c, "SET big "+strings.Repeat("x", 1<<20))
	full := numbers("memory")
	store := float64(srv.engine.Store().Memory())
	if store < 1<<20 || full["used_memory"] != store || full["used_memory_dataset"] != store ||
		full["used_memory_peak"] != store || full["used_memory_peak_perc"] != 100 {
		t.Errorf("%v bytes of keys: %v", store, full)
	}
	if full["mem_clients_normal"] < 1<<14 || full["used_memory_overhead"] < full["mem_clients_normal"] ||
		full["mem_clients_slaves"] != 0 {
		t.Errorf("one client: %v", full)
	}
	if r := full["mem_fragmentation_ratio"]; r < 1 || full["used_memory_rss"] < full["allocator_allocated"] {
		t.Errorf("%v", full)
	}
	do(t, c, "DEL big")
	empty := numbers("memory")
	if empty["used_memory"] >= store || empty["used_memory_peak"] != store || empty["used_memory_peak_perc"] >= 100 {
		t.Errorf("without the key: %v", empty)
	}
	if cpu := numbers("cpu"); cpu["used_cpu_user"] <= 0 || cpu["used_cpu_sys"] < 0 {
		t.Errorf("%v", cpu)
	}
}

// shapeOf returns the names of the fields of a map, and of what kind each value is.
func shapeOf(r resp.Reply) string {
	var b strings.Builder
	for i := 0; i+1 < len(r.Elems); i += 2 {
		v := r.Elems[i+1]
		fmt.Fprint(&b, r.Elems[i].Text(), " ", v.Kind)
		if len(v.Elems) > 0 {
			b.WriteString("{" + shapeOf(v) + "}")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// MEMORY STATS has the fields of Redis in its order, in both protocols, with keys and without.
func TestMemoryStatsIsRedis(t *testing.T) {
	theirs, ours := redisConn(t), connect(t, startServer(t, Config{}))
	both := func(args ...string) (want, got resp.Reply) {
		t.Helper()
		want, _ = theirs.Do(args...)
		got, err := ours.Do(args...)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return want, got
	}
	compare := func() {
		t.Helper()
		want, got := both("MEMORY", "STATS")
		if shapeOf(want) != shapeOf(got) || want.Kind != got.Kind {
			t.Errorf("MEMORY STATS has\n%swant\n%s", shapeOf(got), shapeOf(want))
		}
	}
	compare()
	both("SET", "k", "v")
	compare()
	both("HELLO", "3")
	compare()
	for _, sub := range []string{"DOCTOR", "MALLOC-STATS"} {
		if want, got := both("MEMORY", sub); want.Kind != got.Kind || got.Text() == "" {
			t.Errorf("MEMORY %s: %q", sub, got.Text())
		}
	}
	expect(t, ours, "MEMORY PURGE", "+OK")
	for _, line := range []string{"MEMORY STATS x", "MEMORY USAGE k SAMPLES", "MEMORY USAGE k SAMPLES -1",
		"MEMORY USAGE k FOO 1", "MEMORY USAGE k SAMPLES x", "MEMORY FOO", "MEMORY USAGE nothing", "MEMORY DOCTOR now",
		"MEMORY PURGE all"} {
		if want, got := do(t, theirs, line), do(t, ours, line); want != got {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
