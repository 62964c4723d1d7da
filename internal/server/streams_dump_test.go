package server

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// realRedis returns a client of a redis-server; without one the test is skipped.
func realRedis(t *testing.T, mode string) *resp.Conn {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: streams were not exchanged with it")
	}
	conn, err := net.Dial("tcp", startRedis(t, mode))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return resp.NewConn(conn)
}

// fillStream makes a stream of n entries with groups, by the commands of any server; entries
// are deleted and trimmed if deletes is true.
func fillStream(t *testing.T, c *resp.Conn, key string, n int, deletes bool) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(n), 3))
	send := func(words ...string) {
		t.Helper()
		if _, err := c.Do(words...); err != nil {
			t.Fatalf("%q: %v", words, err)
		}
	}
	send("XGROUP", "CREATE", key, "all", "0", "MKSTREAM")
	send("XGROUP", "CREATE", key, "new", "$")
	send("XGROUP", "CREATECONSUMER", key, "new", "idle")
	for i := range n {
		id := strconv.Itoa(1000+i/3) + "-" + strconv.Itoa(i%3+1)
		send("XADD", key, id, "field", strconv.Itoa(i*i), "text", strings.Repeat("v", r.IntN(60)))
		switch r.IntN(20) {
		case 0:
			send("XREADGROUP", "GROUP", "all", "consumer"+strconv.Itoa(r.IntN(5)), "COUNT", "7", "STREAMS", key, ">")
		case 1:
			send("XACK", key, "all", id)
		case 2:
			send("XAUTOCLAIM", key, "all", "claimer", "0", "0", "COUNT", "2")
		case 3:
			if deletes {
				send("XDEL", key, id)
			}
		case 4:
			if deletes {
				send("XTRIM", key, "MAXLEN", "=", strconv.Itoa(max(1, n/2)))
			}
		}
	}
	if deletes {
		send("XTRIM", key, "MAXLEN", "=", strconv.Itoa(n/3))
	}
}

// What XINFO says of the nodes that entries are in. Redis keeps deleted entries in them.
var streamNodes = regexp.MustCompile(`"radix-tree-\w+", :\d+, `)

func wholeStream(t *testing.T, c *resp.Conn, key string) string {
	t.Helper()
	return streamNodes.ReplaceAllString(do(t, c, "XINFO STREAM "+key+" FULL COUNT 0"), "")
}

func dumpOf(t *testing.T, c *resp.Conn, key string) string {
	t.Helper()
	reply, err := c.Do("DUMP", key)
	if err != nil || reply.Kind != resp.Bulk {
		t.Fatalf("DUMP %s: %v", key, err)
	}
	return reply.Text()
}

func restoreTo(t *testing.T, c *resp.Conn, key, payload string) {
	t.Helper()
	if _, err := c.Do("RESTORE", key, "0", payload, "REPLACE"); err != nil {
		t.Fatalf("RESTORE %s: %v", key, err)
	}
}

// A stream of redis-server with all that its groups know comes here and goes back.
func TestStreamsOfRedisAndBack(t *testing.T) {
	redis := realRedis(t, "")
	if _, err := redis.Do("CONFIG", "SET", "rdbcompression", "no"); err != nil {
		t.Fatal(err)
	}
	c := connect(t, startServer(t, Config{}))
	for _, n := range []int{0, 1, 100, 101, 500, 10_000} {
		for _, deletes := range []bool{false, true} {
			redis.Do("DEL", "k")
			fillStream(t, redis, "k", n, deletes)
			there := dumpOf(t, redis, "k")
			restoreTo(t, c, "k", there)
			expect(t, c, "TYPE k", "+stream")
			expect(t, c, "OBJECT ENCODING k", `"stream"`)
			here := dumpOf(t, c, "k")
			if !deletes && here != there {
				t.Errorf("%d entries: %d bytes, Redis has %d", n, len(here), len(there))
			}
			restoreTo(t, redis, "back", here)
			if want, got := wholeStream(t, redis, "k"), wholeStream(t, redis, "back"); got != want {
				t.Fatalf("%d entries, deletes %t: got back %.3000s, want %.3000s", n, deletes, got, want)
			}
			expect(t, c, "COPY k copied REPLACE", ":1")
			if dumpOf(t, c, "copied") != here {
				t.Errorf("%d entries: COPY makes something else", n)
			}
		}
	}
}

// A stream made here is what redis-server says it is when it comes there, and here again when
// it comes back.
func TestStreamsToRedisAndBack(t *testing.T) {
	redis := realRedis(t, "")
	c := connect(t, startServer(t, Config{}))
	for _, n := range []int{0, 1, 100, 101, 500, 10_000} {
		for _, deletes := range []bool{false, true} {
			do(t, c, "DEL k")
			fillStream(t, c, "k", n, deletes)
			want := wholeStream(t, c, "k")
			here := dumpOf(t, c, "k")
			restoreTo(t, redis, "k", here)
			if got := wholeStream(t, redis, "k"); got != want {
				t.Fatalf("%d entries, deletes %t: Redis has %.3000s, want %.3000s", n, deletes, got, want)
			}
			restoreTo(t, c, "back", dumpOf(t, redis, "k"))
			if got := wholeStream(t, c, "back"); got != want {
				t.Fatalf("%d entries, deletes %t: got back %.3000s, want %.3000s", n, deletes, got, want)
			}
			if dumpOf(t, c, "back") != here {
				t.Errorf("%d entries, deletes %t: what came back is dumped otherwise", n, deletes)
			}
		}
	}
}

// Streams go to a server and from there to another with all that their groups know.
func TestMigrateStreams(t *testing.T) {
	redis := realRedis(t, "")
	from, to, _ := twoServers(t, Limits{})
	for _, n := range []int{0, 10, 300, 20_000} { // the last one is sent in pieces
		redis.Do("DEL", "k")
		fillStream(t, redis, "k", n, true)
		payload := dumpOf(t, redis, "k")
		restoreTo(t, from, "k", payload)
		expect(t, from, "MIGRATE target 1 k 0 10000 REPLACE", "+OK")
		expect(t, from, "EXISTS k", ":0")
		if !rdb.Same([]byte(dumpOf(t, to, "k")), []byte(payload)) {
			t.Errorf("a stream of %d entries does not arrive as it was", n)
		}
	}
}

// A group that is there twice is refused, as by Redis.
func TestRestoreRefusesAGroupTwice(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	group := &rdb.Element{Stream: &rdb.StreamPart{Kind: rdb.StreamGroup, Group: []byte("g")}}
	elements := []*rdb.Element{{Stream: new(rdb.StreamPart)}, group, group}
	outline := &rdb.Outline{Type: rdb.Stream}
	for _, e := range elements {
		outline.Add(e)
	}
	var b strings.Builder
	encoder := rdb.NewEncoder(&b, outline)
	for _, e := range elements {
		encoder.Add(e)
	}
	encoder.Close()
	if _, err := c.Do("RESTORE", "k", "0", b.String()); err == nil || err.Error() != rdb.ErrFormat.Error() {
		t.Errorf("RESTORE of a group twice: %v", err)
	}
}

// The nodes of a stream that comes as a payload end where the store's settings say.
func TestRestoreKeepsToTheLimitsOfNodes(t *testing.T) {
	srv := startServer(t, Config{})
	c := connect(t, srv)
	for i := range 100 {
		do(t, c, "XADD s "+strconv.Itoa(i+1)+"-1 f v")
	}
	payload, err := c.Do("DUMP", "s")
	if err != nil {
		t.Fatal(err)
	}
	store := srv.engine.Store()
	e := store.Encodings()
	e.StreamNodes.Entries = 10
	store.SetEncodings(e)
	for range 2 {
		if _, err := c.Do("RESTORE", "to", "0", payload.Text(), "REPLACE"); err != nil {
			t.Fatal(err)
		}
		info, err := c.Do("XINFO", "STREAM", "to")
		if err != nil {
			t.Fatal(err)
		}
		if nodes := info.Elems[3].Int; nodes != 10 {
			t.Errorf("%d nodes of 10 entries", nodes)
		}
	}
}
