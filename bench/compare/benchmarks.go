package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
)

var benchLine = regexp.MustCompile(`^Benchmark(\S+?)-\d+\s+\d+\s+([\d.]+) ns/op(?:\s+([\d.]+) B/s/node)?`)

// benchmarks runs this module's go benchmarks and adds what has a target.
func benchmarks(t *table, plots string) {
	all := make(map[string][]float64)
	run := func(pattern, times, rounds string) {
		cmd := exec.Command("go", "test", "-run", "^$", "-bench", pattern, "-benchtime", times, "-count", rounds, ".")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			panic(string(out))
		}
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			if m := benchLine.FindStringSubmatch(lines.Text()); m != nil {
				figure := m[2]
				if m[3] != "" {
					figure = m[3]
				}
				f, err := strconv.ParseFloat(figure, 64)
				must(err)
				all[m[1]] = append(all[m[1]], f)
			}
		}
	}
	run("^BenchmarkSlot$", "100ms", "5")
	run("^Benchmark(Create|IdleBus)$", "1x", "3")
	run("^BenchmarkJoin$", "1x", "1")

	for _, s := range []struct {
		size  string
		limit float64
	}{{"16", 7. / 25}, {"64", 22. / 132}, {"1024", 400. / 2385}} {
		own, peer := all["Slot/bytes="+s.size+"/slotmesh"], all["Slot/bytes="+s.size+"/bytetable"]
		t.add(row{what: "slot of a key of " + s.size + " B", figure: median(own), unit: "ns", peer: "byte table", peers: median(peer),
			ratio: ratio(own, peer), limit: s.limit})
	}
	for _, c := range []struct {
		name, what, unit string
		scale, limit     float64
	}{
		{"IdleBus/nodes=6", "idle bus, 6 nodes, timeout 2 s", "kB/s/node", 1e3, 2},
		{"IdleBus/nodes=30", "idle bus, 30 nodes, timeout 2 s", "kB/s/node", 1e3, 4},
		{"Create/nodes=6", "create a cluster of 6", "s", 1e9, 0.3},
		{"Create/nodes=30", "create a cluster of 30", "s", 1e9, 1},
	} {
		t.add(row{what: c.what, figure: median(all[c.name]) / c.scale, unit: c.unit, limit: c.limit})
	}
	p := plot{title: "Idle bus, node timeout 2 s: bytes a node sends in a second", x: "nodes", y: "B/s", series: []series{{name: "slotmesh"}}}
	for _, nodes := range []string{"6", "12", "30", "60"} {
		p.ticks = append(p.ticks, nodes)
		p.series[0].ys = append(p.series[0].ys, median(all["IdleBus/nodes="+nodes]))
	}
	p.write(plots, "bus")
	join, memberlist := median(all["Join/slotmesh"])/1e9, median(all["Join/memberlist"])/1e9
	t.add(row{what: "100 nodes know all", figure: join, unit: "s", limit: 2})
	t.add(row{what: "100 nodes know all", figure: join, unit: "s", peer: "memberlist", peers: memberlist, ratio: join / memberlist})
}
