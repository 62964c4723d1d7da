package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/testcert"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// road leads from a server under test to others.
type road struct {
	dials atomic.Int32

	mu    sync.Mutex // guards what follows
	to    func(net.Conn)
	conns []net.Conn
}

// large is the length of a value beyond which MIGRATE sends it in pieces.
const large = 256 << 10

func (r *road) dial(_ context.Context, addr string) (net.Conn, error) {
	r.dials.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if addr != "target:1" || r.to == nil {
		return nil, errors.New("no such host")
	}
	near, far := net.Pipe()
	r.conns = append(r.conns, far)
	go r.to(far)
	return near, nil
}

// cut breaks all connections.
func (r *road) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
}

// twoServers returns clients of a source and of a target that MIGRATE knows as "target 1".
func twoServers(t *testing.T, target Limits) (from, to *resp.Conn, r *road) {
	t.Helper()
	dst := startServer(t, Config{Limits: target})
	r = &road{to: dst.ServeConn}
	src := startServer(t, Config{Dial: r.dial})
	return connect(t, src), connect(t, dst), r
}

func TestMigrateKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to, r := twoServers(t, Limits{})
		expect(t, from, "SET a 1", "+OK")
		expect(t, from, "SET b 2 PXAT 3000000000000", "+OK")
		expect(t, from, "MIGRATE target 1 a 0 10000 COPY", "+OK")
		expect(t, from, "GET a", `"1"`)
		expect(t, from, "MIGRATE target 1 a 0 10000", "-ERR Target instance replied with error: BUSYKEY Target key name "+
			"already exists.")
		expect(t, from, "GET a", `"1"`)
		expect(t, from, "SET a 3", "+OK")
		// a is refused, b goes; none counts if it is not there.
		expect(t, from, `MIGRATE target 1 "" 0 10000 KEYS none a b`,
			"-ERR Target instance replied with error: BUSYKEY Target key name already exists.")
		expect(t, from, "EXISTS a b", ":1")
		expect(t, to, "GET a", `"1"`)
		expect(t, to, "GET b", `"2"`)
		// MIGRATE sends the time that is left: in real time the expiry would be later by what it took.
		expect(t, to, "PEXPIRETIME b", ":3000000000000")
		expect(t, from, "MIGRATE target 1 a 0 10000 REPLACE", "+OK")
		expect(t, from, "DBSIZE", ":0")
		expect(t, to, "GET a", `"3"`)
		expect(t, from, `MIGRATE target 1 "" 0 10000 KEYS a b`, "+NOKEY")
		expect(t, from, "SET a 4", "+OK")
		expect(t, from, "MIGRATE target 1 a 5 10000 REPLACE",
			"-ERR Target instance replied with error: ERR DB index is out of range")
		expect(t, from, "MIGRATE elsewhere 1 a 0 10000", "-IOERR error or timeout connecting to the client")
		expect(t, from, "GET a", `"4"`)
		if n := r.dials.Load(); n != 2 {
			t.Errorf("dialled %d times, want once for each address: connections are kept", n)
		}
	})
}

// More keys, and bytes, than fit into the buffers between two servers.
func TestMigrateManyKeys(t *testing.T) {
	from, to, _ := twoServers(t, Limits{})
	const n = 3000
	line := `MIGRATE target 1 "" 0 10000 KEYS`
	value := strings.Repeat("v", 1000)
	for i := range n {
		line += " key:" + strconv.Itoa(i)
		if _, err := from.Do("SET", "key:"+strconv.Itoa(i), value+strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, from, line, "+OK")
	expect(t, from, "DBSIZE", ":0")
	expect(t, to, "DBSIZE", ":"+strconv.Itoa(n))
	for i := 0; i < n; i += 97 {
		expect(t, to, "GET key:"+strconv.Itoa(i), `"`+value+strconv.Itoa(i)+`"`)
	}
}

// TestMigrateLargeValues: large values go out piece by piece between small ones, and
// arrive as they were, also where they replace others; what a client sends behind a
// RESTORE does not touch its value.
func TestMigrateLargeValues(t *testing.T) {
	from, to, _ := twoServers(t, Limits{})
	values := map[string]string{"a": "small", "b": strings.Repeat("b", large+1), "c": "little",
		"d": strings.Repeat("dD", large)}
	for round, options := range []string{"", " REPLACE"} {
		for key, value := range values {
			if _, err := from.Do("SET", key, value, "PXAT", "3000000000000"); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, from, `MIGRATE target 1 "" 0 10000`+options+` KEYS a b c none d`, "+OK")
		expect(t, from, "EXISTS a b c d", ":0")
		for key, want := range values {
			if got, err := to.Do("GET", key); err != nil || got.Text() != want {
				t.Errorf("round %d: %s arrived with %d bytes, %v; want %d", round, key, len(got.Text()), err, len(want))
			}
		}
	}
	dump, err := to.Do("DUMP", "b")
	if err != nil {
		t.Fatal(err)
	}
	to.Send("RESTORE", "e", "0", dump.Text())
	to.Send("SET", "f", strings.Repeat("x", 2*large))
	to.Send("GET", "e")
	for range 2 {
		if _, err := to.Receive(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := to.Receive(); err != nil || got.Text() != values["b"] {
		t.Errorf("a restored value has %d bytes, %v", len(got.Text()), err)
	}
	expect(t, to, "MULTI", "+OK")
	to.Send("RESTORE", "g", "0", dump.Text())
	to.Send("RESTORE", "h", "0", "nonsense")
	to.Send("EXEC")
	for range 2 {
		if _, err := to.Receive(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := to.Receive(); err != nil || render(got) != "[+OK, -ERR DUMP payload version or checksum are wrong]" {
		t.Errorf("EXEC = %s, %v", render(got), err)
	}
	expect(t, to, "STRLEN g", fmt.Sprintf(":%d", large+1))
}

func TestMigrateAuthenticates(t *testing.T) {
	from, to, r := twoServers(t, Limits{Password: "secret"})
	expect(t, from, "SET a 1", "+OK")
	expect(t, from, "MIGRATE target 1 a 0 10000", "-ERR Target instance replied with error: NOAUTH Authentication "+
		"required.")
	expect(t, from, "MIGRATE target 1 a 0 10000 AUTH wrong",
		"-ERR Target instance replied with error: WRONGPASS invalid username-password pair or user is disabled.")
	expect(t, from, "MIGRATE target 1 a 0 10000 COPY AUTH secret", "+OK")
	expect(t, from, "MIGRATE target 1 a 0 10000 COPY REPLACE AUTH2 default secret", "+OK")
	expect(t, from, "MIGRATE target 1 a 0 10000 REPLACE",
		"-ERR Target instance replied with error: NOAUTH Authentication required.")
	dials := r.dials.Load()
	expect(t, from, "MIGRATE target 1 a 0 10000 REPLACE AUTH secret", "+OK")
	if r.dials.Load() != dials {
		t.Error("the connection that was authenticated before is not used again")
	}
	expect(t, to, "AUTH secret", "+OK")
	expect(t, to, "GET a", `"1"`)
}

// Keys travel over TLS where the node says so; a connection without TLS, kept from before,
// is not used then. What is wrong with it is in the log.
func TestMigrateOverTLS(t *testing.T) {
	ca := testcert.Default()
	dst := startServer(t, Config{})
	r := &road{to: func(conn net.Conn) { dst.ServeConn(tls.Server(conn, ca.Server("target"))) }}
	var by atomic.Pointer[tls.Config]
	by.Store(ca.Client())
	src := startServer(t, Config{Dial: r.dial, MigrateTLS: func(target string) (string, *tls.Config) {
		if target != "plain:1" {
			t.Errorf("asked about %q", target)
		}
		return "target:1", by.Load()
	}})
	from, to := connect(t, src), connect(t, dst)
	expect(t, from, "MSET a 1 b 2 c 3", "+OK")
	expect(t, from, "MIGRATE plain 1 a 0 10000", "+OK")
	expect(t, to, "GET a", `"1"`)
	by.Store(&tls.Config{})
	expect(t, from, "MIGRATE plain 1 b 0 300", "-IOERR error or timeout connecting to the client")
	by.Store(nil)
	r.to = dst.ServeConn
	expect(t, from, "MIGRATE plain 1 b 0 10000", "+OK")
	by.Store(ca.Client())
	expect(t, from, "MIGRATE plain 1 c 0 100", "-IOERR error or timeout connecting to the client")
	expect(t, from, "EXISTS a b c", ":1")
}

// A connection kept from before may have died; that is no reason to fail.
func TestMigrateDialsAgain(t *testing.T) {
	from, to, r := twoServers(t, Limits{})
	expect(t, from, "MSET a 1 b 2", "+OK")
	expect(t, from, "MIGRATE target 1 a 0 10000", "+OK")
	r.cut()
	expect(t, from, "MIGRATE target 1 b 0 10000", "+OK")
	expect(t, to, "GET b", `"2"`)
}

func TestMigrateClosesIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan time.Duration, 1)
		r := &road{to: func(conn net.Conn) {
			start := time.Now()
			reply := []byte("+OK\r\n")
			conn.Read(make([]byte, 1024))
			conn.Write(reply)
			conn.Read(make([]byte, 1024))
			closed <- time.Since(start)
		}}
		from := connect(t, startServer(t, Config{Dial: r.dial}))
		expect(t, from, "SET a 1", "+OK")
		expect(t, from, "MIGRATE target 1 a 0 10000", "+OK")
		if d := <-closed; d != 10*time.Second {
			t.Errorf("closed after %v, want %v", d, 10*time.Second)
		}
	})
}

// While the target does not answer, keys on their way can be read, other keys be written,
// and a write to one on its way waits: for the target or the timeout.
func TestMigrateFreezesItsKeysOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{to: func(conn net.Conn) { io.Copy(io.Discard, conn) }}
		srv := startServer(t, Config{Dial: r.dial})
		mover, reader, writer := connect(t, srv), connect(t, srv), connect(t, srv)
		expect(t, mover, "MSET a 1 b 1", "+OK")
		start := time.Now()
		mover.Send("MIGRATE", "target", "1", "a", "0", "700")
		failed := make(chan error, 1)
		go func() {
			_, err := mover.Receive()
			failed <- err
		}()
		synctest.Wait()
		expect(t, reader, "GET a", `"1"`)
		expect(t, reader, "SET b 2", "+OK")
		if d := time.Since(start); d != 0 {
			t.Errorf("a read of a key on its way and a write to another took %v", d)
		}
		expect(t, writer, "SET a 2", "+OK")
		if d := time.Since(start); d != 700*time.Millisecond {
			t.Errorf("the write to a key on its way took %v, want the timeout", d)
		}
		expect(t, reader, "GET a", `"2"`)
		if err := <-failed; err == nil || err.Error() != "IOERR error or timeout reading from target instance" {
			t.Errorf("MIGRATE: %v", err)
		}
	})
}

// A closed server does not wait for a target that never answers.
func TestCloseEndsMigrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{to: func(conn net.Conn) { io.Copy(io.Discard, conn) }}
		srv := startServer(t, Config{Dial: r.dial})
		c := connect(t, srv)
		expect(t, c, "SET a 1", "+OK")
		c.Send("MIGRATE", "target", "1", "a", "0", "60000")
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start := time.Now()
		srv.Close()
		if d := time.Since(start); d != 0 {
			t.Errorf("Close took %v", d)
		}
	})
}

// Between nodes of a cluster: the slot is open at both ends (docs/spec.md §8.1, §8.3).
func TestMigrateInCluster(t *testing.T) {
	slot := slots.OfString("k")
	n := strconv.Itoa(int(slot))
	target := newFakeCluster()
	dst := startServer(t, Config{Cluster: target})
	r := &road{to: dst.ServeConn}
	source := newFakeCluster()
	src := startServer(t, Config{Cluster: source, Dial: r.dial})
	source.joinPeer(slots.NewSet(1))
	target.joinPeer(slots.NewSet(slot))
	from, to := connect(t, src), connect(t, dst)
	peer := peerID.String()
	expect(t, from, "SET k 1", "+OK")
	expect(t, from, "MIGRATE target 1 k 0 10000", "-ERR Target instance replied with error: MOVED "+n+" 10.0.0.2:7002")
	expect(t, to, "CLUSTER SETSLOT "+n+" IMPORTING "+peer, "+OK")
	expect(t, from, "CLUSTER SETSLOT "+n+" MIGRATING "+peer, "+OK")
	expect(t, from, "MIGRATE target 1 k 0 10000", "+OK")
	expect(t, from, "MIGRATE target 1 k 0 10000", "+NOKEY")
	expect(t, from, "GET k", "-ASK "+n+" 10.0.0.2:7002")
	expect(t, to, "ASKING", "+OK")
	expect(t, to, "GET k", `"1"`)
	expect(t, from, `MIGRATE target 1 "" 0 10000 KEYS k other`, "-CROSSSLOT Keys in request don't hash to the same slot")
	// The importer may send its keys on: that is how a broken move is undone.
	back := &road{to: src.ServeConn}
	dst.node.Dial = back.dial
	expect(t, to, "MIGRATE target 1 k 0 10000", "-ERR Target instance replied with error: ASK "+n+" 10.0.0.2:7002")
	expect(t, from, "CLUSTER SETSLOT "+n+" STABLE", "+OK")
	expect(t, to, "MIGRATE target 1 k 0 10000", "+OK")
	expect(t, from, "GET k", `"1"`)
	expect(t, to, "CLUSTER SETSLOT "+n+" STABLE", "+OK")
	expect(t, to, "MIGRATE target 1 k 0 10000", "-MOVED "+n+" 10.0.0.2:7002")
}

// What MIGRATE deletes reaches the replicas, what it copies does not.
func TestMigrateIsReplicated(t *testing.T) {
	var ops opLog
	dst := startServer(t, Config{})
	r := &road{to: dst.ServeConn}
	store := keyspace.New(keyspace.Config{Sink: &ops})
	from := connect(t, startServer(t, Config{Engine: engine.New(store), Dial: r.dial}))
	expect(t, from, "SET a 1", "+OK")
	expect(t, from, "MIGRATE target 1 a 0 10000 COPY", "+OK")
	expect(t, from, "MIGRATE target 1 a 0 10000 REPLACE", "+OK")
	if got := strings.Join(ops.list, " "); got != "put:a delete:a" {
		t.Errorf("the replicas are told: %s", got)
	}
}

// opLog is a Sink for a test with one slot.
type opLog struct{ list []string }

func (l *opLog) Commit(_ slots.Slot, ops []keyspace.Op) {
	for _, op := range ops {
		l.list = append(l.list, op.Kind.String()+":"+string(op.Key))
	}
}
