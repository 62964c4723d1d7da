package server

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func TestPassword(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{Password: "secret"}})
	c := connect(t, srv)
	expect(t, c, "GET k", "-NOAUTH Authentication required.")
	expect(t, c, "FOO", "-ERR unknown command 'FOO', with args beginning with: ")
	expect(t, c, "HELLO", "-"+"NOAUTH HELLO must be called with the client already authenticated, otherwise the "+
		"HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol "+
		"version at the same time")
	expect(t, c, "AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.")
	expect(t, c, "AUTH nobody secret", "-WRONGPASS invalid username-password pair or user is disabled.")
	expect(t, c, "AUTH default secret", "+OK")
	expect(t, c, "GET k", "nil")
	expect(t, c, "RESET", "+RESET")
	expect(t, c, "GET k", "-NOAUTH Authentication required.")
	expect(t, c, "AUTH secret", "+OK")
	other := connect(t, srv)
	if got := do(t, other, "HELLO 3 AUTH default secret SETNAME me"); !strings.HasPrefix(got, "%[") {
		t.Fatalf("HELLO with AUTH: %s", got)
	}
	expect(t, other, "CLIENT GETNAME", `"me"`)
	expect(t, connect(t, srv), "QUIT", "+OK")
}

func TestRedirects(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	peer := slots.NodeID{1}
	set := func(change func(*slots.Topology)) {
		mine, theirs := slots.Full(), slots.NewSet(slots.OfString("theirs"))
		mine.Subtract(&theirs)
		top := cluster.top
		top.Version++
		top.Nodes = []slots.Node{
			{ID: cluster.id, Addr: cluster.addr(), Slots: &mine},
			{ID: peer, Addr: slots.Addr{Host: "10.0.0.2", Port: 7002}, Slots: &theirs},
		}
		change(&top)
		cluster.use(top)
	}
	set(func(*slots.Topology) {})
	c := connect(t, srv)
	slot := strconv.Itoa(int(slots.OfString("theirs")))
	moved := "-MOVED " + slot + " 10.0.0.2:7002"
	expect(t, c, "GET theirs", moved)
	expect(t, c, "SET theirs 1", moved)
	expect(t, c, "WATCH theirs", moved)
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "SET theirs 1", moved)
	expect(t, c, "EXEC", "-EXECABORT Transaction discarded because of previous errors.")

	// The slot is coming here: ASKING is good for one command, or one transaction.
	set(func(top *slots.Topology) { top.Importing = map[slots.Slot]slots.NodeID{slots.OfString("theirs"): peer} })
	expect(t, c, "SET theirs 1", moved)
	expect(t, c, "ASKING", "+OK")
	expect(t, c, "SET theirs 1", "+OK")
	expect(t, c, "SET theirs 2", moved)
	for _, line := range []string{"ASKING", "MULTI"} {
		expect(t, c, line, "+OK")
	}
	expect(t, c, "INCR theirs", "+QUEUED")
	expect(t, c, "EXEC", "[:2]")
	expect(t, c, "GET theirs", moved)

	// A slot of ours is leaving.
	ask := "-ASK " + strconv.Itoa(int(slots.OfString("{m}1"))) + " 10.0.0.2:7002"
	expect(t, c, "SET {m}1 x", "+OK")
	set(func(top *slots.Topology) { top.Migrating = map[slots.Slot]slots.NodeID{slots.OfString("{m}1"): peer} })
	expect(t, c, "GET {m}1", `"x"`)
	expect(t, c, "GET {m}2", ask)
	expect(t, c, "MGET {m}1 {m}2", "-TRYAGAIN Multiple keys request during rehashing of slot")

	// We are a replica of the peer.
	set(func(top *slots.Topology) {
		top.Nodes[0].Master, top.Nodes[0].Slots = peer, nil
		all := slots.Full()
		top.Nodes[1].Slots = &all
	})
	expect(t, c, "GET theirs", moved)
	expect(t, c, "READONLY", "+OK")
	expect(t, c, "MESH.READONLY x", "-ERR value is not an integer or out of range")
	expect(t, c, "MESH.READONLY 0", "-ERR the bound must be a positive number of milliseconds")
	expect(t, c, "MESH.READONLY 2000", "+OK") // nobody knows how far behind we are
	expect(t, c, "GET theirs", moved)
	expect(t, c, "READONLY", "+OK")
	expect(t, c, "GET theirs", `"2"`)
	expect(t, c, "SET theirs 3", moved)
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "GET theirs", "+QUEUED")
	expect(t, c, "EXEC", `["2"]`)
	expect(t, c, "FLUSHALL", "-READONLY You can't write against a read only replica.")
	expect(t, c, "READWRITE", "+OK")
	expect(t, c, "GET theirs", moved)
	if got := do(t, c, "HELLO"); !strings.Contains(got, `"role", "replica"`) {
		t.Errorf("HELLO: %s", got)
	}
}

// A slot that moves between the queueing and EXEC: nothing of the transaction runs,
// not even what comes before the first key.
func TestExecAfterTheSlotMoved(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	c := connect(t, srv)
	expect(t, c, "SET k 1", "+OK")
	for _, lines := range [][]string{{"SET {x}a 1"}, {"FLUSHALL", "SET {x}a 1"}, {"PING", "DBSIZE", "GET {x}a"}} {
		cluster.publish(slots.Full())
		expect(t, c, "MULTI", "+OK")
		for _, line := range lines {
			expect(t, c, line, "+QUEUED")
		}
		rest, gone := slots.Full(), slots.NewSet(slots.OfString("x"))
		rest.Subtract(&gone)
		cluster.publish(rest)
		expect(t, c, "EXEC", "-CLUSTERDOWN Hash slot not served")
		expect(t, c, "DBSIZE", ":1")
		expect(t, c, "EXEC", "-ERR EXEC without MULTI")
	}
}

func TestOutOfMemory(t *testing.T) {
	store := keyspace.New(keyspace.Config{MaxMemory: 1 << 20})
	srv := startServer(t, Config{Engine: engine.New(store)})
	c := connect(t, srv)
	const oom = "OOM command not allowed when used memory > 'maxmemory'."
	expect(t, c, "SET k v", "+OK")
	big := strings.Repeat("x", 1<<18)
	filled := false
	for i := range 10 {
		if do(t, c, "SET big"+strconv.Itoa(i)+" "+big) == "-"+oom {
			filled = true
			break
		}
	}
	if !filled {
		t.Fatal("the store takes more than its limit")
	}
	expect(t, c, "GET k", `"v"`)
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "DEL k", "+QUEUED")
	expect(t, c, "SET huge "+strings.Repeat("x", 1<<20), "+QUEUED")
	expect(t, c, "EXEC", "-EXECABORT Transaction discarded because of: "+oom)
	expect(t, c, "GET k", `"v"`)
	expect(t, c, "FLUSHALL", "+OK")
	expect(t, c, "SET k v", "+OK")
}

// A transaction is one for other clients: they see all of it or none.
func TestTransactionIsAtomic(t *testing.T) {
	srv := startServer(t, Config{Cluster: newFakeCluster()})
	var stop atomic.Bool
	writer := connect(t, srv)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			for _, line := range []string{"MULTI", "INCR {t}a", "INCR {t}b", "EXEC"} {
				do(t, writer, line)
			}
		}
	}()
	reader := connect(t, srv)
	for range 500 {
		r, err := reader.Do("MGET", "{t}a", "{t}b")
		if err != nil || r.Elems[0].Text() != r.Elems[1].Text() {
			t.Fatalf("half a transaction is visible: %s, %v", render(r), err)
		}
	}
	stop.Store(true)
	<-done
}

// Two slots cannot be compared and changed in one moment.
func TestWatchedKeysLieInTheSlotOfTheTransaction(t *testing.T) {
	srv := startServer(t, Config{Cluster: newFakeCluster()})
	c := connect(t, srv)
	expect(t, c, "WATCH a", "+OK")
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "SET b 1", "+QUEUED")
	expect(t, c, "EXEC", "-CROSSSLOT Keys in request don't hash to the same slot")
	expect(t, c, "GET b", "nil")
	expect(t, c, "EXEC", "-ERR EXEC without MULTI")
}

func TestIdleClientsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{Limits: Limits{IdleTimeout: 10 * time.Second}})
		idle, busy := dial(), resp.NewConn(dial())
		began := time.Now()
		gone := make(chan time.Duration)
		go func() {
			io.Copy(io.Discard, idle)
			gone <- time.Since(began)
		}()
		for range 4 {
			time.Sleep(5 * time.Second)
			expect(t, busy, "PING", "+PONG")
		}
		if after := <-gone; after < 10*time.Second || after > 10*time.Second+2*tickEvery {
			t.Errorf("closed after %v, want 10 s", after)
		}
		srv.Close()
	})
}

func TestClientKill(t *testing.T) {
	srv := startServer(t, Config{})
	admin, a, b := connect(t, srv), connect(t, srv), connect(t, srv)
	id := func(c *resp.Conn) string { return strings.TrimPrefix(do(t, c, "CLIENT ID"), ":") }
	idA := id(a)
	expect(t, b, "CLIENT SETNAME b", "+OK")
	expect(t, admin, "CLIENT KILL ID "+idA, ":1")
	expect(t, a, "PING", "closed")
	list := do(t, admin, "CLIENT LIST")
	if !strings.Contains(list, " name=b ") || strings.Contains(list, `id=`+idA+` `) {
		t.Errorf("CLIENT LIST: %s", list)
	}
	expect(t, admin, "CLIENT KILL TYPE normal", ":1")
	expect(t, b, "PING", "closed")
	expect(t, admin, "CLIENT KILL TYPE normal SKIPME no", ":1")
	expect(t, admin, "PING", "closed")
}

func TestClientSetInfo(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	expect(t, c, "CLIENT SETINFO LIB-NAME go-redis", "+OK")
	expect(t, c, "CLIENT SETINFO lib-ver 9.0", "+OK")
	expect(t, c, "CLIENT SETINFO LIB-NAME 'a b'", "-ERR LIB-NAME cannot contain spaces, newlines or special characters.")
	expect(t, c, "CLIENT SETINFO FOO x", "-ERR Unrecognized option 'FOO'")
	if info := do(t, c, "CLIENT INFO"); !strings.Contains(info, "lib-name=go-redis lib-ver=9.0") {
		t.Errorf("CLIENT INFO: %s", info)
	}
}

func TestShutdown(t *testing.T) {
	srv := startServer(t, Config{})
	expect(t, connect(t, srv), "SHUTDOWN", "-ERR SHUTDOWN is not available: the host program ends this node")
	called := make(chan struct{})
	srv = startServer(t, Config{OnShutdown: func() { close(called) }})
	expect(t, connect(t, srv), "SHUTDOWN NOSAVE", "closed")
	<-called
}

func TestCloseEndsEverything(t *testing.T) {
	srv := startServer(t, Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- srv.Serve(ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := resp.NewConn(conn)
	expect(t, c, "PING", "+PONG")
	srv.Close()
	if err := <-served; err != ErrClosed {
		t.Errorf("Serve: %v, want %v", err, ErrClosed)
	}
	expect(t, c, "PING", "closed")
	if err := srv.Serve(ln); err != ErrClosed {
		t.Errorf("Serve after Close: %v, want %v", err, ErrClosed)
	}
	srv.Close()
}

func TestPanicClosesOneClient(t *testing.T) {
	cluster := &panicCluster{newFakeCluster()}
	e := engine.New(keyspace.New(keyspace.Config{}))
	cluster.engine = e
	cluster.publish(slots.Set{})
	srv := startServer(t, Config{Engine: e, Cluster: cluster})
	other := connect(t, srv)
	expect(t, connect(t, srv), "CLUSTER SAVECONFIG", "closed")
	expect(t, other, "PING", "+PONG")
}

type panicCluster struct{ *fakeCluster }

func (panicCluster) SaveConfig(context.Context) error { panic("a bug") }

func TestClusterErrorsGetACode(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	c := connect(t, srv)
	expect(t, c, "CLUSTER MEET 10.0.0.5 7001", "+OK")
	expect(t, c, "CLUSTER MEET 10.0.0.5 7001 8001", "+OK")
	if got := strings.Join(cluster.met, " "); got != "10.0.0.5:7001@17001 10.0.0.5:7001@8001" {
		t.Errorf("met %s", got)
	}
	cluster.err = errors.New("no such luck")
	expect(t, c, "CLUSTER MEET 10.0.0.5 7001", "-ERR no such luck")
	cluster.err = errors.New("I'm not in the mood")
	expect(t, c, "CLUSTER MEET 10.0.0.5 7001", "-ERR I'm not in the mood")
	cluster.err = slots.ErrClusterDown
	expect(t, c, "CLUSTER MEET 10.0.0.5 7001", "-CLUSTERDOWN The cluster is down")
}

// CLUSTER NODES with all that it can show (docs/spec.md §10.1).
func TestClusterNodesFormat(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	m, r, h := slots.NodeID{0xaa}, slots.NodeID{0xbb}, slots.NodeID{0xcc}
	mine := slots.NewSet(0, 1, 2, 7)
	theirs := slots.NewSet(5)
	cluster.use(slots.Topology{Self: cluster.id, CurrentEpoch: 9,
		Nodes: []slots.Node{
			{ID: cluster.id, Addr: cluster.addr(), ConfigEpoch: 3, Slots: &mine, NoFailover: true},
			{ID: m, Addr: slots.Addr{Host: "10.0.0.2", Port: 7002, BusPort: 17002}, Hostname: "two.example", ConfigEpoch: 9,
				Slots: &theirs, Health: slots.Suspected},
			{ID: r, Master: m, Health: slots.Failed},
		},
		Migrating: map[slots.Slot]slots.NodeID{2: m}, Importing: map[slots.Slot]slots.NodeID{5: m},
	})
	cluster.peers = []Peer{
		{ID: m, Connected: true, PingSent: time.UnixMilli(1000), PongRecv: time.UnixMilli(2000)},
		{ID: h, Handshake: true, Addr: slots.Addr{Host: "10.0.0.3", Port: 7003, BusPort: 17003}},
	}
	c := connect(t, srv)
	reply, err := c.Do("CLUSTER", "NODES")
	if err != nil {
		t.Fatal(err)
	}
	zeros := strings.Repeat("0", 38)
	want := "0123456789abcdef0123456789abcdef01234567 127.0.0.1:7001@17001 myself,master,nofailover - 0 0 3 " +
		"connected 0-2 7 [2->-aa" + zeros + "] [5-<-aa" + zeros + "]\n" +
		"aa" + zeros + " 10.0.0.2:7002@17002,two.example master,fail? - 1000 2000 9 connected 5\n" +
		"bb" + zeros + " :0@0 slave,fail,noaddr aa" + zeros + " 0 0 9 disconnected\n" +
		"cc" + zeros + " 10.0.0.3:7003@17003 handshake - 0 0 0 disconnected\n"
	if got := reply.Text(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	info := do(t, c, "CLUSTER INFO")
	if !regexp.MustCompile(`slots_assigned:5\\r\\ncluster_slots_ok:4\\r\\ncluster_slots_pfail:1\\r\\ncluster_slots_fail:0\\r\\ncluster_known_nodes:4\\r\\ncluster_size:2\\r\\ncluster_current_epoch:9\\r\\ncluster_my_epoch:3`).MatchString(info) {
		t.Errorf("CLUSTER INFO: %s", info)
	}
	expect(t, c, "CLUSTER REPLICAS aa"+zeros, `["bb`+zeros+` :0@0 slave,fail,noaddr aa`+zeros+` 0 0 9 disconnected"]`)
	cluster.links = []Link{{Inbound: true, ID: m, Created: time.UnixMilli(5), SendAllocated: 10, SendUsed: 4,
		Writable: true}, {ID: m}}
	expect(t, c, "CLUSTER LINKS", `[["direction", "from", "node", "aa`+zeros+
		`", "create-time", :5, "events", "rw", "send-buffer-allocated", :10, "send-buffer-used", :4], `+
		`["direction", "to", "node", "aa`+zeros+`", "create-time", :0, "events", "r", "send-buffer-allocated", :0, "send-buffer-used", :0]]`)
	expect(t, c, "CLUSTER REPLICAS bb"+zeros, "-ERR The specified node is not a master")
}
