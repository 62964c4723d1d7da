package server

import (
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// replicaOf is the Sink of a master whose records are applied to another store.
type replicaOf struct {
	t       *testing.T
	replica *keyspace.Store
}

func (r replicaOf) Commit(_ slots.Slot, ops []keyspace.Op) {
	if err := r.replica.ApplyAll(ops); err != nil {
		r.t.Error(err)
	}
}

// streamEventsAtReplica are commands, and what a replica tells of them, of Redis and here.
// Where ours is "", it tells the same; "-" is nothing. How far a group has read is one fact,
// whether XGROUP SETID has said so or XREADGROUP, so ours tells of neither.
var streamEventsAtReplica = []struct{ command, redis, ours string }{
	{"XADD s 1-1 f v", "xadd", ""},
	{"XADD s 1-2 f v g w", "xadd", ""},
	{"XADD s MAXLEN 2 1-3 f v", "xadd xtrim", ""},
	{"XADD s NOMKSTREAM 1-4 f v", "xadd", ""},
	{"XGROUP CREATE s g 0", "xgroup-create", ""},
	{"XGROUP CREATE m g $ MKSTREAM", "xgroup-create", ""},
	{"XGROUP CREATECONSUMER s g a", "xgroup-createconsumer", ""},
	{"XGROUP SETID s g 1-2", "xgroup-setid", "-"},
	{"XREADGROUP GROUP g a COUNT 1 STREAMS s >", "", ""},
	{"XREADGROUP GROUP g b COUNT 1 STREAMS s >", "xgroup-createconsumer", ""},
	{"XREADGROUP GROUP g a STREAMS s 0", "", ""},
	{"XCLAIM s g c 0 1-3", "xgroup-createconsumer", ""},
	{"XAUTOCLAIM s g d 0 0", "xgroup-createconsumer", ""},
	{"XACK s g 1-3", "", ""},
	{"XGROUP DELCONSUMER s g d", "xgroup-delconsumer", ""},
	{"XDEL s 1-3", "xdel", ""},
	{"XDEL s 9-9", "", ""},
	{"XADD s 5-1 f v", "xadd", ""},
	{"XTRIM s MAXLEN 1", "xtrim", ""},
	{"XTRIM s MAXLEN 1", "", ""},
	{"XREADGROUP GROUP g e NOACK STREAMS s >", "xgroup-createconsumer xgroup-setid", "xgroup-createconsumer"},
	{"XSETID s 7-1", "xsetid", ""},
	{"XGROUP DESTROY s g", "xgroup-destroy", ""},
	{"DEL s", "del", ""},
}

// TestStreamEventsAtReplicas: which events of streams a replica tells, beside a replica of
// redis-server.
func TestStreamEventsAtReplicas(t *testing.T) {
	store := keyspace.New(keyspace.Config{})
	var told []string
	classes, err := keyspace.ParseEventClass("KEA")
	if err != nil {
		t.Fatal(err)
	}
	store.SetEvents(classes)
	store.OnEvents(func(_ slots.Slot, events []keyspace.Event) {
		for _, e := range events {
			told = append(told, e.Name)
		}
	})
	master := keyspace.New(keyspace.Config{Sink: replicaOf{t, store}})
	c := connect(t, startServer(t, Config{Engine: engine.New(master)}))
	redis := redisReplica(t)
	for _, test := range streamEventsAtReplica {
		told = nil
		do(t, c, test.command)
		ours := test.ours
		if ours == "" {
			ours = test.redis
		}
		if got := strings.Join(told, " "); got != strings.TrimPrefix(ours, "-") {
			t.Errorf("%s\n got %q\nwant %q", test.command, got, ours)
		}
		if redis == nil {
			continue
		}
		if got := strings.Join(redis(test.command), " "); got != test.redis {
			t.Errorf("%s: a replica of redis-server tells %q, not %q", test.command, got, test.redis)
		}
	}
}

// redisReplica starts two redis-servers, one the replica of the other, and returns a
// function that has the master execute a command, and returns the replica's events. It
// returns nil where redis-server is not installed.
func redisReplica(t *testing.T) func(command string) (events []string) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil
	}
	master, replica := startRedis(t, ""), startRedis(t, "")
	var conns [3]*resp.Conn
	for i, addr := range []string{master, replica, replica} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns[i] = resp.NewConn(conn)
	}
	host, port, _ := net.SplitHostPort(master)
	expect(t, conns[0], "CONFIG SET repl-diskless-sync-delay 0", "+OK")
	expect(t, conns[1], "CONFIG SET notify-keyspace-events KEA", "+OK")
	expect(t, conns[1], "REPLICAOF "+host+" "+port, "+OK")
	waitFor(t, "the replica", func() bool {
		return strings.Contains(do(t, conns[1], "INFO replication"), "master_link_status:up")
	})
	do(t, conns[2], "PSUBSCRIBE __keyevent@0__:*")
	return func(command string) (events []string) {
		do(t, conns[0], command)
		expect(t, conns[0], "SET mark 1", "+OK")
		for {
			r, err := conns[2].Receive()
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Elems) != 4 {
				t.Fatal("no message: ", render(r))
			}
			event := strings.TrimPrefix(string(r.Elems[2].Str), "__keyevent@0__:")
			if string(r.Elems[3].Str) == "mark" {
				return slices.Clip(events)
			}
			events = append(events, event)
		}
	}
}
