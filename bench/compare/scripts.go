package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/slotmesh/slotmesh/script"
)

// tokenBucket takes a token from a bucket of ARGV[1] that fills up at ARGV[2] a second: six
// commands, of which three write.
const tokenBucket = `
local t = redis.call("TIME")
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local size, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local tokens = tonumber(redis.call("HGET", KEYS[1], "tokens") or size)
local at = tonumber(redis.call("HGET", KEYS[1], "at") or now)
tokens = math.min(size, tokens + (now - at) * rate / 1000)
local allowed = 0
if tokens >= 1 then
	tokens, allowed = tokens - 1, 1
end
redis.call("HSET", KEYS[1], "tokens", tostring(tokens))
redis.call("HSET", KEYS[1], "at", now)
redis.call("PEXPIRE", KEYS[1], 60000)
return allowed
`

// scripts compares servers on EVALSHA of scripts: the processor time of the server's
// process for a million of them, with 50 connections.
func scripts(t *table, rounds int) {
	dir, err := os.MkdirTemp("", "compare")
	must(err)
	defer os.RemoveAll(dir)
	servers := startServers(dir)
	defer stopServers(servers)
	peers := servers[:2]
	for _, p := range peers {
		p.coverAllSlots()
	}
	for _, test := range []struct {
		what, source string
		args         []string
	}{
		{"a script of one GET", `return redis.call("GET", KEYS[1])`, []string{"1", "key:__rand_int__"}},
		{"a token bucket of six commands", tokenBucket, []string{"1", "bucket:__rand_int__", "10", "5"}},
	} {
		for _, p := range peers {
			p.loadScript(test.source, test.args)
		}
		line := append([]string{"EVALSHA", script.NewScript(test.source).Hash()}, test.args...)
		for _, load := range []struct{ pipeline, requests int }{{1, 20_000}, {16, 50_000}} {
			figures := alternate(rounds, len(peers), func(c int) float64 {
				return peers[c].runWords(line, load.pipeline, load.requests) * 1e6 / float64(load.requests)
			})
			t.add(row{what: fmt.Sprintf("server CPU, %s, P=%d", test.what, load.pipeline), figure: median(figures[0]),
				unit: "s/M", peer: peers[1].name, peers: median(figures[1]), ratio: ratio(figures[0], figures[1]), limit: 3})
		}
	}
}

// loadScript loads a script and makes sure that it runs.
func (p *peer) loadScript(source string, args []string) {
	c, err := p.dial()
	must(err)
	defer c.Close()
	r, err := c.Do("SCRIPT", "LOAD", source)
	must(err)
	must(r.Err())
	r, err = c.Do(append([]string{"EVALSHA", r.Text()}, args...)...)
	must(err)
	must(r.Err())
}

// runWords has redis-benchmark send a command many times and returns what that cost the
// server, in seconds of processor time.
func (p *peer) runWords(words []string, pipeline, requests int) float64 {
	before := processTime(p.cmd.Process.Pid)
	args := []string{"-p", strconv.Itoa(p.port), "-c", strconv.Itoa(connections), "-P", strconv.Itoa(pipeline), "-n",
		strconv.Itoa(requests), "-r", "100000", "-q"}
	must(exec.Command("redis-benchmark", append(args, words...)...).Run())
	return (processTime(p.cmd.Process.Pid) - before).Seconds()
}
