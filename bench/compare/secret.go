package main

// secret measures what a cluster's secret costs, beside the same without one: every
// connection between nodes is encrypted then.
func secret(t *table) {
	figures := goBench("^BenchmarkSecret$", "1x", "1")
	for _, c := range []struct {
		name, what, from, unit string
		limit                  float64
	}{
		{"FullSync", "full sync of 1M keys", "s", "s", 1.25},
		{"MoveSlot", "move a slot of 61 keys", "µs/slot", "µs", 1.25},
		{"IdleBus", "idle bus, 6 nodes, timeout 2 s", "B/s/node", "B/s/node", 1.5},
	} {
		with, plain := figures.of("Secret/"+c.name, "secret-"+c.from), figures.of("Secret/"+c.name, "plain-"+c.from)
		t.add(row{what: c.what, figure: with, unit: c.unit, peer: "plain", peers: plain, ratio: with / plain,
			limit: c.limit})
	}
	with, plain := figures.of("Secret/Failover", "secret-ms"), figures.of("Secret/Failover", "plain-ms")
	t.add(row{what: "failover, timeout 500 ms", figure: with, unit: "ms", peer: "plain", peers: plain, ratio: with / plain})
	t.add(row{what: "failover, later than plain", figure: with - plain, unit: "ms", limit: 50})
}
