package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
	"github.com/slotmesh/slotmesh/slots"
)

func TestStreamReadersTimeOut(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		b.send("XREAD BLOCK 1500 STREAMS k $").got("nil", 1500*time.Millisecond)
		expect(t, admin, "XGROUP CREATE k g $ MKSTREAM", "+OK")
		b.send("XREADGROUP GROUP g c BLOCK 1 STREAMS k >").got("nil", time.Millisecond)
		expect(t, admin, "XREAD BLOCK -1 STREAMS k $", "-ERR timeout is negative")
		expect(t, admin, "XREAD BLOCK 0.5 STREAMS k $", "-ERR timeout is not an integer or out of range")
		for _, ms := range []string{"0", "9223372036854775807"} {
			w := b.send("XREAD BLOCK " + ms + " STREAMS other $")
			b.sleep(time.Hour)
			w.waits()
			expect(t, admin, "DEL other", ":0")
			expect(t, admin, "XADD other 1-1 f v", `"1-1"`)
			w.got(`[["other", [["1-1", ["f", "v"]]]]]`, time.Hour)
			expect(t, admin, "DEL other", ":1")
		}
	})
}

// TestOneEntryServesReaders: each reader gets what is behind its own ID, and of a group one
// gets it.
func TestOneEntryServesReaders(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		expect(t, admin, "XGROUP CREATE k g 0 MKSTREAM", "+OK")
		var readers, group []*waiter
		for i := range 50 {
			readers = append(readers, b.send("XREAD COUNT 9 BLOCK 0 STREAMS other k 5 $"))
			group = append(group, b.send(fmt.Sprintf("XREADGROUP GROUP g c%d BLOCK 0 STREAMS k >", i)))
		}
		later := b.send("XREAD BLOCK 7000 STREAMS k 2")
		b.sleep(time.Second)
		expect(t, admin, "XADD k 1-1 f v", `"1-1"`)
		for _, w := range readers {
			w.got(`[["k", [["1-1", ["f", "v"]]]]]`, time.Second)
		}
		group[0].got(`[["k", [["1-1", ["f", "v"]]]]]`, time.Second)
		for _, w := range group[1:] {
			w.waits()
		}
		later.waits()
		expect(t, admin, "XADD k 2-1 f v", `"2-1"`)
		later.got(`[["k", [["2-1", ["f", "v"]]]]]`, time.Second)
		group[1].got(`[["k", [["2-1", ["f", "v"]]]]]`, time.Second)
		expect(t, admin, "XINFO GROUPS k", `[["name", "g", "consumers", :2, "pending", :2, "last-delivered-id", "2-1", `+
			`"entries-read", :2, "lag", :0]]`)
		expect(t, admin, "DEL k", ":1")
		for _, w := range group[2:] {
			w.got("-UNBLOCKED the stream key no longer exists", time.Second)
		}
	})
}

// TestReadersInMulti: there nobody waits.
func TestReadersInMulti(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		expect(t, admin, "XGROUP CREATE k g $ MKSTREAM", "+OK")
		w := b.send("XREAD BLOCK 0 STREAMS k $")
		expect(t, admin, "MULTI", "+OK")
		for _, line := range []string{"XREAD BLOCK 0 STREAMS k $", "XREADGROUP GROUP g c BLOCK 0 STREAMS k >",
			"XADD k 1-1 f v", "XADD k 1-2 f v", "XDEL k 1-1"} {
			expect(t, admin, line, "+QUEUED")
		}
		expect(t, admin, "EXEC", `[nil, nil, "1-1", "1-2", :1]`)
		w.got(`[["k", [["1-2", ["f", "v"]]]]]`, 0)
	})
}

func TestUnblockedReaders(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		expect(t, admin, "XGROUP CREATE k g $ MKSTREAM", "+OK")
		client := b.dial()
		id := strings.TrimPrefix(do(t, client, "CLIENT ID"), ":")
		for _, line := range []string{"XREAD BLOCK 0 STREAMS k $", "XREADGROUP GROUP g c BLOCK 0 STREAMS k >"} {
			w := b.sendBy(client, line)
			if list := do(t, admin, "CLIENT LIST ID "+id); !strings.Contains(list, " flags=b ") {
				t.Error(list)
			}
			expect(t, admin, "CLIENT UNBLOCK "+id, ":1")
			w.got("nil", 0)
			w = b.sendBy(client, line)
			expect(t, admin, "CLIENT UNBLOCK "+id+" ERROR", ":1")
			w.got("-UNBLOCKED client unblocked via CLIENT UNBLOCK", 0)
		}
		expect(t, admin, "XINFO CONSUMERS k g", "[]")
	})
}

// TestReaderKeepsItsID: $ stands for the last ID when the command began, also when it is
// carried out once more.
func TestReaderKeepsItsID(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		expect(t, admin, "XADD k 5-5 f v", `"5-5"`)
		w := b.send("XREAD BLOCK 3000 STREAMS k l $ $")
		all := slots.Full()
		b.sleep(time.Second)
		b.srv.engine.Store().WakeWaiters(&all)
		w.waits()
		expect(t, admin, "XADD k 5-6 f v", `"5-6"`)
		w.got(`[["k", [["5-6", ["f", "v"]]]]]`, time.Second)
	})
}

// TestReadersOfLongStreams: a reader that has waited gets a thousand entries, unless it asks
// for more.
func TestReadersOfLongStreams(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		some, all := b.send("XREAD BLOCK 0 STREAMS k 0"), b.send("XREAD COUNT 5000 BLOCK 0 STREAMS k 0")
		expect(t, admin, "MULTI", "+OK")
		for i := range 3000 {
			expect(t, admin, fmt.Sprintf("XADD k 1-%d a b c d", i+1), "+QUEUED")
		}
		do(t, admin, "EXEC")
		for w, want := range map[*waiter]int{some: 1000, all: 3000} {
			if got := strings.Count(<-w.reply, `["a", "b", "c", "d"]`); got != want {
				t.Errorf("%d entries, want %d", got, want)
			}
		}
	})
}

// TestReaderAtReplica: a client with READONLY waits at a replica for what the master sends,
// until the replica's slots are another's.
func TestReaderAtReplica(t *testing.T) {
	cluster := newFakeCluster()
	testBlocking(t, Config{Cluster: cluster}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		master, _ := slots.ParseNodeID(strings.Repeat("b", 40))
		top := cluster.top
		self, all := top.Nodes[0], slots.Full()
		self.Slots, self.Master = nil, master
		top.Version++
		addr := slots.Addr{Host: "10.0.0.3", Port: 7003}
		top.Nodes = []slots.Node{self, {ID: master, Addr: addr, ConfigEpoch: 10, Slots: &all}}
		cluster.use(top)
		store := b.srv.engine.Store()
		store.SetPassive(true)

		expect(t, admin, "XREAD BLOCK 0 STREAMS foo $", "-MOVED 12182 10.0.0.3:7003")
		client := b.dial()
		expect(t, client, "READONLY", "+OK")
		expect(t, client, "XREADGROUP GROUP g c BLOCK 0 STREAMS foo >", "-MOVED 12182 10.0.0.3:7003")
		w := b.sendBy(client, "XREAD BLOCK 5000 STREAMS foo $")
		ops := entryOps(t, "foo", 3)
		b.sleep(time.Second)
		if err := store.ApplyAll(ops); err != nil {
			t.Fatal(err)
		}
		w.got(`[["foo", [["3-0", ["f", "v"]]]]]`, time.Second)
		w = b.sendBy(client, "XREAD BLOCK 5000 STREAMS foo 3")
		top.Version++
		cluster.use(top) // nothing has changed for it
		w.waits()
		w.got("nil", 5*time.Second)
	})
}

// streamLog keeps the ops of a store.
type streamLog struct{ wire []byte }

func (l *streamLog) Commit(_ slots.Slot, ops []keyspace.Op) {
	for i := range ops {
		l.wire = keyspace.AppendOp(l.wire, &ops[i])
	}
}

// entryOps returns the ops by which a master adds an entry of one field.
func entryOps(t *testing.T, key string, ms uint64) (ops []keyspace.Op) {
	t.Helper()
	var log streamLog
	store := keyspace.New(keyspace.Config{Sink: &log})
	err := store.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
		s, err := tx.Stream([]byte(key))
		if err != nil {
			return err
		}
		value := stream.AppendString(stream.AppendString(stream.AppendCount(nil, 2), []byte("f")), []byte("v"))
		return s.Append(stream.ID{Ms: ms}, value)
	})
	if err != nil {
		t.Fatal(err)
	}
	for len(log.wire) > 0 {
		op, rest, err := keyspace.DecodeOp(log.wire)
		if err != nil {
			t.Fatal(err)
		}
		ops, log.wire = append(ops, op), rest
	}
	return ops
}
