package server

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// The texts are those of Valkey 8.
func TestSlotStatsRefusals(t *testing.T) {
	c := connect(t, startServer(t, Config{Cluster: newFakeCluster()}))
	const unknown = "-ERR unknown subcommand or wrong number of arguments for 'SLOT-STATS'. Try CLUSTER HELP."
	for line, want := range map[string]string{
		"SLOTSRANGE 0":                          unknown,
		"SLOTSRANGE 0 1 2":                      unknown,
		"KEYS 0 1":                              unknown,
		"SLOTSRANGE 0 x":                        "-ERR Invalid or out of range slot",
		"SLOTSRANGE -1 5":                       "-ERR Invalid or out of range slot",
		"SLOTSRANGE 0 16384":                    "-ERR Invalid or out of range slot",
		"SLOTSRANGE 5 4":                        "-ERR Start slot number 5 is greater than end slot number 4",
		"ORDERBY keys":                          "-ERR Unrecognized sort metric for ORDERBY.",
		"ORDERBY cpu-usec":                      "-ERR Unrecognized sort metric for ORDERBY.",
		"ORDERBY key-count LIMIT":               "-ERR syntax error",
		"ORDERBY key-count UP":                  "-ERR syntax error",
		"ORDERBY key-count LIMIT x":             "-ERR Limit has to lie in between 1 and 16384 (maximum number of slots).",
		"ORDERBY key-count LIMIT 0":             "-ERR Limit has to lie in between 1 and 16384 (maximum number of slots).",
		"ORDERBY key-count LIMIT 16385":         "-ERR Limit has to lie in between 1 and 16384 (maximum number of slots).",
		"ORDERBY key-count ASC DESC":            "-ERR Multiple filters of the same type are disallowed.",
		"ORDERBY key-count LIMIT 1 ASC LIMIT 1": "-ERR Multiple filters of the same type are disallowed.",
	} {
		expect(t, c, "CLUSTER SLOT-STATS "+line, want)
	}
	alone := connect(t, startServer(t, Config{}))
	expect(t, alone, "CLUSTER SLOT-STATS SLOTSRANGE 0 1", "-ERR This instance has cluster support disabled")
}

func TestSlotStatsInOrder(t *testing.T) {
	cluster := newFakeCluster()
	c := connect(t, startServer(t, Config{Cluster: cluster}))
	cluster.joinPeer(slots.NewSet(2))
	for tag, n := range map[string]int{"a": 2, "b": 3, "c": 2} {
		for i := range n {
			expect(t, c, fmt.Sprintf("SET {%s}%d v", tag, i), "+OK")
		}
	}
	a, b, x := slots.OfString("a"), slots.OfString("b"), slots.OfString("c")
	for line, want := range map[string]string{
		"SLOTSRANGE 1 3":            "[[:1, [\"key-count\", :0]], [:3, [\"key-count\", :0]]]",
		"ORDERBY key-count LIMIT 1": fmt.Sprintf("[[:%d, [\"key-count\", :3]]]", b),
		"orderby KEY-COUNT desc LIMIT 4": fmt.Sprintf(`[[:%d, ["key-count", :3]], [:%d, ["key-count", :2]], `+
			`[:%d, ["key-count", :2]], [:0, ["key-count", :0]]]`, b, min(a, x), max(a, x)),
		"ORDERBY key-count ASC LIMIT 3": "[[:0, [\"key-count\", :0]], [:1, [\"key-count\", :0]], [:3, [\"key-count\", :0]]]",
	} {
		if got := do(t, c, "CLUSTER SLOT-STATS "+line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

// measured returns a client of a server in a cluster that measures slots, by a clock that
// goes on a millisecond at each look.
func measured(t *testing.T) (srv *Server, store *keyspace.Store) {
	e := engine.New(keyspace.New(keyspace.Config{}))
	now := time.Unix(1e9, 0)
	ticks := make(chan time.Time, 1)
	ticks <- now
	srv = startServer(t, Config{Cluster: newFakeCluster(), Engine: e, Limits: Limits{MeasureSlots: true},
		Now: func() time.Time {
			now := (<-ticks).Add(time.Millisecond)
			ticks <- now
			return now
		}})
	return srv, e.Store()
}

// What a slot has used is forgotten when it leaves.
func TestSlotStatsOfASlotThatLeaves(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster, Limits: Limits{MeasureSlots: true}})
	c := connect(t, srv)
	expect(t, c, "SET k 1", "+OK")
	before, slot := cluster.engine.Map(), slots.OfString("k")
	if got := cluster.engine.Store().SlotStats(slot); got.BytesIn == 0 || got.Writes == 0 {
		t.Errorf("%+v", got)
	}
	cluster.joinPeer(slots.NewSet(slot))
	srv.MapChanged(before, cluster.engine.Map())
	if got := cluster.engine.Store().SlotStats(slot); got.SlotUse != (keyspace.SlotUse{}) {
		t.Errorf("%+v", got)
	}
	expect(t, c, "GET k", "-MOVED "+strconv.Itoa(int(slot))+" 10.0.0.2:7002")
	if got := cluster.engine.Store().SlotStats(slot); got.SlotUse != (keyspace.SlotUse{}) {
		t.Errorf("after a redirect: %+v", got)
	}
	srv.SetLimits(Limits{})
	if cluster.engine.Store().MeasuresSlots() {
		t.Error("it goes on")
	}
}

// What a request takes is counted for its slot: the bytes as Valkey's own test has them,
// and the time in which it had the slot.
func TestSlotStatsMeasured(t *testing.T) {
	srv, store := measured(t)
	c := connect(t, srv)
	slot := slots.OfString("key")
	uses := func(want keyspace.SlotUse) {
		t.Helper()
		got := store.SlotStats(slot).SlotUse
		if got.CPU == 0 || got.BytesIn != want.BytesIn || got.BytesOut != want.BytesOut {
			t.Errorf("%+v, want the bytes of %+v", got, want)
		}
		do(t, c, "CONFIG RESETSTAT")
		if got := store.SlotStats(slot).SlotUse; got != (keyspace.SlotUse{}) {
			t.Errorf("after the reset: %+v", got)
		}
	}
	expect(t, c, "SET key value", "+OK")
	uses(keyspace.SlotUse{BytesIn: 33, BytesOut: 5})
	expect(t, c, "GET key", "\"value\"")
	uses(keyspace.SlotUse{BytesIn: 22, BytesOut: 11})
	expect(t, c, "HSET key f v", "-WRONGTYPE Operation against a key holding the wrong kind of value")
	uses(keyspace.SlotUse{BytesIn: 37, BytesOut: 68})
	for _, line := range []string{"MULTI", "SET key value", "GET key"} {
		do(t, c, line)
	}
	do(t, c, "EXEC")
	uses(keyspace.SlotUse{BytesIn: 15 + 33 + 22 + 14, BytesOut: 4 + 5 + 11})
	elements, many := "", 3000
	for range many {
		elements += " x"
	}
	do(t, c, "DEL key")
	do(t, c, "RPUSH key"+elements)
	do(t, c, "CONFIG RESETSTAT")
	do(t, c, "LRANGE key 0 -1") // its reply is made in pieces
	uses(keyspace.SlotUse{BytesIn: 40, BytesOut: uint64(len("*3000\r\n") + many*len("$1\r\nx\r\n"))})
	n := strconv.Itoa(int(slot))
	do(t, c, "GET key")
	if got := do(t, c, "CLUSTER SLOT-STATS SLOTSRANGE "+n+" "+n); !strings.Contains(got, "\"network-bytes-in\", :") ||
		!strings.Contains(got, "\"cpu-usec\", :") || !strings.Contains(got, "\"memory-bytes\", :") {
		t.Error(got)
	}
	if got := do(t, c, "CLUSTER SLOT-STATS ORDERBY network-bytes-out LIMIT 1"); !strings.HasPrefix(got, "[[:"+n) {
		t.Error(got)
	}
}
