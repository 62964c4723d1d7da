package server

import (
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	luaengine "github.com/slotmesh/slotmesh/script"
)

// measuredLines are commands of every kind that SLOWLOG and the statistics treat in a way of
// its own: that fail, are refused, hide arguments, run others, or have too long arguments.
var measuredLines = []string{
	"SET a 1", "GET a", "GET", "SET a", "SET a b XX EX", "LPUSH l x", "LPUSH a x", "INCR a", "HSET a f v", "HGET h f",
	"DEL l", "nosuch", "NOSUCH a b", "CONFIG", "CONFIG GET port", "CONFIG nosuch", "CONFIG GET", "CONFIG SET maxmemory 0",
	"CLIENT SETNAME somebody", "CLIENT SETNAME ''", "CLIENT GETNAME", "CLIENT SETNAME 'a b'", "CLIENT LIST ID x",
	"MULTI", "EXEC", "DISCARD", "WATCH a", "UNWATCH", "PING", "PING a b", "ECHO x", "SLOWLOG LEN", "SLOWLOG GET 2 3",
	"SLOWLOG GET -2", "SLOWLOG NOSUCH", "LATENCY RESET a b", "LATENCY HISTORY x", "LATENCY GRAPH x", "LATENCY LATEST",
	"ACL SETUSER joe on >secret ~* +@all", "ACL SETUSER joe nosuch", "ACL WHOAMI", "ACL DELUSER nosuch",
	"AUTH nobody secret",
	"HELLO 2 AUTH nobody secret", "HELLO 2 SETNAME me", "HELLO 4", "CONFIG SET masterauth secret maxmemory 0",
	"MIGRATE 127.0.0.1 1 nokey 0 100 AUTH secret", "OBJECT ENCODING a", "OBJECT HELP", "XADD s * f v", "XADD s nosuch f v",
	"EVAL 'return redis.call(\"set\",KEYS[1],\"v\")' 1 a", "EVAL 'return redis.pcall(\"lpush\",KEYS[1],\"v\")' 1 a",
	"EVAL 'return redis.call(\"lpush\",KEYS[1],\"v\")' 1 a", "EVAL 'return 1' 0", "EVAL 'return nosuch(' 0",
	"EVALSHA ffffffffffffffffffffffffffffffffffffffff 0", "EVAL 'return redis.error_reply(\"MINE x\")' 0",
	"DEBUG SLEEP 0", "MGET " + strings.Repeat("a ", 30), "MGET " + strings.Repeat("a ", 31),
	"MGET " + strings.Repeat("a ", 40), "SET b " + strings.Repeat("x", 128), "SET b " + strings.Repeat("x", 129),
	"BLPOP nolist 0.01", "SUBSCRIBE", "PUBLISH c x",
	"EXPIRE a x", "SORT l BY", "SCAN x", "SCAN 0", "COMMAND COUNT", "COMMAND GETKEYS GET a", "TIME", "WAIT 0 0",
}

// TestMeasuresAreRedis compares what SLOWLOG, INFO and LATENCY say after the same random
// commands, times aside, in RESP2 and RESP3.
func TestMeasuresAreRedis(t *testing.T) {
	needRedis(t, "SLOWLOG, LATENCY and the statistics of commands were not compared with it")
	for _, mode := range []string{"standalone", "cluster"} {
		t.Run(mode, func(t *testing.T) {
			cfg := Config{Scripts: luaengine.New(luaengine.Config{}), Debug: ForEveryone, Settings: noSettings{},
				Limits: Limits{SlowAfter: 1, SlowLen: 1000}}
			if mode == "cluster" {
				cfg.Cluster = newFakeCluster()
			}
			srv := startServer(t, cfg)
			addr := startRedis(t, mode)
			m := &measuredPair{t: t, dial: func() [2]*resp.Conn {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				return [2]*resp.Conn{connect(t, srv), resp.NewConn(conn)}
			}}
			if mode == "cluster" {
				theirs := m.dial()[1]
				waitFor(t, "cluster_state:ok", func() bool {
					return strings.Contains(do(t, theirs, "CLUSTER INFO"), "cluster_state:ok")
				})
			}
			do(t, m.dial()[1], "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 1000")
			for seed := range numberFromEnv("SLOTMESH_SEEDS", 6) {
				m.run(seed, mode)
			}
			m.waits()
		})
	}
}

// measuredPair is a server here and a redis-server.
type measuredPair struct {
	t    *testing.T
	dial func() [2]*resp.Conn
}

// run plays random lines, some of them in transactions.
func (m *measuredPair) run(seed int, mode string) {
	rnd := rand.New(rand.NewPCG(uint64(seed), 3))
	conns := m.dial()
	var sent []string
	both := func(line string) {
		sent = append(sent, line)
		for _, c := range conns {
			do(m.t, c, line)
		}
	}
	both(fmt.Sprint("HELLO ", 2+seed%2))
	both("FLUSHALL")
	both("CONFIG RESETSTAT")
	both("SLOWLOG RESET")
	for range 150 {
		line := measuredLines[rnd.IntN(len(measuredLines))]
		if mode == "cluster" && strings.HasPrefix(line, "WATCH") {
			continue // the keys of the transaction would have to be of the same slot
		}
		both(line)
		if mode == "cluster" && rnd.IntN(20) == 0 {
			both("MGET a b") // of two slots
		}
	}
	both("DISCARD")
	m.compare(conns, fmt.Sprintf("seed %d, after\n%s", seed, strings.Join(sent, "\n")))
}

// waits has a client wait for a key that another one brings.
func (m *measuredPair) waits() {
	one, other := m.dial(), m.dial()
	for i, c := range one {
		for _, line := range []string{"FLUSHALL", "CONFIG RESETSTAT", "SLOWLOG RESET"} {
			do(m.t, c, line)
		}
		waiter := other[i]
		waiter.SendBytes([]byte("BLPOP"), []byte("no{list}"), []byte("{list}"), []byte("0"))
		if err := waiter.Flush(); err != nil {
			m.t.Fatal(err)
		}
		waitFor(m.t, "a client that waits", func() bool {
			return strings.Contains(do(m.t, c, "INFO clients"), "blocked_clients:1")
		})
		if got := do(m.t, c, "SLOWLOG GET -1"); strings.Contains(got, "BLPOP") {
			m.t.Errorf("server %d shows a command that waits: %s", i, got)
		}
		do(m.t, c, "SLOWLOG RESET")
		do(m.t, c, "LPUSH {list} x")
		if _, err := waiter.Receive(); err != nil {
			m.t.Fatal(err)
		}
	}
	m.compare(one, "a client that has waited", "info") // of which there were more or fewer
}

// figures are what is not compared: times, addresses of clients.
var figures = regexp.MustCompile(`(usec|usec_per_call|p[0-9.]+)=[0-9.]+`)

// compare compares all that there is to see, but lines with one of some words.
func (m *measuredPair) compare(conns [2]*resp.Conn, after string, but ...string) {
	m.t.Helper()
	var got [2][]string
	for i, c := range conns {
		for _, line := range []string{"SLOWLOG LEN", "SLOWLOG GET -1"} {
			got[i] = append(got[i], slowEntries(m.t, c, line)...)
		}
		do(m.t, c, "SLOWLOG RESET")
		for _, section := range []string{"commandstats", "errorstats", "latencystats"} {
			text := do(m.t, c, "INFO "+section)
			lines := strings.Split(figures.ReplaceAllString(strings.Trim(text, `"=`), "$1"), `\r\n`)
			slices.Sort(lines)
			got[i] = append(got[i], lines...)
		}
		for _, line := range []string{"LATENCY HISTOGRAM", "LATENCY HISTOGRAM config get nosuch", "LATENCY LATEST"} {
			got[i] = append(got[i], histograms(m.t, c, line)...)
		}
		got[i] = slices.DeleteFunc(got[i], func(line string) bool {
			return slices.ContainsFunc(but, func(word string) bool { return strings.Contains(line, word) })
		})
	}
	for i := range max(len(got[0]), len(got[1])) {
		ours, theirs := "nothing", "nothing"
		if i < len(got[0]) {
			ours = got[0][i]
		}
		if i < len(got[1]) {
			theirs = got[1][i]
		}
		if ours != theirs {
			m.t.Fatalf("%s\n here %s\nredis %s", after, ours, theirs)
		}
	}
}

// slowEntries are the entries of a SLOWLOG GET without their times and numbers; the numbers
// must fall by one.
func slowEntries(t *testing.T, c *resp.Conn, line string) (list []string) {
	reply, err := c.Do(strings.Fields(line)...)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Kind == resp.Int {
		return []string{render(reply)}
	}
	for i, e := range reply.Elems {
		if len(e.Elems) != 6 {
			t.Fatalf("%s: entry %s", line, render(e))
		}
		if i > 0 && e.Elems[0].Int != reply.Elems[i-1].Elems[0].Int-1 {
			t.Errorf("entry %d comes after %d", e.Elems[0].Int, reply.Elems[i-1].Elems[0].Int)
		}
		if since := time.Since(time.Unix(e.Elems[1].Int, 0)); since < -time.Second || since > time.Minute {
			t.Errorf("entry of %d", e.Elems[1].Int)
		}
		client := "a client"
		if string(e.Elems[4].Str) == "?:0" {
			client = "a script"
		}
		list = append(list, fmt.Sprint(render(e.Elems[3]), " of ", client, " ", render(e.Elems[5])))
	}
	return list
}

// histograms are the commands of a LATENCY HISTOGRAM in the order of their names, with their
// calls, which the last bucket must have too.
func histograms(t *testing.T, c *resp.Conn, line string) (list []string) {
	reply, err := c.Do(strings.Fields(line)...)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(reply.Elems); i += 2 {
		name, values := string(reply.Elems[i].Str), reply.Elems[i+1].Elems
		buckets := values[3]
		if n := len(buckets.Elems); n < 2 || buckets.Elems[n-1].Int != values[1].Int {
			t.Errorf("%s of %d calls has the buckets %s", name, values[1].Int, render(buckets))
		}
		list = append(list, fmt.Sprint(reply.Kind, buckets.Kind, " ", name, render(values[0]), values[1].Int,
			render(values[2])))
	}
	slices.Sort(list)
	return list
}

// noSettings is CONFIG of a node that changes nothing.
type noSettings struct{}

func (noSettings) Get(string) [][2]string      { return nil }
func (noSettings) Set([][2]string, bool) error { return nil }
func (noSettings) Rewrite() error              { return nil }
