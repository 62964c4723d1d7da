package main

import (
	"fmt"
	"strings"
)

// collections compares servers on commands on hashes, lists, sets and sorted sets: the
// processor time of the server's process for a million of them, with 50 connections.
// Several lines of redis-benchmark are measured one after the other, as one figure.
func collections(t *table, rounds int) {
	peers, stop := startPeers()
	defer stop()
	for _, p := range peers {
		p.coverAllSlots()
	}
	for _, test := range []struct {
		what  string
		lines []string
	}{
		{"HSET, 100k small hashes", []string{"HSET small:__rand_int__ field abc"}},
		{"HGET, 100k small hashes", []string{"HGET small:__rand_int__ field"}},
		{"HSET, a hash of 100k fields", []string{"HSET large field:__rand_int__ abc"}},
		{"HGET, a hash of 100k fields", []string{"HGET large field:__rand_int__"}},
		{"LPUSH + RPOP", []string{"LPUSH list abc", "RPOP list"}},
		{"SADD, a set of 100k", []string{"SADD set member:__rand_int__"}},
		{"ZADD, a sorted set of 100k", []string{"ZADD zset __rand_int__ member:__rand_int__"}},
		{"ZRANGE of 100", []string{"ZRANGE zset 0 99"}},
	} {
		compareCommand(t, rounds, peers, test.what, linesOf(test.lines))
	}
}

// measured is one command, or several as one figure: it sends so many to a server, so many
// at a time, and returns what that cost the server in seconds of processor time.
type measured func(p *peer, pipeline, requests int) (seconds float64)

// compareCommand adds a row for a command that is sent alone, and one for 16 at a time. The
// first of the peers is compared with the second.
func compareCommand(t *table, rounds int, peers []*peer, what string, send measured) {
	for _, load := range []struct {
		pipeline, requests int
		limit              float64
	}{{1, 40_000, 1.15}, {16, 200_000, 1.0}} {
		what := fmt.Sprintf("server CPU, %s, P=%d", what, load.pipeline)
		if !t.wanted(what) {
			for _, p := range peers { // the next rows may read what this one writes
				send(p, load.pipeline, load.requests/10)
			}
			continue
		}
		figures := alternate(rounds, len(peers), func(c int) float64 {
			return send(peers[c], load.pipeline, load.requests) * 1e6 / float64(load.requests)
		})
		t.add(row{what: what, figure: median(figures[0]), unit: "s/M",
			peer: peers[1].name, peers: median(figures[1]), ratio: ratio(figures[0], figures[1]),
			limit: load.limit})
	}
}

// linesOf sends lines with redis-benchmark, one after the other.
func linesOf(lines []string) measured {
	return func(p *peer, pipeline, requests int) (seconds float64) {
		for _, line := range lines {
			seconds += p.run(line, pipeline, requests)
		}
		return seconds
	}
}

// run has redis-benchmark send a line many times and returns what that cost the server, in
// seconds of processor time.
func (p *peer) run(line string, pipeline, requests int) float64 {
	return p.runWords(strings.Fields(line), pipeline, requests)
}
