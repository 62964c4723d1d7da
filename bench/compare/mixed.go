package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
)

// mixed measures gets and puts of n entries by as many goroutines as there are processors: processor time for
// an operation, collection of garbage included. Each contender takes turns with the peer that the targets name; no others are
// in memory meanwhile, because the collector would look at theirs too.
func mixed(t *table, n, rounds int) {
	list, fill := keys(n, 1), keys(n, 2)
	value := make([]byte, valueSize)
	full := func(c int) store {
		s := contenders[c].make(n)
		for i := range fill.len() {
			s.put(fill.at(i), value)
		}
		return s
	}
	const peer = 1
	limits := map[string]float64{"slotmesh keyspace 95": 1.0, "slotmesh keyspace 50": 1.05, "slotmesh Node 95": 1.3}
	for c := range contenders {
		if c == peer {
			continue
		}
		pair := [2]store{full(c), full(peer)}
		for _, writes := range []int{5, 50} {
			figures := alternate(rounds, 2, func(i int) float64 {
				const ops = 200_000
				before := cpuTime()
				hammer(pair[i], list, ops, writes)
				return float64((cpuTime() - before).Nanoseconds()) / ops
			})
			t.add(row{what: fmt.Sprintf("%d/%d, %s entries: %s", 100-writes, writes, count(n), contenders[c].name),
				figure: median(figures[0]), peer: contenders[peer].name, peers: median(figures[1]), unit: "ns CPU",
				ratio: ratio(figures[0], figures[1]), limit: limits[fmt.Sprint(contenders[c].name, " ", 100-writes)]})
		}
		pair[0].close()
	}
}

// hammer does ops operations on random keys.
func hammer(s store, list keyList, ops, writes int) {
	procs := runtime.GOMAXPROCS(0)
	value := make([]byte, valueSize)
	var wg sync.WaitGroup
	for range procs {
		wg.Go(func() {
			at := rand.IntN(list.len())
			rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
			for range ops / procs {
				if at++; at == list.len() {
					at = 0
				}
				if int(rnd.Uint32()%100) < writes {
					s.put(list.at(at), value)
				} else {
					s.get(list.at(at))
				}
			}
		})
	}
	wg.Wait()
}
