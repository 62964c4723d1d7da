package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
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
