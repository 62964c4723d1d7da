package server

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// randomGroups are the groups of commands that TestRandomCommandsAreRedis runs. The
// templates of each stand in a file of their own, random_GROUP_test.go.
var randomGroups = []struct {
	name      string
	templates []template
}{
	{"string", stringTemplates},
	{"bitmap", bitmapTemplates},
	{"hyperloglog", hyperLogLogTemplates},
	{"hash", hashTemplates},
	{"set", setTemplates},
	{"list", listTemplates},
	{"zset", zsetTemplates},
	{"geo", geoTemplates},
	{"stream", streamTemplates},
	{"streamgroup", streamGroupTemplates},
	{"mixed", slices.Concat(stringTemplates, bitmapTemplates, hashTemplates, setTemplates, listTemplates, zsetTemplates)},
}

// TestRandomCommandsAreRedis runs random commands of each group here and on a redis-server
// in cluster mode, in RESP2 and RESP3, in pipelines and in transactions, and compares every
// reply: byte for byte where the order is defined. After each thousand it reads the whole
// state and compares that. Keys expire, are renamed and copied, and change type meanwhile.
//
// SLOTMESH_DIFF sets the number of commands of each group, SLOTMESH_DIFF_SEED the seed. A
// failure names the seed and shows the last commands on the keys concerned.
func TestRandomCommandsAreRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: random commands were not compared with it")
	}
	count, seed := numberFromEnv("SLOTMESH_DIFF", 20000), numberFromEnv("SLOTMESH_DIFF_SEED", 1)
	if raceDetector { // which this test is not about, and which makes it ten times slower
		count /= 10
	}
	addr := startRedis(t, "cluster")
	theirs := func(t *testing.T) net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	c := newRawConn(t, theirs(t))
	waitFor(t, "cluster_state:ok", func() bool {
		return slices.Contains(splitLines(c.do("CLUSTER", "INFO")), "cluster_state:ok")
	})
	for i, group := range randomGroups {
		t.Run(group.name, func(t *testing.T) {
			r := &randomRun{t: t, seed: seed, rnd: rand.New(rand.NewPCG(uint64(seed), 2))}
			r.templates = compileTemplates(t, slices.Concat(group.templates, genericFor(group.name)))
			srv := startServer(t, Config{Cluster: newFakeCluster(), Debug: ForEveryone})
			for i := range r.conns {
				r.conns[i] = connPair{newRawConn(t, pipeTo(t, srv)), newRawConn(t, theirs(t))}
			}
			r.watchEvents(srv, connPair{newRawConn(t, pipeTo(t, srv)), newRawConn(t, theirs(t))}, i%2 == 1)
			r.run(count)
		})
	}
}

// genericFor leaves SORT out where there are sorted sets: in Redis it gives a sorted set the
// other encoding for good, which OBJECT ENCODING, ZSCAN and scores of -0 show.
func genericFor(group string) []template {
	if group == "hyperloglog" { // Redis keeps what PFADD has changed before it finds a corrupt sketch
		return slices.DeleteFunc(slices.Clone(genericTemplates), func(t template) bool {
			return strings.HasPrefix(t.text, "SETRANGE")
		})
	}
	if group != "zset" && group != "geo" && group != "mixed" {
		return genericTemplates
	}
	return slices.DeleteFunc(slices.Clone(genericTemplates), func(t template) bool {
		return strings.HasPrefix(t.text, "SORT")
	})
}

func numberFromEnv(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

const (
	stateEvery   = 1000 // commands between two comparisons of the whole state
	batchSize    = 200  // commands sent at once
	historyLen   = 4000 // commands kept for the report of a failure
	historyShown = 25   // of them, those on the keys concerned
)

// randomRun is one sequence of commands on both servers.
type randomRun struct {
	t         *testing.T
	seed      int
	rnd       *rand.Rand
	templates *chooser
	conns     [2]connPair // of RESP2 and of RESP3
	sent      int
	history   [][][]byte
	size      int // how many different fields the first key of the line may have, 0 = no key yet
	numkeys   int // how many keys must follow, 0 = any number
	batch     []*sentLine
	events    *eventPair
	expiring  string // the key of the last expireNow, "" if its events have been compared
}

// connPair is a connection here and one at Redis, on which the same commands are sent.
type connPair [2]*rawConn

// sentLine is a command, and how its two replies are compared.
type sentLine struct {
	args   [][]byte
	equal  equality
	queued bool // the reply was QUEUED: there is another one in that of EXEC
}

func (r *randomRun) run(count int) {
	for _, c := range r.conns[0] {
		c.do("FLUSHALL")
	}
	for _, c := range r.conns[1] {
		c.do("HELLO", "3")
	}
	for compareAt := stateEvery; r.sent < count; {
		r.runBatch()
		if r.sent >= compareAt || r.sent >= count {
			r.compareState()
			r.compareEvents()
			compareAt += stateEvery
		}
	}
}

// runBatch sends commands to both servers at once and compares the replies. A template
// with steps of its own ends the batch.
func (r *randomRun) runBatch() {
	pair := r.conns[r.rnd.IntN(len(r.conns))]
	r.batch = r.batch[:0]
	for len(r.batch) < batchSize {
		if r.oneIn(60) {
			r.addTransaction()
			continue
		}
		tmpl := r.templates.choose(r.rnd)
		args := r.expand(tmpl)
		if tmpl.run != nil {
			r.exchange(pair)
			r.sent++
			r.remember(args)
			tmpl.run(r, pair, args)
			r.compareEvents()
			return
		}
		r.add(args, tmpl.equal)
	}
	r.exchange(pair)
	r.compareEvents()
}

func (r *randomRun) add(args [][]byte, equal equality) *sentLine {
	line := &sentLine{args: args, equal: equal}
	r.batch = append(r.batch, line)
	r.remember(args)
	r.sent++
	return line
}

// addTransaction adds a few commands between MULTI and EXEC.
func (r *randomRun) addTransaction() {
	r.add(byteWords("MULTI"), exact)
	var lines []*sentLine
	for range 1 + r.rnd.IntN(8) {
		if tmpl := r.templates.choose(r.rnd); tmpl.run == nil {
			lines = append(lines, r.add(r.expand(tmpl), tmpl.equal))
		}
	}
	if r.oneIn(10) {
		r.add(byteWords("DISCARD"), exact)
		return
	}
	r.add(byteWords("EXEC"), func(ours, theirs []byte) bool {
		ourHead, our := splitReply(ours)
		theirHead, their := splitReply(theirs)
		if string(ourHead) != string(theirHead) {
			return false
		}
		for _, line := range lines {
			if !line.queued {
				continue
			}
			if line.queued = false; !line.same(our[0], their[0]) {
				r.differ(line.args, our[0], their[0])
			}
			our, their = our[1:], their[1:]
		}
		return true
	})
}

// exchange sends the batch to both servers and compares the replies.
func (r *randomRun) exchange(pair connPair) {
	var wire []byte
	for _, line := range r.batch {
		wire = resp.AppendCommand(wire, line.args...)
	}
	if len(wire) == 0 {
		return
	}
	for _, c := range pair {
		go c.conn.Write(wire) // the pipe of a test holds no bytes
	}
	for i, line := range r.batch {
		ours, theirs := pair[0].reply(), pair[1].reply()
		line.queued = string(theirs) == "+QUEUED\r\n"
		if !line.same(ours, theirs) {
			r.history = r.history[:len(r.history)-(len(r.batch)-i-1)] // what came before
			r.differ(line.args, ours, theirs)
		}
	}
}

// same reports whether two replies to the line are equal.
func (l *sentLine) same(ours, theirs []byte) bool {
	if string(ours) == string(theirs) {
		return true
	}
	if l.queued || len(ours) == 0 || len(theirs) == 0 {
		return false
	}
	if ours[0] == '-' || theirs[0] == '-' {
		return string(ours) == errOfSmallID && string(theirs) == errOfLargeEntry
	}
	return l.equal(ours, theirs)
}

// Where XADD finds no sequence number left, Redis 7.0 sets no errno: its reply is the first
// of these or, after some other errors, the second.
const (
	errOfSmallID    = "-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n"
	errOfLargeEntry = "-ERR Elements are too large to be stored\r\n"
)

// both sends a command to both servers, alone.
func (r *randomRun) both(pair connPair, args ...[]byte) (ours, theirs []byte) {
	return pair[0].doBytes(args...), pair[1].doBytes(args...)
}

// mustMatch sends a command to both servers, alone, and compares the replies.
func (r *randomRun) mustMatch(pair connPair, equal equality, args ...[]byte) {
	r.t.Helper()
	ours, theirs := r.both(pair, args...)
	if line := (sentLine{args: args, equal: equal}); !line.same(ours, theirs) {
		r.differ(args, ours, theirs)
	}
}

func (r *randomRun) oneIn(n int) bool { return r.rnd.IntN(n) == 0 }

func (r *randomRun) remember(args [][]byte) {
	if len(r.history) >= 2*historyLen {
		r.history = append(r.history[:0], r.history[historyLen:]...)
	}
	r.history = append(r.history, args)
}
