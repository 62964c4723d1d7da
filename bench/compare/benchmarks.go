package main

// benchmarks runs this module's go benchmarks and adds what has a target.
func benchmarks(t *table, plots string) {
	slot := goBench("^BenchmarkSlot$", "100ms", "5")
	cluster := goBench("^Benchmark(Create|IdleBus)$", "1x", "3")
	join := goBench("^BenchmarkJoin$", "1x", "1")

	for _, s := range []struct {
		size  string
		limit float64
	}{{"16", 7. / 25}, {"64", 22. / 132}, {"1024", 400. / 2385}} {
		own, peer := slot["Slot/bytes="+s.size+"/slotmesh"]["ns/op"], slot["Slot/bytes="+s.size+"/bytetable"]["ns/op"]
		t.add(row{what: "slot of a key of " + s.size + " B", figure: median(own), unit: "ns", peer: "byte table",
			peers: median(peer),
			ratio: ratio(own, peer), limit: s.limit})
	}
	for _, c := range []struct {
		name, unit, what, in string
		scale, limit         float64
	}{
		{"IdleBus/nodes=6", "B/s/node", "idle bus, 6 nodes, timeout 2 s", "kB/s/node", 1e3, 2},
		{"IdleBus/nodes=30", "B/s/node", "idle bus, 30 nodes, timeout 2 s", "kB/s/node", 1e3, 4},
		{"Create/nodes=6", "ns/op", "create a cluster of 6", "s", 1e9, 0.3},
		{"Create/nodes=30", "ns/op", "create a cluster of 30", "s", 1e9, 1},
	} {
		t.add(row{what: c.what, figure: cluster.of(c.name, c.unit) / c.scale, unit: c.in, limit: c.limit})
	}
	p := plot{title: "Idle bus, node timeout 2 s: bytes a node sends in a second", x: "nodes", y: "B/s",
		series: []series{{name: "slotmesh"}}}
	for _, nodes := range []string{"6", "12", "30", "60"} {
		p.ticks = append(p.ticks, nodes)
		p.series[0].ys = append(p.series[0].ys, cluster.of("IdleBus/nodes="+nodes, "B/s/node"))
	}
	p.write(plots, "bus")
	own, memberlist := join.of("Join/slotmesh", "ns/op")/1e9, join.of("Join/memberlist", "ns/op")/1e9
	t.add(row{what: "100 nodes know all", figure: own, unit: "s", limit: 2})
	t.add(row{what: "100 nodes know all", figure: own, unit: "s", peer: "memberlist", peers: memberlist,
		ratio: own / memberlist})
}
