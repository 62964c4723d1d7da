package main

// operate measures what is done to whole clusters beside redis-server and redis-cli:
// moving slots, bringing a replica up to date, creating and rebalancing.
func operate(t *table) {
	moves := goBench("^BenchmarkReshard$", "1x", "3")
	for _, c := range []struct {
		density, what string
		limit         float64
	}{
		{"dense", "move a slot of 61 keys", 1. / 10},
		{"sparse", "move a slot of 12 keys", 1. / 8},
	} {
		own, peer := 1e6/moves.of("Reshard/"+c.density+"/slotmesh", "slots/s"), 1e6/moves.of("Reshard/"+c.density+"/redis",
			"slots/s")
		t.add(row{what: c.what, figure: own, unit: "µs", peer: "redis-cli reshard", peers: peer, ratio: own / peer,
			limit: c.limit})
	}

	sync := goBench("^BenchmarkFullSync$", "1x", "1")
	own, peer := sync.of("FullSync/slotmesh", "s/sync"), sync.of("FullSync/redis", "s/sync")
	idle, meantime := sync.of("FullSync/slotmesh", "p99-idle-ms"), sync.of("FullSync/slotmesh", "p99-sync-ms")
	t.add(row{what: "full sync of 1M keys", figure: own, unit: "s", limit: 0.8})
	t.add(row{what: "full sync of 1M keys", figure: own, unit: "s", peer: "redis-server", peers: peer, ratio: own / peer})
	t.add(row{what: "p99 of the master's clients in the meantime", figure: meantime, unit: "ms", peer: "idle",
		peers: idle, ratio: meantime / idle, limit: 2})
	t.add(row{what: "p99 of the master's clients in the meantime", figure: meantime, unit: "ms", peer: "redis-server",
		peers: sync.of("FullSync/redis", "p99-sync-ms"), ratio: meantime / sync.of("FullSync/redis", "p99-sync-ms")})

	admin := goBench("^BenchmarkAdmin", "1x", "3")
	for _, c := range []struct {
		name, what   string
		limit, times float64 // of the figure; of the ratio to the peer
	}{
		{"AdminCreate/nodes=6", "slotmesh create, 6 processes", 0.3, 0},
		{"AdminCreate/nodes=30", "slotmesh create, 30 processes", 1, 0},
		{"AdminRebalance", "slotmesh rebalance, 200 k keys onto a fourth master", 0, 1. / 8},
	} {
		own, peer := admin.of(c.name+"/slotmesh", "ns/op")/1e9, admin.of(c.name+"/redis", "ns/op")/1e9
		if c.limit > 0 {
			t.add(row{what: c.what, figure: own, unit: "s", limit: c.limit})
		}
		t.add(row{what: c.what, figure: own, unit: "s", peer: "redis-cli", peers: peer, ratio: own / peer, limit: c.times})
	}
}
