package commands

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"strings"

	"github.com/slotmesh/slotmesh/keyspace"
)

var memoryCommand = Command{Name: "memory", Arity: -2, Group: "server", Since: "4.0.0", Summary: "Looks at memory.",
	Subs: []Command{
		{Name: "doctor", Arity: 2, Since: "4.0.0", Tips: "nondeterministic_output request_policy:all_shards " +
			"response_policy:special", Summary: "Says in words what memory is used badly for.", Run: cmdMemoryDoctor},
		{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "4.0.0",
			Summary: "Lists the subcommands.", Run: Help},
		{Name: "malloc-stats", Arity: 2, Since: "4.0.0", Tips: "nondeterministic_output request_policy:all_shards " +
			"response_policy:special", Summary: "Returns what Go's runtime counts of its memory.", Run: cmdMemoryMalloc},
		{Name: "purge", Arity: 2, Since: "4.0.0", Tips: "request_policy:all_shards response_policy:all_succeeded",
			Summary: "Collects garbage, and gives unused memory back to the system.", Run: cmdMemoryPurge},
		{Name: "stats", Arity: 2, Since: "4.0.0", Tips: "nondeterministic_output request_policy:all_shards " +
			"response_policy:special", Summary: "Returns what memory is used for.", Run: cmdMemoryStats},
		{Name: "usage", Arity: -3, Args: "<key> [SAMPLES <count>]", Flags: ReadOnly, Keys: SubKey,
			Since: "4.0.0", KeyFlags: "RO", Summary: "Returns the bytes that a key takes.", Tx: cmdMemoryUsage},
	}}

func cmdMemoryUsage(c *Call, tx *keyspace.Tx) error {
	for i := 3; i < len(c.Args); i += 2 {
		if !c.Word(i, "SAMPLES") || i+1 == len(c.Args) {
			return ErrSyntax
		}
		n, err := c.Number(i + 1)
		if err != nil {
			return err
		}
		if n < 0 {
			return ErrSyntax
		}
	}
	if _, ok := tx.Peek(c.Args[2]); !ok {
		c.Out.Null()
		return nil
	}
	c.Out.Int(tx.Size(c.Args[2]))
	return nil
}

// memoryUse is what memory is used for, in bytes. What Redis calls used memory is the keys
// here, with their bookkeeping: that is what maxmemory limits. The rest of the process may
// be the host program's.
type memoryUse struct {
	keys, peak, limit int64
	gaps              int64 // held for keys, and not used
	clients           int64
	followers         int64 // clients that replicate this node
	backlog           int64
	links             int64
	log               int64 // not written yet
	scripts           int64
	functions         int64
	tracking          int64

	live     int64 // objects of the heap, with garbage that has not been found yet
	active   int64 // spans of the heap that have any
	resident int64 // of all memory of the process that Go manages
}

func (n *Node) memoryUse() memoryUse {
	store, clients, st := n.Store.Stats(), n.Server.Clients(), n.Server.Stats()
	u := memoryUse{keys: store.Memory, peak: max(st.PeakMemory, store.Memory), limit: n.Store.MaxMemory(),
		gaps: max(0, store.Reserved-store.Memory), clients: clients.Bytes, followers: clients.FollowerBytes,
		backlog: n.Replication().Backlog.Length, log: n.logStatus().Pending, scripts: st.ScriptBytes,
		functions: n.Functions.Set().Bytes(), tracking: st.TrackedBytes}
	if !n.Standalone() && !n.Server.Loading() { // the bus may not exist yet
		for _, l := range n.Cluster.Links() {
			u.links += l.SendAllocated
		}
	}
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(heap)
	u.live = int64(heap[0].Value.Uint64())
	u.active = u.live + int64(heap[1].Value.Uint64())
	u.resident = int64(heap[2].Value.Uint64() - heap[3].Value.Uint64())
	return u
}

// overhead is what is there beside the keys, and not limited by maxmemory.
func (u *memoryUse) overhead() int64 {
	return u.gaps + u.clients + u.followers + u.backlog + u.links + u.log + u.scripts + u.functions + u.tracking
}

// percent returns a share, 100 of nothing.
func percent(part, all int64) float64 {
	if all == 0 {
		return 100
	}
	return 100 * float64(part) / float64(all)
}

// times returns how many times b goes into a, 0 if b is nothing.
func times(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// infoMemory has lines of Redis in its order, without those that nothing here corresponds to:
// see TestInfoHasTheLinesOfRedis.
func (n *Node) infoMemory(t *infoText) {
	u, st := n.memoryUse(), n.Server.Stats()
	bytes := func(name string, b int64) {
		t.line(name, b)
		t.line(name+"_human", human(b))
	}
	bytes("used_memory", u.keys)
	bytes("used_memory_rss", u.resident)
	bytes("used_memory_peak", u.peak)
	t.line("used_memory_peak_perc", fmt.Sprintf("%.2f%%", percent(u.keys, u.peak)))
	t.line("used_memory_overhead", u.overhead())
	t.line("used_memory_startup", 0)
	t.line("used_memory_dataset", u.keys)
	t.line("used_memory_dataset_perc", "100.00%")
	t.line("allocator_allocated", u.live)
	t.line("allocator_active", u.active)
	t.line("allocator_resident", u.resident)
	if total := systemMemory(); total > 0 {
		bytes("total_system_memory", total)
	}
	t.line("used_memory_scripts_eval", u.scripts)
	t.line("number_of_cached_scripts", st.Scripts)
	libraries, functions := n.Functions.Set().Count()
	t.line("number_of_functions", functions)
	t.line("number_of_libraries", libraries)
	t.line("used_memory_functions", u.functions)
	bytes("used_memory_scripts", u.scripts+u.functions)
	t.line("used_memory_tracking", u.tracking)
	bytes("maxmemory", u.limit)
	t.line("maxmemory_policy", n.Store.Policy())
	t.line("allocator_frag_ratio", fmt.Sprintf("%.2f", times(u.active, u.live)))
	t.line("allocator_frag_bytes", u.active-u.live)
	t.line("allocator_rss_ratio", fmt.Sprintf("%.2f", times(u.resident, u.active)))
	t.line("allocator_rss_bytes", u.resident-u.active)
	t.line("mem_fragmentation_ratio", fmt.Sprintf("%.2f", times(u.resident, u.live)))
	t.line("mem_fragmentation_bytes", u.resident-u.live)
	t.line("mem_not_counted_for_evict", u.overhead())
	t.line("mem_replication_backlog", u.backlog)
	t.line("mem_total_replication_buffers", u.backlog)
	t.line("mem_clients_slaves", u.followers)
	t.line("mem_clients_normal", u.clients)
	t.line("mem_cluster_links", u.links)
	t.line("mem_aof_buffer", u.log)
	t.line("mem_allocator", "go")
}

// cmdMemoryStats replies with the fields of Redis in its order. Of the resident memory that
// is not the allocator's, nothing is known.
func cmdMemoryStats(c *Call) error {
	u := c.Node.memoryUse()
	keys := int64(c.Node.Store.Len())
	dbs := min(keys, 1)
	c.Out.Map(27 + int(dbs))
	number := func(name string, v int64) {
		c.Out.BulkString(name)
		c.Out.Int(v)
	}
	ratio := func(name string, v float64) {
		c.Out.BulkString(name)
		c.Out.Double(v)
	}
	number("peak.allocated", u.peak)
	number("total.allocated", u.keys)
	number("startup.allocated", 0)
	number("replication.backlog", u.backlog)
	number("clients.slaves", u.followers)
	number("clients.normal", u.clients)
	number("cluster.links", u.links)
	number("aof.buffer", u.log)
	number("lua.caches", u.scripts)
	number("functions.caches", u.functions)
	if dbs > 0 {
		c.Out.BulkString("db.0")
		c.Out.Map(3)
		number("overhead.hashtable.main", u.gaps)
		number("overhead.hashtable.expires", 0)
		number("overhead.hashtable.slot-to-keys", 0)
	}
	number("overhead.total", u.overhead())
	number("keys.count", keys)
	number("keys.bytes-per-key", u.keys/max(1, keys))
	number("dataset.bytes", u.keys)
	ratio("dataset.percentage", 100)
	ratio("peak.percentage", percent(u.keys, u.peak))
	number("allocator.allocated", u.live)
	number("allocator.active", u.active)
	number("allocator.resident", u.resident)
	ratio("allocator-fragmentation.ratio", times(u.active, u.live))
	number("allocator-fragmentation.bytes", u.active-u.live)
	ratio("allocator-rss.ratio", times(u.resident, u.active))
	number("allocator-rss.bytes", u.resident-u.active)
	ratio("rss-overhead.ratio", 1)
	number("rss-overhead.bytes", 0)
	ratio("fragmentation", times(u.resident, u.live))
	number("fragmentation.bytes", u.resident-u.live)
	return nil
}

// cmdMemoryDoctor says what an administrator could do something about.
func cmdMemoryDoctor(c *Call) error {
	u := c.Node.memoryUse()
	clients := c.Node.Server.Clients()
	const small, large = 5 << 20, 32 << 20
	var advice []string
	add := func(is bool, format string, args ...any) {
		if is {
			advice = append(advice, fmt.Sprintf(format, args...))
		}
	}
	add(u.limit > 0 && u.keys > u.limit, "The keys take %s, more than maxmemory, %s, and nothing may be evicted: "+
		"raise the limit, or choose another maxmemory-policy.", human(u.keys), human(u.limit))
	add(u.keys > small && u.peak > u.keys*3/2, "At the peak keys took %s, half as much again as now (%s): "+
		"Go gives such memory back to the system by and by, or upon MEMORY PURGE.", human(u.peak), human(u.keys))
	add(u.gaps > large && u.gaps > u.keys/2, "Tables of keys hold %s that they do not use: they shrink when their "+
		"slots are written to.", human(u.gaps))
	add(u.clients > large && u.clients > 200<<10*int64(clients.Connected), "Clients take %s, more than 200 KB each: "+
		"CLIENT LIST shows which (tot-mem), client-output-buffer-limit bounds them.", human(u.clients))
	add(u.followers > 10<<20, "Servers that replicate the node take %s: they, or the network, are too slow.",
		human(u.followers))
	add(u.scripts > large, "Scripts take %s: they should get what varies as arguments, not in their text.",
		human(u.scripts))
	switch {
	case len(advice) == 0 && u.keys < small:
		advice = []string{"The keys take less than 5 MB: there is nothing to say of so little."}
	case len(advice) == 0:
		advice = []string{"Nothing is wrong with the use of memory."}
	}
	c.Out.Verbatim("txt", strings.Join(advice, "\n"))
	return nil
}

// cmdMemoryMalloc has a line for each class of memory that package runtime/metrics knows.
func cmdMemoryMalloc(c *Call) error {
	var list []metrics.Sample
	for _, d := range metrics.All() {
		if strings.HasPrefix(d.Name, "/memory/classes/") {
			list = append(list, metrics.Sample{Name: d.Name})
		}
	}
	metrics.Read(list)
	var text strings.Builder
	for _, s := range list {
		name := strings.TrimSuffix(strings.TrimPrefix(s.Name, "/memory/classes/"), ":bytes")
		fmt.Fprintf(&text, "%s: %d\n", name, s.Value.Uint64())
	}
	c.Out.Verbatim("txt", text.String())
	return nil
}

func cmdMemoryPurge(c *Call) error {
	debug.FreeOSMemory()
	c.Out.OK()
	return nil
}
