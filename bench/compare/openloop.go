package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// An open loop asks by a schedule, whether or not the last answer has come, as the users
// of a server do: what is asked late because an answer was late counts from when it
// should have been asked. A closed loop, which waits for each answer, would count a stall
// once and leave out all who would have met it.

// connections is how many clients ask, as many as redis-benchmark starts.
const connections = 50

// openLoop sends rate GETs and SETs a second, half of each, to a server for d and returns
// how long the answers took, in ns.
func openLoop(p *peer, rate int, d time.Duration, size int) *hdrhistogram.Histogram {
	histograms := make([]*hdrhistogram.Histogram, connections)
	interval := time.Duration(connections) * time.Second / time.Duration(rate)
	start := time.Now().Add(50 * time.Millisecond)
	var wg sync.WaitGroup
	for i := range connections {
		histograms[i] = hdrhistogram.New(1, 60e9, 3)
		first := start.Add(interval * time.Duration(i) / connections)
		wg.Go(func() { askBySchedule(p, first, interval, d, size, histograms[i]) })
	}
	wg.Wait()
	for _, h := range histograms[1:] {
		histograms[0].Merge(h)
	}
	return histograms[0]
}

func askBySchedule(p *peer, due time.Time, interval, d time.Duration, size int, h *hdrhistogram.Histogram) {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
	must(err)
	c := resp.NewConn(conn)
	defer c.Close()
	value := strings.Repeat("x", size)
	for end := due.Add(d); due.Before(end); due = due.Add(interval) {
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
			due = time.Now() // if that is late, it is not because of the server
		}
		key := fmt.Sprintf("key:%012d", rand.IntN(100_000))
		if rand.IntN(2) == 0 {
			_, err = c.Do("SET", key, value)
		} else {
			_, err = c.Do("GET", key)
		}
		must(err)
		must(h.RecordValue(time.Since(due).Nanoseconds()))
	}
}

// equalLoad compares latencies of the first two servers when both are asked as often, at
// a third of what the slower one can do on this machine.
func equalLoad(t *table, peers []*peer, rounds int, plots string) {
	rate := math.MaxInt
	for _, p := range peers[:2] {
		rate = min(rate, p.throughput("get", 1, 256, 30_000)/3)
	}
	rate = max(rate/1000*1000, 1000)
	var warm [2]bool
	all := make([]*hdrhistogram.Histogram, 2)
	for c := range all {
		all[c] = hdrhistogram.New(1, 60e9, 3)
	}
	p99 := alternate(rounds, 2, func(c int) float64 {
		h := openLoop(peers[c], rate, 3*time.Second, 256)
		if warm[c] {
			all[c].Merge(h)
		}
		warm[c] = true
		return float64(h.ValueAtQuantile(99)) / 1e6
	})
	t.add(row{what: fmt.Sprintf("p99 at equal load, %d requests/s, 256 B", rate), figure: median(p99[0]), unit: "ms",
		peer: peers[1].name, peers: median(p99[1]),
		ratio: ratio(p99[0], p99[1]), limit: 1.2})
	p := plot{title: fmt.Sprintf("Latency at equal load: %d requests/s by schedule, 50 connections, 256 B", rate),
		x: "percentile", y: "ms"}
	for _, q := range percentiles {
		p.ticks = append(p.ticks, number(q))
	}
	for c, h := range all {
		s := series{name: peers[c].name}
		for _, q := range percentiles {
			s.ys = append(s.ys, float64(h.ValueAtQuantile(q))/1e6)
		}
		p.series = append(p.series, s)
		t.addHistogram(fmt.Sprintf("%s at %d requests/s", peers[c].name, rate), h)
	}
	p.write(plots, "latency")
}

// throughputs draws how many requests a second the first two servers answer at full load,
// by the size of the values and the number of requests sent at a time.
func throughputs(peers []*peer, plots string) {
	if plots == "" {
		return
	}
	p := plot{title: "GET at full load, redis-benchmark, 50 connections", x: "bytes of a value", y: "requests/s"}
	sizes := []int{3, 64, 256, 1024, 4096}
	for _, size := range sizes {
		p.ticks = append(p.ticks, strconv.Itoa(size))
	}
	for _, pipeline := range []int{1, 16} {
		for _, peer := range peers[:2] {
			s := series{name: fmt.Sprintf("%s, P=%d", peer.name, pipeline)}
			for _, size := range sizes {
				peer.throughput("set", 16, size, 100_000) // fills
				s.ys = append(s.ys, float64(peer.throughput("get", pipeline, size, 50_000*min(pipeline, 4))))
			}
			p.series = append(p.series, s)
		}
	}
	p.write(plots, "throughput")
}
