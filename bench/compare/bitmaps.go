package main

import (
	"math/rand/v2"
	"strconv"
)

// bitmaps compares servers on bitmaps, HyperLogLogs and places, as collections does.
func bitmaps(t *table, rounds int) {
	peers, stop := startPeers()
	defer stop()
	for _, p := range peers {
		p.coverAllSlots()
	}
	compareCommand(t, rounds, peers, "SETBIT, a bitmap of 1 MB", func(p *peer, pipeline, requests int) float64 {
		return p.drive(pipeline, requests, func(int, int) []string {
			return []string{"SETBIT", "bits", strconv.Itoa(rand.IntN(8 << 20)), "1"}
		})
	})
	for _, test := range []struct{ what, line string }{
		{"SETBIT, 100k small bitmaps", "SETBIT bits:__rand_int__ 100 1"},
		{"BITCOUNT, 100k small bitmaps", "BITCOUNT bits:__rand_int__"},
		{"BITCOUNT of 1 KB", "BITCOUNT bits 1024 2047"},
		{"PFADD, 100k elements", "PFADD dense member:__rand_int__"},
		{"PFADD, 100k small HyperLogLogs", "PFADD sparse:__rand_int__ member"},
		{"PFCOUNT", "PFCOUNT dense"},
		{"GEOADD, 100k places", "GEOADD geo __rand_int__e-4 __rand_int__e-4 member:__rand_int__"},
		{"GEOSEARCH, the 10 nearest", "GEOSEARCH geo FROMLONLAT __rand_int__e-4 __rand_int__e-4 BYRADIUS 10 km ASC COUNT 10"},
	} {
		compareCommand(t, rounds, peers, test.what, linesOf([]string{test.line}))
	}
}
