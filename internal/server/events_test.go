package server

import (
	"bytes"
	"net"
	"os/exec"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	luaengine "github.com/slotmesh/slotmesh/script"
)

// eventLines are commands whose events the random ones do not show: of scripts, of clients
// that waited, of times that are over. A line after "wait " is another client's, which
// waits until a line after "last " ends that. After "now " the next line shows at the latest what
// has happened: Redis lets a key expire when it is used.
var eventLines = []string{
	`EVAL "redis.call('SET',KEYS[1],'1') redis.call('INCR',KEYS[1]) return redis.call('DEL',KEYS[1])" 1 {k}a`,
	`EVAL "redis.call('RPUSH',KEYS[1],'1') redis.call('GET',KEYS[1])" 1 {k}l`,
	`EVAL "return redis.pcall('LLEN','{k}none')" 1 {k}a`,
	"wait BLPOP {k}q {k}r 0", "last RPUSH {k}q a b",
	"wait BLMOVE {k}from {k}to LEFT RIGHT 0", "last LPUSH {k}from a",
	"wait BRPOPLPUSH {k}from {k}to 0", "last LPUSH {k}from a b",
	"wait BZPOPMIN {k}z 0", "last ZADD {k}z 1 a",
	"wait BZMPOP 0 1 {k}z MAX COUNT 5", "last ZADD {k}z 1 a 2 b",
	"wait BLMPOP 0 1 {k}m LEFT COUNT 2", "MULTI", "RPUSH {k}m a b c", "SET {k}s 1", "last EXEC",
	"wait BLPOP {k}n 0", `last EVAL "redis.call('LPUSH',KEYS[1],'a') return redis.call('SET','{k}s','2')" 1 {k}n`,
	"BLPOP {k}m 0", "BLMOVE {k}to {k}from LEFT LEFT 0", "BZPOPMAX {k}z 0.01",
	"now SET {k}e 1 EXAT 1", "GET {k}e", "now SET {k}s 1 PXAT 1 GET", "GET {k}s", "SET {k}s 1", "GETEX {k}s PXAT 1",
	"SET {k}s 1 EX 1000", "GETEX {k}s PERSIST", "EXPIREAT {k}s 1",
	"MULTI", "SET {k}s 1", "LPUSH {k}s a", "INCR {k}s", "DEL {k}s {k}none", "EXEC",
	"MULTI", "SET {k}s 1", "DISCARD",
	"FLUSHALL",
}

// TestEventsAreRedis compares the events of single commands with those of redis-server.
func TestEventsAreRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: TestRandomCommandsAreRedis says whether it must be")
	}
	addr := startRedis(t, "cluster")
	srv := startServer(t, Config{Cluster: newFakeCluster(), Scripts: luaengine.New(luaengine.Config{})})
	r := &randomRun{t: t}
	pair := func() connPair {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return connPair{newRawConn(t, pipeTo(t, srv)), newRawConn(t, conn)}
	}
	r.conns[0], r.conns[1] = pair(), pair()
	waitFor(t, "cluster_state:ok", func() bool {
		return bytes.Contains(r.conns[0][1].do("CLUSTER", "INFO"), []byte("cluster_state:ok"))
	})
	r.watchEvents(srv, pair(), true)
	for _, text := range eventLines {
		line, waits := bytes.CutPrefix([]byte(text), []byte("wait "))
		line, last := bytes.CutPrefix(line, []byte("last "))
		line, goesOn := bytes.CutPrefix(line, []byte("now "))
		args, ok := resp.SplitWords(nil, line)
		if !ok {
			t.Fatalf("unbalanced quotes: %s", line)
		}
		r.remember(args)
		if waits {
			for i, c := range r.conns[1] {
				go c.conn.Write(resp.AppendCommand(nil, args...))
				waitFor(t, "a client to wait", func() bool {
					return bytes.Contains(r.conns[0][i].do("INFO", "clients"), []byte("blocked_clients:1\r\n"))
				})
			}
			continue
		}
		reply, theirs := r.both(r.conns[0], args...)
		if !bytes.Equal(reply, theirs) {
			r.differ(args, reply, theirs)
		}
		if last {
			ours, theirs := r.conns[1][0].reply(), r.conns[1][1].reply()
			if !bytes.Equal(ours, theirs) {
				t.Fatalf("%s: the client that waited got %q, of Redis %q", line, ours, theirs)
			}
		}
		queued := bytes.Equal(line, []byte("MULTI")) || bytes.Equal(reply, []byte("+QUEUED\r\n"))
		if !queued && !goesOn { // otherwise the message that ends the events would be
			r.compareEvents()
		}
	}
}
