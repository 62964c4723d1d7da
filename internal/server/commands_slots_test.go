package server

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Every refusal of SETSLOT that needs a second node; the others are in the scripts
// (docs/spec.md §11).
func TestSetSlotRefusals(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	slot := slots.OfString("k")
	cluster.joinPeer(slots.NewSet(1))
	c := connect(t, srv)
	expect(t, c, "SET k 1", "+OK")
	peer, n := peerID.String(), strconv.Itoa(int(slot))
	for line, want := range map[string]string{
		"CLUSTER SETSLOT 1 MIGRATING " + peer:         "-ERR I'm not the owner of hash slot 1",
		"CLUSTER SETSLOT " + n + " IMPORTING " + peer: "-ERR I'm already the owner of hash slot " + n,
		"CLUSTER SETSLOT " + n + " NODE " + peer: "-ERR Can't assign hashslot " + n +
			" to a different node while I still hold keys for this hash slot.",
		"CLUSTER SETSLOT 1 IMPORTING " + cluster.id.String()[:39] + "f": "-ERR I don't know about node " +
			cluster.id.String()[:39] + "f",
	} {
		expect(t, c, line, want)
	}
	cluster.amend(func(top *slots.Topology) {
		top.Nodes = append(top.Nodes, slots.Node{ID: slots.NodeID{3}, Master: peerID,
			Addr: slots.Addr{Host: "10.0.0.3", Port: 7003}})
	})
	expect(t, c, "CLUSTER SETSLOT "+n+" MIGRATING "+slots.NodeID{3}.String(), "-ERR Target node is not a master")
	expect(t, c, "CLUSTER SETSLOT "+n+" NODE "+slots.NodeID{3}.String(), "-ERR Target node is not a master")
	cluster.amend(func(top *slots.Topology) {
		top.Nodes = append([]slots.Node(nil), top.Nodes...)
		top.Nodes[0].Master, top.Nodes[0].Slots = peerID, nil
	})
	const refusal = "-ERR Please use SETSLOT only with masters."
	expect(t, c, "CLUSTER SETSLOT "+n+" STABLE", refusal)
	expect(t, c, "CLUSTER SETSLOT "+n+" NODE "+peer, refusal)
	expect(t, c, "CLUSTER SETSLOT 1 NODE "+cluster.id.String(), refusal)
	expect(t, c, "CLUSTER SETSLOT x NODE "+peer, refusal)
	expect(t, c, "CLUSTER SETSLOT 1 NODE "+peer, "+OK") // it was a master until its last slot went
}

// A slot on its way, as CLUSTER NODES shows it (docs/spec.md §10.1), to its end.
func TestSetSlotOpensAndAssigns(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	cluster.joinPeer(slots.NewSet(1))
	slot := slots.OfString("k")
	peer, n := peerID.String(), strconv.Itoa(int(slot))
	c := connect(t, srv)
	expect(t, c, "SET k 1 PX 3600000", "+OK")
	expect(t, c, "CLUSTER SETSLOT "+n+" migrating "+peer, "+OK")
	expect(t, c, "CLUSTER SETSLOT 1 importing "+peer, "+OK")
	nodes, _ := c.Do("CLUSTER", "NODES")
	for _, want := range []string{" [1-<-" + peer + "]", " [" + n + "->-" + peer + "]"} {
		if !strings.Contains(nodes.Text(), want) {
			t.Errorf("CLUSTER NODES lacks %s:\n%s", want, nodes.Text())
		}
	}
	expect(t, c, "DEL k", ":1")
	expect(t, c, "SET k 1", "-ASK "+n+" 10.0.0.2:7002")
	expect(t, c, "CLUSTER SETSLOT "+n+" NODE "+peer, "+OK")
	expect(t, c, "SET k 1", "-MOVED "+n+" 10.0.0.2:7002")
	expect(t, c, "CLUSTER SETSLOT 1 NODE "+cluster.id.String(), "+OK")
	if m := cluster.engine.Map(); !m.IsMine(1) || !m.Open().Empty() {
		t.Errorf("slot 1 is mine: %v; open: %s", m.IsMine(1), m.Open())
	}

	// Not migrating before: no key may be created while it changes hands, see emptyForGood.
	expect(t, c, "CLUSTER SETSLOT 2 NODE "+peer, "+OK")
	if m := cluster.engine.Map(); m.IsMine(2) || !m.Open().Empty() {
		t.Errorf("slot 2 is mine: %v; open: %s", m.IsMine(2), m.Open())
	}
}

// The stock tools give a slot another owner by these commands at the new one.
func TestAddSlotsTakesOverWhatDelSlotsNamed(t *testing.T) {
	now := time.Unix(1000, 0)
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster, Now: func() time.Time { return now }})
	cluster.joinPeer(slots.NewSet(1, 2))
	c := connect(t, srv)
	expect(t, c, "CLUSTER ADDSLOTS 1", "-ERR Slot 1 is already busy")
	expect(t, c, "CLUSTER DELSLOTS 1", "+OK")
	now = now.Add(2*time.Second + 1)
	expect(t, c, "CLUSTER ADDSLOTS 1", "-ERR Slot 1 is already busy")
	for _, line := range []string{"MULTI", "CLUSTER DELSLOTS 1", "CLUSTER ADDSLOTS 1", "CLUSTER SETSLOT 1 STABLE"} {
		do(t, c, line)
	}
	expect(t, c, "EXEC", "[+OK, +OK, +OK]")
	if m := cluster.engine.Map(); !m.IsMine(1) || m.IsMine(2) {
		t.Errorf("slot 1 is mine: %v, slot 2: %v", m.IsMine(1), m.IsMine(2))
	}
	expect(t, c, "CLUSTER ADDSLOTS 2", "-ERR Slot 2 is already busy")
}

// They drop a slot at its owner, take it there again, and drop it at the others, which
// may just know the half of it.
func TestDelSlotsOfAVacatedSlot(t *testing.T) {
	cluster := newFakeCluster()
	c := connect(t, startServer(t, Config{Cluster: cluster}))
	cluster.joinPeer(slots.NewSet(1)) // and all others are this node's
	expect(t, c, "CLUSTER DELSLOTS 2 3", "+OK")
	cluster.vacated = slots.NewSet(2)
	expect(t, c, "CLUSTER DELSLOTS 2", "+OK")
	expect(t, c, "CLUSTER DELSLOTS 2 2", "-ERR Slot 2 specified multiple times")
	expect(t, c, "CLUSTER DELSLOTS 2 3", "-ERR Slot 3 is already unassigned")
	expect(t, c, "CLUSTER DELSLOTS 2 4", "+OK")
	if m := cluster.engine.Map(); m.IsMine(4) {
		t.Error("slot 4 was not dropped")
	}
}

// The stock fix sends one for each slot of a shard that is gone, and goes on at the error.
func TestDelSlotsOfUnownedSlotsWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, startServer(t, Config{Cluster: newFakeCluster()}))
		expect(t, c, "CLUSTER DELSLOTSRANGE 0 99", "+OK")
		began := time.Now()
		for slot := range 100 {
			n := strconv.Itoa(slot)
			expect(t, c, "CLUSTER DELSLOTS "+n, "-ERR Slot "+n+" is already unassigned")
			expect(t, c, "CLUSTER DELSLOTSRANGE "+n+" "+n, "-ERR Slot "+n+" is already unassigned")
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("they took %v", took)
		}
	})
}

func TestMigrateSlots(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	cluster.joinPeer(slots.NewSet(100))
	c := connect(t, srv)
	peer, self := peerID.String(), cluster.id.String()
	for line, want := range map[string]string{
		"":                                   "-ERR wrong number of arguments for 'cluster|migrateslots' command",
		"SLOTSRANGE":                         "-ERR wrong number of arguments for 'cluster|migrateslots' command",
		"SLOTS 0 1":                          "-ERR syntax error",
		"SLOTSRANGE 0":                       "-ERR No end slot for final slot range",
		"SLOTSRANGE 0 NODE " + peer:          "-ERR No end slot for final slot range",
		"SLOTSRANGE NODE " + peer:            "-ERR No slot ranges specified",
		"SLOTSRANGE 0 16384 NODE " + peer:    "-ERR Invalid or out of range slot",
		"SLOTSRANGE 1 0 NODE " + peer:        "-ERR Start slot number 1 is greater than end slot number 0",
		"SLOTSRANGE 0 5 3 6 NODE " + peer:    "-ERR Slot range 3-6 overlaps with previous range 0-5",
		"SLOTSRANGE 0 0":                     "-ERR syntax error",
		"SLOTSRANGE 0 0 NODE":                "-ERR syntax error",
		"SLOTSRANGE 0 0 NODE blah":           "-ERR Invalid node name: blah",
		"SLOTSRANGE 0 0 NODE " + self:        "-ERR Target node can not be this node",
		"SLOTSRANGE 99 100 NODE " + peer:     "-ERR Slots are not served by this node",
		"SLOTSRANGE 0 0 NODE " + peer + " x": "-ERR syntax error",
		"SLOTSRANGE 0 0 2 2 NODE " + peer + " SLOTSRANGE 2 2 NODE " + peer: "-ERR Slot ranges in migrations overlap",
		"SLOTSRANGE 0 0 NODE " + strings.Repeat("a", 40): "-ERR Unknown node name: " +
			strings.Repeat("a", 40),
	} {
		expect(t, c, "CLUSTER MIGRATESLOTS "+line, want)
	}
	expect(t, c, "CLUSTER GETSLOTMIGRATIONS", "[]")
	expect(t, c, "CLUSTER CANCELSLOTMIGRATIONS", "-ERR No migrations ongoing")

	expect(t, c, "CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 20 20 NODE "+peer+" SLOTSRANGE 10 19 NODE "+peer, "+OK")
	list, err := c.Do("CLUSTER", "GETSLOTMIGRATIONS")
	if err != nil || len(list.Elems) != 2 {
		t.Fatalf("GETSLOTMIGRATIONS: %s, %v", render(list), err)
	}
	const want = `["name", "0000000000000000000000000000000000000001", "operation", "EXPORT", "slot_ranges", "0-9 20-20", ` +
		`"target_node", "1122000000000000000000000000000000000000", "source_node", "0123456789abcdef0123456789abcdef01234567", ` +
		`"create_time", :1000, "last_update_time", :1001, "last_ack_time", :1001, "state", "running", "message", "", ` +
		`"cow_size", :0, "slots", :0, "keys", :0, "bytes", :0]`
	if got := render(list.Elems[0]); got != want {
		t.Errorf("the first job is\n%s\nwant\n%s", got, want)
	}
	expect(t, c, "CLUSTER MIGRATESLOTS SLOTSRANGE 19 21 NODE "+peer, "-ERR I am already migrating slot 20.")
	expect(t, c, "CLUSTER CANCELSLOTMIGRATIONS", "+OK")
	expect(t, c, "CLUSTER CANCELSLOTMIGRATIONS", "-ERR No migrations ongoing")

	// All or none.
	cluster.err = errors.New("no more")
	cluster.jobs = nil
	expect(t, c, "CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 NODE "+peer+" SLOTSRANGE 10 19 NODE "+peer, "-ERR no more")
	if len(cluster.jobs) != 1 || !cluster.jobs[0].Over() {
		t.Errorf("jobs after a refusal: %+v", cluster.jobs)
	}
}

// TestWatchInASlotThatLeaves: a key that was not here when it was watched may have been
// created at the other node since, so that a transaction which relies on its absence must
// not run.
func TestWatchInASlotThatLeaves(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	cluster.joinPeer(slots.NewSet(1))
	c := connect(t, srv)
	expect(t, c, "SET {k}here 1", "+OK")
	for _, key := range []string{"{k}none", "{k}here"} {
		for _, migrating := range []bool{false, true} {
			expect(t, c, "CLUSTER SETSLOT "+strconv.Itoa(int(slots.OfString("k")))+" STABLE", "+OK")
			expect(t, c, "WATCH "+key, "+OK")
			if migrating {
				expect(t, c, "CLUSTER SETSLOT "+strconv.Itoa(int(slots.OfString("k")))+" MIGRATING "+peerID.String(), "+OK")
			}
			expect(t, c, "MULTI", "+OK")
			expect(t, c, "APPEND {k}here 2", "+QUEUED")
			reply, err := c.Do("EXEC")
			if ran := len(reply.Elems) == 1; err != nil || ran == (migrating && key == "{k}none") {
				t.Errorf("watching %s, migrating %v: EXEC = %s, %v", key, migrating, render(reply), err)
			}
		}
	}
	expect(t, c, "WATCH {k}none", "-ASK "+strconv.Itoa(int(slots.OfString("k")))+" 10.0.0.2:7002")
}
