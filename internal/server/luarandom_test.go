package server

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	luaengine "github.com/slotmesh/slotmesh/script"
)

// randomKeys are the keys of generated scripts, one for each type and one that has none at
// first. They are in one slot.
var randomKeys = []string{"{k}s", "{k}l", "{k}h", "{k}z", "{k}set", "{k}new"}

const luaStateEvery = 100 // scripts between two comparisons of the data

// TestRandomLuaScriptsAreRedis runs generated scripts here and on a redis-server, in RESP2
// and RESP3, and compares every reply byte for byte, errors too, and now and then the data.
//
// SLOTMESH_DIFF sets the number of scripts, SLOTMESH_DIFF_SEED the seed.
func TestRandomLuaScriptsAreRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: generated scripts were not compared with it")
	}
	count, seed := numberFromEnv("SLOTMESH_DIFF", 2000), numberFromEnv("SLOTMESH_DIFF_SEED", 1)
	if raceDetector {
		count /= 10
	}
	addr := startRedis(t, "cluster")
	srv := startServer(t, Config{
		Cluster: newFakeCluster(), Debug: ForEveryone, Scripts: luaengine.New(luaengine.Config{}),
	})
	var pairs [2]connPair
	for i, protocol := range []string{"2", "3"} {
		theirs, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { theirs.Close() })
		pairs[i] = connPair{newRawConn(t, pipeTo(t, srv)), newRawConn(t, theirs)}
		for _, c := range pairs[i] {
			c.do("HELLO", protocol)
		}
	}
	waitFor(t, "cluster_state:ok", func() bool {
		return slices.Contains(splitLines(pairs[0][1].do("CLUSTER", "INFO")), "cluster_state:ok")
	})
	r := &luaRun{t: t, pairs: pairs, gen: luaGenerator{rnd: rand.New(rand.NewPCG(uint64(seed), 3))}}
	for i := range count {
		if i%luaStateEvery == 0 {
			r.compareData()
		}
		r.runScript()
	}
	r.compareData()
}

// luaRun runs generated scripts on both servers.
type luaRun struct {
	t      *testing.T
	pairs  [2]connPair // of RESP2 and RESP3
	gen    luaGenerator
	failed int
}

// addresses are those in the names of tables and functions, which no two servers share.
var addresses = regexp.MustCompile(`\b0x[0-9a-f]{6,}`)

// luaFailures is after how many differences the test ends.
const luaFailures = 20

// runScript runs one script on both servers and compares the replies.
func (r *luaRun) runScript() {
	script := r.gen.script()
	args := append([]string{"EVAL", script, "6"}, randomKeys...)
	for range r.gen.rnd.IntN(3) {
		args = append(args, r.gen.pick("", "a", "10", "-1.5", "x y", "\xff\x00"))
	}
	pair := r.pairs[r.gen.rnd.IntN(2)]
	ours, theirs := pair[0].do(args...), pair[1].do(args...)
	if string(ours) == string(theirs) ||
		string(addresses.ReplaceAll(ours, nil)) == string(addresses.ReplaceAll(theirs, nil)) {
		return
	}
	r.t.Errorf("EVAL of\n%s\nARGV %q\n ours  %q\n redis %q", script, args[9:], ours, theirs)
	if r.failed++; r.failed >= luaFailures || ours == nil || theirs == nil {
		r.t.FailNow()
	}
}

// compareData compares what the keys hold, and fills them anew.
func (r *luaRun) compareData() {
	ours, theirs := dataLines(r.pairs[0][0]), dataLines(r.pairs[0][1])
	if !slices.Equal(ours, theirs) {
		r.t.Fatalf("the data differ:\n ours  %q\n redis %q", ours, theirs)
	}
	for _, c := range r.pairs[0] {
		c.do("FLUSHALL")
		c.do("SCRIPT", "FLUSH")
		c.do("SET", "{k}s", "10")
		c.do("RPUSH", "{k}l", "a", "b", "3")
		c.do("HSET", "{k}h", "f", "v", "n", "5")
		c.do("ZADD", "{k}z", "1", "a", "2.5", "b")
		c.do("SADD", "{k}set", "m")
	}
}
