package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// TestFollowerOfLargeValues lets a redis-server follow while collections of many elements and
// long strings are written, renamed and copied, and fields of hashes expire.
func TestFollowerOfLargeValues(t *testing.T) {
	needRedis(t, "no stock server has replicated large values")
	srv, host, port := startMaster(t, Config{})
	ours, theirs := newRawConn(t, pipeTo(t, srv)), dialRaw(t, startRedis(t, "standalone"))
	n := 10_000
	if raceDetector {
		n /= 5
	}
	fill := func(round int) {
		var wire []byte
		sent := 0
		add := func(line string) {
			wire = resp.AppendCommand(wire, byteWords(strings.Fields(line)...)...)
			sent++
		}
		for i := range n {
			add(fmt.Sprintf("RPUSH list element-%d-%d", round, i))
			add(fmt.Sprintf("HSET hash field-%d value-%d", i, round))
			add(fmt.Sprintf("ZADD zset %d.5 member-%d", i*round, i))
			add(fmt.Sprintf("SADD set member-%d-%d", round, i))
			if i%10 == 0 {
				add(fmt.Sprintf("XADD stream * field value-%d", i))
				add(fmt.Sprintf("SETRANGE string %d text-%d", 100*i, round))
				add(fmt.Sprintf("HDEL hash field-%d", i/2))
			}
		}
		add("COPY hash hash2")
		add("RENAME set set2")
		add("COPY list list2 REPLACE")
		add("PEXPIREAT zset 99999999999999")
		go ours.conn.Write(wire)
		for range sent {
			ours.reply()
		}
	}
	equal := func() {
		t.Helper()
		why := ""
		defer func() { t.Log(why) }()
		waitFor(t, "the follower to be equal", func() bool {
			for _, key := range []string{"list", "list2", "hash", "hash2", "zset", "set", "set2", "stream", "string", "fields"} {
				mine, its := bulk(ours.do("DUMP", key)), bulk(theirs.do("DUMP", key))
				if !rdb.Same(mine, its) || !bytes.Equal(ours.do("PEXPIRETIME", key), theirs.do("PEXPIRETIME", key)) {
					why = fmt.Sprintf("%s differs: %d and %d bytes", key, len(mine), len(its))
					return false
				}
			}
			why = "equal"
			return true
		})
	}
	fill(1)
	theirs.do("REPLICAOF", host, port)
	fill(2) // while the file is made
	equal()
	fill(3)
	equal()
	ours.do("HSET", "fields", "stays", "1", "goes", "2")
	ours.do("HPEXPIRE", "fields", "50", "FIELDS", "1", "goes")
	waitFor(t, "the field to go at the follower", func() bool {
		srv.engine.Store().ExpireStep(1e6)                                    // as the node does all the time
		return string(theirs.do("HEXISTS", "fields", "stays")) == ":1\r\n" && // first: else neither may be there yet
			string(theirs.do("HEXISTS", "fields", "goes")) == ":0\r\n"
	})
	equal()
}
