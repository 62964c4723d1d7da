package server

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Payloads of redis-server 7.0.15 with rdbcompression no.
var dumps = []struct{ typ, encoding, payload string }{
	{"list", "quicklist", "\x12\x01\x02\r\r\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff\n\x00h\xeb\n\x89\x13A\xbb\xb1"},
	{"set", "intset", "\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\xfb\xff\x03\x00d\x00\x0a\x00t@\xd4\xe0\xee\x19\xbf\xa8"},
	{"set", "hashtable", "\x02\x01\x03one\x0a\x00|4k\x05\x91\xe5\xd2\x0c"},
	{"zset", "listpack", "\x11\x0f\x0f\x00\x00\x00\x02\x00\x81a\x02\x831.5\x04\xff\x0a\x00\x08\x0cn\x19\x80\x8e}\x98"},
	{"hash", "listpack", "\x10>>\x00\x00\x00\x06\x00\x81f\x02\x81v\x02\x81n\x02\x0c\x01\x0c\x01\xa8" +
		strings.Repeat("x", 40) + ")\xff\x0a\x00}]uu\xc7\xb1\x85\xe5"},
	{"stream", "stream", "\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x1d\x1d\x00" +
		"\x00\x00\x0a\x00\x01\x01\x00\x01\x01\x01\x81a\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81b\x02" +
		"\x04\x01\xff\x01\x01\x01\x01\x01\x00\x00\x01\x00\x0a\x00oC4\xec\xd7\xfaZ\xec"},
}

// What is restored is dumped again as it was.
func TestDumpIsWhatWasRestored(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	for _, d := range dumps {
		if _, err := c.Do("RESTORE", "k", "0", d.payload, "REPLACE"); err != nil {
			t.Fatalf("%s: %v", d.typ, err)
		}
		expect(t, c, "TYPE k", "+"+d.typ)
		expect(t, c, "OBJECT ENCODING k", strconv.Quote(d.encoding))
		for _, multi := range []bool{false, true} {
			var reply resp.Reply
			var err error
			if multi {
				expect(t, c, "MULTI", "+OK")
				expect(t, c, "DUMP k", "+QUEUED")
				if reply, err = c.Do("EXEC"); err == nil {
					reply = reply.Elems[0]
				}
			} else {
				reply, err = c.Do("DUMP", "k")
			}
			if err != nil || reply.Text() != d.payload {
				t.Errorf("%s, in MULTI: %t: %q, %v, want %q", d.typ, multi, reply.Text(), err, d.payload)
			}
		}
		expect(t, c, "GET k", "-WRONGTYPE Operation against a key holding the wrong kind of value")
	}
}

// A set that has a member twice is refused, as it is by Redis, and nothing changes.
func TestRestoreRefusesWhatIsThereTwice(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	expect(t, c, "SET k old", "+OK")
	twice := &rdb.Outline{Type: rdb.Set}
	var payload bytes.Buffer
	member := &rdb.Element{Name: []byte("m")}
	twice.Add(member)
	twice.Add(member)
	encoder := rdb.NewEncoder(&payload, twice)
	encoder.Add(member)
	encoder.Add(member)
	encoder.Close()
	_, err := c.Do("RESTORE", "k", "0", payload.String(), "REPLACE")
	if err == nil || err.Error() != rdb.ErrFormat.Error() {
		t.Errorf("RESTORE of a set with a member twice: %v", err)
	}
	expect(t, c, "GET k", `"old"`)
}

func TestRestoreNamesUnsupportedType(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	expect(t, c, "SET k old", "+OK")
	const module = "\x07\x00\x09\x00\x22\xf5\xdb\xc0\x84\x8a\x8c\xb0"
	_, err := c.Do("RESTORE", "k", "0", module, "REPLACE")
	if err == nil || err.Error() != "ERR values of type module are not supported" {
		t.Fatalf("RESTORE of a module's value: %v", err)
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
