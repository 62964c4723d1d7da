package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
	luaengine "github.com/slotmesh/slotmesh/script"
	"github.com/slotmesh/slotmesh/slots"
)

func TestHyperLogLog(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	expect(t, c, "PFCOUNT k", ":0")
	expect(t, c, "PFADD k a b c", ":1")
	expect(t, c, "PFADD k a", ":0")
	expect(t, c, "PFCOUNT k", ":3")
	expect(t, c, "PFADD {k}2 c d", ":1")
	expect(t, c, "PFMERGE {k}3 k {k}2", "+OK")
	expect(t, c, "PFCOUNT {k}3", ":4")
	expect(t, c, "SET s value", "+OK")
	expect(t, c, "PFADD s a", "-WRONGTYPE Key is not a valid HyperLogLog string value.")
	expect(t, c, "SETRANGE k 16 x", ":27")
	expect(t, c, "PFMERGE k", "-INVALIDOBJ Corrupted HLL object detected")
}

// PFCOUNT writes its estimate into the header as Redis does, once for each change.
func TestEstimateIsKept(t *testing.T) {
	sink := &opBytes{}
	c := connect(t, startServer(t, Config{Engine: engine.New(keyspace.New(keyspace.Config{Sink: sink}))}))
	expect(t, c, "PFADD k a b c", ":1")
	expect(t, c, "GETRANGE k 8 15", `"\x00\x00\x00\x00\x00\x00\x00\x80"`)
	sink.n = 0
	expect(t, c, "PFCOUNT k {k}2", ":3")
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "PFCOUNT k", "+QUEUED")
	expect(t, c, "EXEC", "[:3]")
	if sink.n != 0 {
		t.Errorf("several keys, or a transaction, wrote %d bytes", sink.n)
	}
	expect(t, c, "PFCOUNT k", ":3")
	if sink.n == 0 || sink.n > 20 {
		t.Errorf("an estimate made %d bytes of ops", sink.n)
	}
	expect(t, c, "GETRANGE k 8 15", `"\x03\x00\x00\x00\x00\x00\x00\x00"`)
	sink.n = 0
	expect(t, c, "PFCOUNT k", ":3")
	expect(t, c, "PFCOUNT none", ":0")
	if sink.n != 0 {
		t.Errorf("an estimate that is known made %d bytes of ops", sink.n)
	}
	expect(t, c, "PFADD k d", ":1")
	expect(t, c, "PFCOUNT k", ":4")
}

// Where PFCOUNT is part of a transaction or a script that writes, the estimate is, too.
func TestEstimateIsKeptInTransactions(t *testing.T) {
	const stale, kept = `"\x00\x00\x00\x00\x00\x00\x00\x80"`, `"\x03\x00\x00\x00\x00\x00\x00\x00"`
	c := connect(t, startServer(t, Config{Scripts: luaengine.New(luaengine.Config{})}))
	for what, lines := range map[string][]string{
		"a transaction": {"MULTI", "SET {k}2 v", "PFCOUNT k", "GETRANGE k 8 15", "EXEC"},
		"a script":      {`EVAL "return redis.call('PFCOUNT', KEYS[1])" 1 k`},
	} {
		do(t, c, "DEL k")
		expect(t, c, "PFADD k a b c", ":1")
		expect(t, c, "GETRANGE k 8 15", stale)
		for _, line := range lines {
			do(t, c, line)
		}
		if got := do(t, c, "GETRANGE k 8 15"); got != kept {
			t.Errorf("after %s: %s", what, got)
		}
		expect(t, c, "PFCOUNT k", ":3")
	}
	expect(t, c, "PFADD k d", ":1")
	for _, line := range []string{"MULTI", "PFCOUNT k", "EXEC", `EVAL_RO "return redis.call('PFCOUNT', KEYS[1])" 1 k`} {
		do(t, c, line)
	}
	if got := do(t, c, "GETRANGE k 15 15"); got != `"\x80"` {
		t.Errorf("what only reads has written an estimate: %s", got)
	}
}

// PFCOUNT of one client ends the EXEC of another that watches the key, as in Redis.
func TestKeptEstimateIsAChange(t *testing.T) {
	srv := startServer(t, Config{})
	c, other := connect(t, srv), connect(t, srv)
	expect(t, c, "PFADD k a", ":1")
	expect(t, c, "WATCH k", "+OK")
	expect(t, other, "PFCOUNT k", ":1")
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "PING", "+QUEUED")
	expect(t, c, "EXEC", "nil")
}

// PFCOUNT does not wait for a pause to end in order to keep the estimate.
func TestEstimateInAPause(t *testing.T) {
	srv := startServer(t, Config{})
	c := connect(t, srv)
	expect(t, c, "PFADD k a", ":1")
	pause := srv.node.Engine.PauseWrites(time.Hour)
	expect(t, c, "PFCOUNT k", ":1")
	pause.Resume()
	srv.Pause(time.Hour, true)
	expect(t, c, "PFCOUNT k", ":1")
	expect(t, c, "GETRANGE k 15 15", `"\x80"`)
}

func TestSparseSketches(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{SparseSketch: -1}})
	c := connect(t, srv)
	expect(t, c, "PFADD k a", ":1")
	expect(t, c, "STRLEN k", ":12304")
	srv.SetLimits(Limits{SparseSketch: 25})
	for key, elements := range map[string]string{"one": "a", "three": "a b c"} {
		do(t, c, "PFADD "+key+" "+elements)
	}
	expect(t, c, "STRLEN one", ":21")
	expect(t, c, "STRLEN three", ":12304")
	srv.SetLimits(Limits{})
	expect(t, c, "PFADD default a b c", ":1")
	expect(t, c, "STRLEN default", ":27")
}

// opBytes counts the bytes of ops.
type opBytes struct{ n int }

func (o *opBytes) Commit(_ slots.Slot, ops []keyspace.Op) {
	for i := range ops {
		o.n += len(ops[i].Part) + len(ops[i].Value)
	}
}

// TestDenseHyperLogLogStreams: an element of a dense sketch costs its registers, not the
// sketch.
func TestDenseHyperLogLogStreams(t *testing.T) {
	sink := &opBytes{}
	c := connect(t, startServer(t, Config{Engine: engine.New(keyspace.New(keyspace.Config{Sink: sink}))}))
	add := func(from, to int) {
		var line strings.Builder
		line.WriteString("PFADD k")
		for i := from; i < to; i++ {
			fmt.Fprintf(&line, " e%d", i)
		}
		do(t, c, line.String())
	}
	add(0, 5000)
	if got := do(t, c, "STRLEN k"); got != ":12304" {
		t.Fatalf("%s bytes", got)
	}
	sink.n = 0
	add(5000, 5100)
	if sink.n == 0 || sink.n > 100*10+20 {
		t.Errorf("100 elements made %d bytes of ops", sink.n)
	}
}
