package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// stockClient is a stock server or tool, by hand.
type stockClient struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func newStockClient(t *testing.T, conn net.Conn) *stockClient {
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &stockClient{t, conn, bufio.NewReader(conn)}
}

func (c *stockClient) send(line string) {
	go c.conn.Write(resp.AppendCommand(nil, byteWords(strings.Fields(line)...)...)) // the pipe holds no bytes
}

func (c *stockClient) line() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("%q: %v", line, err)
	}
	if line == "\n" { // a sign of life
		return c.line()
	}
	return strings.TrimSuffix(line, "\r\n")
}

func (c *stockClient) expect(line, want string) {
	c.t.Helper()
	c.send(line)
	if got := c.line(); !strings.HasPrefix(got, want) {
		c.t.Fatalf("%s: got %q, want %q", line, got, want)
	}
}

// file reads the RDB file, and returns its keys.
func (c *stockClient) file() (keys []string) {
	c.t.Helper()
	head := c.line()
	mark, marked := strings.CutPrefix(head, "$EOF:")
	var in io.Reader = c.r
	if !marked {
		n, err := strconv.Atoi(head[1:])
		if err != nil {
			c.t.Fatal(err)
		}
		in = io.LimitReader(c.r, int64(n))
	}
	text := new(bytes.Buffer)
	for !marked || !bytes.HasSuffix(text.Bytes(), []byte(mark)) {
		var b [1]byte
		if _, err := in.Read(b[:]); err != nil {
			if !marked && err == io.EOF {
				break
			}
			c.t.Fatal(err)
		}
		text.Write(b[:])
	}
	r := rdb.NewFileReader(bytes.NewReader(bytes.TrimSuffix(text.Bytes(), []byte(mark))))
	for {
		item, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			c.t.Fatal(err)
		}
		if item.Kind == rdb.FileKey {
			keys = append(keys, string(item.Name))
		}
	}
	slices.Sort(keys)
	return keys
}

// command reads a command.
func (c *stockClient) command() string {
	c.t.Helper()
	head := c.line()
	n, err := strconv.Atoi(head[1:])
	if err != nil || head[0] != '*' {
		c.t.Fatalf("%q begins no command", head)
	}
	words := make([]string, n)
	for i := range words {
		size, _ := strconv.Atoi(c.line()[1:])
		b := make([]byte, size+2)
		if _, err := io.ReadFull(c.r, b); err != nil {
			c.t.Fatal(err)
		}
		words[i] = string(b[:size])
	}
	return strings.Join(words, " ")
}

func (c *stockClient) commands(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.command(); got != w {
			c.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

func (c *stockClient) closed() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c.r); err != nil && strings.Contains(err.Error(), "timeout") {
		c.t.Fatal("the connection stays")
	}
}

func TestSyncByLength(t *testing.T) {
	srv, _, _ := startMaster(t, Config{})
	c := connect(t, srv)
	do(t, c, "MSET a 1 b 2")
	do(t, c, "RPUSH list x")
	f := newStockClient(t, pipeTo(t, srv))
	f.send("SYNC")
	if keys := f.file(); !slices.Equal(keys, []string{"a", "b", "list"}) {
		t.Fatalf("the file has %q", keys)
	}
	f.commands("SELECT 0")
	do(t, c, "SET a 3 PXAT 99999999999999")
	do(t, c, "APPEND a x")
	f.commands("SET a 3 PXAT 99999999999999", "SET a 3x PXAT 99999999999999")
	do(t, c, "MULTI")
	do(t, c, "HSET h f v g w")
	do(t, c, "ZADD z 1.5 m -inf n")
	do(t, c, "SADD s x")
	do(t, c, "EXEC")
	f.commands("MULTI", "HSET h f v g w", "ZADD z 1.5 m -inf n", "SADD s x", "EXEC")
	do(t, c, "HDEL h f")
	do(t, c, "HDEL h g")
	do(t, c, "PERSIST a")
	f.commands("HDEL h f", "UNLINK h", "PERSIST a")
	do(t, c, "FLUSHALL")
	f.commands("FLUSHALL")
	do(t, c, "RPUSH list y")
	if got := f.command(); !strings.HasPrefix(got, "RESTORE list 0 ") || !strings.HasSuffix(got, " REPLACE ABSTTL") {
		t.Fatalf("got %q", got)
	}
}

func TestPSyncByMarks(t *testing.T) {
	srv, _, _ := startMaster(t, Config{})
	c := connect(t, srv)
	do(t, c, "SET a 1")
	f := newStockClient(t, pipeTo(t, srv))
	f.expect("PING", "+PONG")
	f.expect("REPLCONF listening-port 7777", "+OK")
	f.expect("REPLCONF ip-address db.example", "+OK")
	f.expect("REPLCONF capa eof capa psync2", "+OK")
	f.expect("PSYNC ? -1", "+FULLRESYNC ")
	if keys := f.file(); !slices.Equal(keys, []string{"a"}) {
		t.Fatalf("the file has %q", keys)
	}
	do(t, c, "SET a 2") // goes out when the follower has seen the end of the file
	f.send("REPLCONF ACK 0")
	f.commands("SELECT 0", "SET a 2")
	f.send("REPLCONF ACK 61")
	waitFor(t, "ROLE to show the offset", func() bool {
		role := do(t, c, "ROLE")
		return strings.Contains(role, "db.example") && !strings.Contains(role, `"7777", "0"`)
	})
	if info := do(t, c, "INFO replication"); !strings.Contains(info, "slave0:ip=db.example,port=7777,state=online") {
		t.Errorf("INFO has no follower: %s", info)
	}
	if list := do(t, c, "CLIENT LIST TYPE replica"); !strings.Contains(list, "flags=S ") {
		t.Errorf("CLIENT LIST has no follower: %s", list)
	}
	expect(t, c, "CLIENT KILL TYPE replica", ":1")
	f.closed()
	waitFor(t, "the follower to be forgotten", func() bool {
		return strings.Contains(do(t, c, "INFO replication"), "connected_slaves:0")
	})
}

func TestFollowerThatAsks(t *testing.T) {
	srv, _, _ := startMaster(t, Config{})
	f := newStockClient(t, pipeTo(t, srv))
	f.send("SYNC")
	f.file()
	f.commands("SELECT 0")
	f.send("GET a") // its reply would stand among the commands
	f.closed()
}

func TestFileAlone(t *testing.T) {
	srv, _, _ := startMaster(t, Config{})
	do(t, connect(t, srv), "SET a 1")
	f := newStockClient(t, pipeTo(t, srv))
	f.expect("REPLCONF capa eof", "+OK")
	f.expect("REPLCONF rdb-only 1", "+OK")
	f.send("SYNC")
	if keys := f.file(); !slices.Equal(keys, []string{"a"}) {
		t.Fatalf("the file has %q", keys)
	}
	if info := do(t, connect(t, srv), "INFO replication"); !strings.Contains(info, "connected_slaves:0") {
		t.Errorf("a tool that takes a file counts as a replica: %s", info)
	}
	g := newStockClient(t, pipeTo(t, srv))
	g.expect("REPLCONF capa eof rdb-filter-only functions", "+OK")
	g.send("SYNC")
	if keys := g.file(); len(keys) > 0 {
		t.Fatalf("the file of functions has %q", keys)
	}
}

func TestSyncRefused(t *testing.T) {
	master := &Master{State: "connect"}
	srv, _, _ := startMaster(t, Config{Replication: func() Replication { return Replication{Master: master} }})
	c := newStockClient(t, pipeTo(t, srv))
	c.expect("PSYNC ? -1", "-NOMASTERLINK Can't SYNC while not connected with my master")
	master = &Master{State: "connected"}
	c.expect("SYNC", "-NOMASTERLINK This node is a replica itself")
	c.expect("REPLCONF capa eof rdb-only 1", "+OK")
	c.send("SYNC")
	c.file() // a replica has what a tool wants to keep

	srv, _, _ = startMaster(t, Config{})
	srv.SetLoading(true)
	c = newStockClient(t, pipeTo(t, srv))
	c.expect("SYNC", "-LOADING ")
	c.expect("REPLCONF capa eof", "+OK")
	srv.SetLoading(false)
	c.expect("SUBSCRIBE ch", "*3")
	for range 5 {
		c.line()
	}
	c.expect("PSYNC ? -1", "-ERR Can't execute 'psync'")

	c = newStockClient(t, pipeTo(t, startServer(t, Config{})))
	c.expect("SYNC", "-ERR this node has no replication")
}

func TestFollowerRights(t *testing.T) {
	srv, _, _ := startMaster(t, Config{Users: []string{
		"app on nopass ~* &* +@all -@dangerous", "stock on nopass +psync +replconf +ping"}})
	c := newStockClient(t, pipeTo(t, srv))
	c.expect("AUTH app x", "+OK")
	c.expect("PSYNC ? -1", "-NOPERM ")
	c.expect("REPLCONF capa eof", "-NOPERM ")
	c.expect("AUTH stock x", "+OK")
	c.expect("PSYNC ? -1", "+FULLRESYNC ")
	c.file()
}

// A follower that takes nothing is cut off when more waits for it than the backlog holds for
// readers, and Close does not wait for it.
func TestSlowFollower(t *testing.T) {
	srv, _, _ := startMaster(t, Config{})
	srv.cfg.Stream.(interface{ SetOutputBuffer(int) }).SetOutputBuffer(1 << 20)
	c := connect(t, srv)
	f := newStockClient(t, pipeTo(t, srv))
	f.send("SYNC")
	f.file()
	f.commands("SELECT 0")
	value := strings.Repeat("x", 1<<16)
	for i := range 200 {
		do(t, c, fmt.Sprintf("SET k%d %s", i, value))
	}
	f.closed()
	g := newStockClient(t, pipeTo(t, srv))
	g.send("SYNC")
	g.line()
	srv.Close() // in the middle of its file
}

// A slot that is dropped in a cluster sends the follower away: nobody knows its keys.
func TestFollowerAfterDrop(t *testing.T) {
	srv, _, _ := startMaster(t, Config{Cluster: newFakeCluster()})
	c := connect(t, srv)
	do(t, c, "SET a 1")
	f := newStockClient(t, pipeTo(t, srv))
	f.send("SYNC")
	f.file()
	f.commands("SELECT 0")
	do(t, c, "FLUSHALL")
	f.closed()
}

// What REPLCONF replies is what Redis replies.
func TestReplConfIsRedis(t *testing.T) {
	needRedis(t, "REPLCONF was not compared with it")
	srv, _, _ := startMaster(t, Config{})
	ours, theirs := newRawConn(t, pipeTo(t, srv)), dialRaw(t, startRedis(t, "standalone"))
	for _, line := range []string{
		"REPLCONF", "REPLCONF a", "REPLCONF a b", "REPLCONF listening-port x", "REPLCONF listening-port -1",
		"REPLCONF listening-port 65536", "REPLCONF listening-port 1 capa x capa eof", "REPLCONF rdb-only 2",
		"REPLCONF rdb-only x", "REPLCONF rdb-only 0", "REPLCONF rdb-filter-only x", "REPLCONF rdb-filter-only functions",
		"REPLCONF ip-address " + strings.Repeat("x", 300), "REPLCONF ip-address h", "PSYNC a", "SYNC a", "PSYNC a b c d",
	} {
		got, want := ours.do(strings.Fields(line)...), theirs.do(strings.Fields(line)...)
		if !bytes.Equal(got, want) {
			t.Errorf("%.60s: got %q, Redis says %q", line, got, want)
		}
	}
	for _, line := range []string{"MULTI", "PSYNC ? -1", "SYNC", "REPLCONF capa eof", "EXEC"} {
		got, want := ours.do(strings.Fields(line)...), theirs.do(strings.Fields(line)...)
		if !bytes.Equal(got, want) {
			t.Errorf("in MULTI %s: got %q, Redis says %q", line, got, want)
		}
	}
}
