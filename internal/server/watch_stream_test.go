package server

import (
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// streamWrites are commands on a stream, each alone or some of them in a transaction.
var streamWrites = []string{
	"XADD {k}s * f v", "XADD {k}s NOMKSTREAM * f v", "XADD {k}s MAXLEN 2 * f v", "XADD {k}s 1-1 f v",
	"XDEL {k}s 1-1", "XDEL {k}s 7-7", "XTRIM {k}s MAXLEN 1", "XTRIM {k}s MAXLEN 10", "XSETID {k}s 99999999999999-9",
	"XGROUP CREATE {k}s g2 0", "XGROUP CREATE {k}e g 0 MKSTREAM", "XGROUP SETID {k}s g 0", "XGROUP DESTROY {k}s g2",
	"XGROUP CREATECONSUMER {k}s g d", "XGROUP DELCONSUMER {k}s g c", "XREADGROUP GROUP g c STREAMS {k}s >",
	"XREADGROUP GROUP g c NOACK COUNT 1 STREAMS {k}s >", "XREADGROUP GROUP g new STREAMS {k}s 0", "XACK {k}s g 1-1 2-1",
	"XCLAIM {k}s g d 0 1-1", "XCLAIM {k}s g d 0 1-1 JUSTID", "XAUTOCLAIM {k}s g e 0 0", "XREAD STREAMS {k}s 0",
	"EXPIRE {k}s 1000", "PERSIST {k}s", "RENAME {k}s {k}t", "RENAME {k}t {k}s", "COPY {k}s {k}t REPLACE",
	"MULTI;XACK {k}s g 1-1;XCLAIM {k}s g d 0 2-1;EXEC", "MULTI;XACK {k}s g 2-1;EXPIRE {k}s 1000;XACK {k}s g 1-1;EXEC",
	"MULTI;EXPIRE {k}s 1000;XACK {k}s g 1-1;EXEC", "MULTI;XADD {k}s * f v;XREADGROUP GROUP g c STREAMS {k}s >;EXEC",
	"MULTI;DEL {k}s;XGROUP CREATE {k}s g 0 MKSTREAM;EXEC",
}

// TestWatchOfStreamsIsRedis: the same commands of another client make EXEC fail here and on
// a redis-server: not those that change the groups of a stream only.
func TestWatchOfStreamsIsRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	addr := startRedis(t, "cluster")
	theirs := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	srv := startServer(t, Config{Cluster: newFakeCluster()})
	watching := connPair{newRawConn(t, pipeTo(t, srv)), newRawConn(t, theirs())}
	writing := connPair{newRawConn(t, pipeTo(t, srv)), newRawConn(t, theirs())}
	waitFor(t, "cluster_state:ok", func() bool {
		return strings.Contains(string(watching[1].do("CLUSTER", "INFO")), "cluster_state:ok")
	})
	run := func(p connPair, lines ...string) (ours, theirs string) {
		for _, line := range lines {
			for _, words := range strings.Split(line, ";") {
				ours, theirs = string(p[0].do(strings.Fields(words)...)), string(p[1].do(strings.Fields(words)...))
			}
		}
		return ours, theirs
	}
	failed := 0
	check := func(before, after []string) {
		run(writing, "FLUSHALL", "XADD {k}s 1-1 f v", "XADD {k}s 2-1 f v", "XADD {k}s 3-1 f v",
			"XGROUP CREATE {k}s g 0", "XREADGROUP GROUP g c COUNT 2 STREAMS {k}s >")
		run(writing, before...)
		run(watching, "WATCH {k}s {k}e")
		run(writing, after...)
		ours, theirs := run(watching, "MULTI", "PING", "EXEC")
		if ours != theirs {
			t.Errorf("%q, WATCH, %q, EXEC: %q, Redis %q", before, after, ours, theirs)
		}
		if theirs == "*-1\r\n" {
			failed++
		}
	}
	for _, line := range streamWrites {
		check(nil, []string{line})
	}
	if want := 12; failed != want {
		t.Errorf("%d of %d commands make EXEC fail, want %d", failed, len(streamWrites), want)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	some := func() (lines []string) {
		for range rnd.IntN(4) {
			lines = append(lines, streamWrites[rnd.IntN(len(streamWrites))])
		}
		return lines
	}
	for range 500 {
		check(some(), some())
	}
}
