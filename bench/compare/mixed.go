package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
)

// mixed measures gets and puts of n entries by as many goroutines as there are processors: processor time for
// an operation.
func mixed(t *table, n, rounds int) {
	list, fill := keys(n, 1), keys(n, 2)
	stores := make([]store, len(contenders))
	value := make([]byte, valueSize)
	for i, c := range contenders {
		stores[i] = c.make(n)
		for _, key := range fill {
			stores[i].put(key, value)
		}
	}
	defer func() {
		for _, s := range stores {
			s.close()
		}
	}()
	for _, load := range []struct {
		writes     int // of 100
		store, api float64
	}{{5, 1.0, 1.3}, {50, 1.05, 0}} {
		runtime.GC()
		figures := alternate(rounds, len(stores), func(c int) float64 {
			const ops = 400_000
			runtime.GC() // each pays for the garbage of its own
			before := cpuTime()
			hammer(stores[c], list, ops, load.writes)
			return float64((cpuTime() - before).Nanoseconds()) / ops
		})
		what := fmt.Sprintf("%d/%d, %s entries", 100-load.writes, load.writes, count(n))
		for i, c := range contenders {
			limit := 0.0
			switch i {
			case 0:
				limit = load.store
			case 2:
				limit = load.api
			case 1:
				continue
			}
			t.add(row{what: what + ": " + c.name, figure: median(figures[i]), peer: contenders[1].name, peers: median(figures[1]),
				unit: "ns CPU", ratio: ratio(figures[i], figures[1]), limit: limit})
		}
	}
}

// hammer does ops operations on random keys.
func hammer(s store, list []string, ops, writes int) {
	procs := runtime.GOMAXPROCS(0)
	value := make([]byte, valueSize)
	var wg sync.WaitGroup
	for range procs {
		wg.Go(func() {
			at := rand.IntN(len(list))
			rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
			for range ops / procs {
				if at++; at == len(list) {
					at = 0
				}
				if int(rnd.Uint32()%100) < writes {
					s.put(list[at], value)
				} else {
					s.get(list[at])
				}
			}
		})
	}
	wg.Wait()
}
