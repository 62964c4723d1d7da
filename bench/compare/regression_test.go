package main

import "testing"

// The short form for CI: a ratio twice what was measured is a regression, less may be
// noise.
func TestStoreHasNotBecomeSlow(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for some seconds")
	}
	list := keys(100_000, 1)
	stores := []store{contenders[0].make(list.len()), contenders[1].make(list.len())}
	for _, s := range stores {
		for i, fill := 0, keys(list.len(), 2); i < fill.len(); i++ {
			s.put(fill.at(i), make([]byte, valueSize))
		}
	}
	for _, load := range []struct {
		writes   int
		measured float64
	}{{5, 2.3}, {50, 2.2}} {
		figures := alternate(5, len(stores), func(c int) float64 {
			before := cpuTime()
			hammer(stores[c], list, 200_000, load.writes)
			return float64(cpuTime() - before)
		})
		r := ratio(figures[0], figures[1])
		t.Logf("%d/%d: %.2f times the CPU time of %s", 100-load.writes, load.writes, r, contenders[1].name)
		if r > 2*load.measured {
			t.Errorf("%d/%d: the ratio was %.1f", 100-load.writes, load.writes, load.measured)
		}
	}
}
