package server

import (
	"bytes"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A list as redis-server 7.0.15 dumps it.
const dumpedList = "\x12\x01\x02\r\r\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff\n\x00h\xeb\n\x89\x13A\xbb\xb1"

func TestRestoreNamesUnsupportedType(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	expect(t, c, "SET k old", "+OK")
	_, err := c.Do("RESTORE", "k", "0", dumpedList, "REPLACE")
	if err == nil || err.Error() != "ERR values of type list are not supported, only strings are" {
		t.Fatalf("RESTORE of a list: %v", err)
	}
	expect(t, c, "GET k", `"old"`)
}

func TestRestoreFrequency(t *testing.T) {
	srv := startServer(t, Config{})
	srv.node.Store.SetPolicy(keyspace.AllKeysLFU)
	c := connect(t, srv)
	payload := string(rdb.AppendString(nil, []byte("v")))
	if _, err := c.Do("RESTORE", "k", "0", payload, "FREQ", "200"); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "OBJECT FREQ k", ":200")
	if _, err := c.Do("RESTORE", "k", "0", payload, "IDLETIME", "10", "REPLACE"); err != nil { // does not apply
		t.Fatal(err)
	}
	expect(t, c, "OBJECT FREQ k", ":200")
}

// RESTORE-ASKING enters a slot that is being imported; RESTORE is sent to the owner
// (docs/spec.md §8.3).
func TestRestoreAskingInImportingSlot(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	slot := slots.OfString("k")
	cluster.joinPeer(slots.NewSet(slot))
	c := connect(t, srv)
	payload := string(rdb.AppendString(nil, bytes.Repeat([]byte("v"), 1000)))
	if _, err := c.Do("RESTORE-ASKING", "k", "0", payload); err == nil || !strings.HasPrefix(err.Error(), "MOVED ") {
		t.Errorf("RESTORE-ASKING in a slot that is not importing: %v", err)
	}
	cluster.amend(func(top *slots.Topology) { top.Importing = map[slots.Slot]slots.NodeID{slot: peerID} })
	if _, err := c.Do("RESTORE", "k", "0", payload); err == nil || !strings.HasPrefix(err.Error(), "MOVED ") {
		t.Errorf("RESTORE in an importing slot: %v", err)
	}
	if _, err := c.Do("RESTORE-ASKING", "k", "0", payload); err != nil {
		t.Error(err)
	}
	expect(t, c, "ASKING", "+OK")
	expect(t, c, "STRLEN k", ":1000")
}
