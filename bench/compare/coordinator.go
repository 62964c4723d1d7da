package main

// coordinator measures what idle nodes spend on balance and on the addresses of Join, beside
// those of a cluster that was made by hand and does not balance.
func coordinator(t *table) {
	figures := goBench("^BenchmarkCoordinator(Bytes|Work)$", "1x", "1")
	for _, c := range []struct{ name, what string }{
		{"slots", "a node that balances by slots"},
		{"join", "a node with addresses to join, which balances by slots"},
		{"keys", "a node that balances by keys"},
	} {
		bytes := func(name string) float64 { return figures.of("CoordinatorBytes/"+name, "B/s/node") }
		work := func(name string) float64 { return figures.of("CoordinatorWork", name+"-µs/s/node") }
		t.add(row{what: "sent by " + c.what, figure: bytes(c.name), unit: "B/s", peer: "by hand", peers: bytes("hand"),
			ratio: bytes(c.name) / bytes("hand"), limit: 1.05})
		t.add(row{what: "processor time of " + c.what, figure: work(c.name), unit: "µs/s", peer: "by hand",
			peers: work("hand"), ratio: work(c.name) / work("hand"), limit: 1.05})
	}
}
