package server

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	luaengine "github.com/slotmesh/slotmesh/script"
)

// monitored is a server, a client that monitors it, and others by a digit.
type monitored struct {
	t       *testing.T
	dial    func() net.Conn
	monitor *rawConn
	clients map[byte]*rawConn
	names   map[string]string // of the clients, by their addresses
}

func newMonitored(t *testing.T, dial func() net.Conn) *monitored {
	m := &monitored{t: t, dial: dial, clients: make(map[byte]*rawConn), names: make(map[string]string)}
	m.monitor = newRawConn(t, dial())
	return m
}

var helloID = regexp.MustCompile(`\$2\r\nid\r\n:\d+`)

var monitorHead = regexp.MustCompile(`^\+(\d+\.\d{6}) \[(\d+) ([^\]]*)\] `)

// run sends a line, whose first character says which client does, M the one that monitors,
// and returns the reply and what the monitor has got of it, with times and addresses in one
// form. Commands with ;; between them are sent at once, and the last is answered.
func (m *monitored) run(line string) (reply, seen string) {
	m.t.Helper()
	var batch []byte
	for command := range strings.SplitSeq(line[2:], ";;") {
		args, ok := resp.SplitWords(nil, []byte(command))
		if !ok {
			m.t.Fatalf("unbalanced quotes: %s", line)
		}
		batch = resp.AppendCommand(batch, args...)
	}
	if line[0] == 'M' {
		go m.monitor.conn.Write(append(batch, "ECHO '"+marker+"'\r\n"...))
		return "", m.read()
	}
	c := m.client(line[0])
	go c.conn.Write(batch)
	if !strings.Contains(line, "BLPOP") {
		reply = showReply(c.reply())
	} else {
		waitFor(m.t, "a client to wait", func() bool {
			return strings.Contains(string(m.client('E').do("INFO", "clients")), "blocked_clients:1")
		})
	}
	m.client('E').do("ECHO", marker)
	return reply, m.read()
}

func (m *monitored) client(name byte) *rawConn {
	c := m.clients[name]
	if c == nil {
		c = newRawConn(m.t, m.dial())
		m.clients[name], m.names[c.conn.LocalAddr().String()] = c, string(name)
	}
	return c
}

const marker = "this is the end"

// read returns what the monitor gets up to the marker.
func (m *monitored) read() string {
	var seen strings.Builder
	for {
		b := string(m.monitor.reply())
		if head := monitorHead.FindStringSubmatch(b); head != nil {
			from := head[3]
			if name, ok := m.names[from]; ok {
				from = name
			} else if from == m.monitor.conn.LocalAddr().String() {
				from = "M"
			}
			b = fmt.Sprintf("+TIME [%s %s] %s", head[2], from, b[len(head[0]):])
		}
		switch marked := strings.Contains(b, marker); {
		case b == "" || marked && !strings.HasPrefix(b, "+TIME [0 M]"):
			return seen.String()
		case !marked && !strings.HasPrefix(b, "+TIME [0 E]"):
			seen.WriteString(b)
		}
	}
}

// monitorLines are lines for TestMonitorIsRedis.
const monitorLines = `
M MONITOR
M MONITOR
1 SET a 1
1 set "x y" "\x00\x01\"\\\n\r\t\a\b\xff\x7f~'"
1 NOSUCH x
1 GET a b
1 LPUSH a 1
1 GET ""
1 DEL a{1} a{2}
1 MGET a b
1 AUTH secret
1 ACL SETUSER bob on >pw ~* &* +@all
1 AUTH bob wrong
1 AUTH bob pw
1 HELLO 3 AUTH bob pw
1 HELLO 2 AUTH bob wrong SETNAME x
1 HELLO 2 SETNAME x AUTH bob pw
1 HELLO 2
1 CONFIG SET requirepass x
1 CONFIG SET requirepass ""
1 CONFIG GET maxmemory
1 ACL WHOAMI
1 MIGRATE 127.0.0.1 1 nokey 0 10 AUTH pw
1 MIGRATE 127.0.0.1 1 nokey 0 10 AUTH2 u pw KEYS a
1 MIGRATE 127.0.0.1 1 "" 0 10 COPY AUTH pw KEYS nokey{auth} {auth}
1 MULTI
1 SET q 1
2 SET p 1
1 AUTH bob pw
1 PING
1 INCR q
1 LPUSH q 1
1 MONITOR
1 NOSUCH
1 EXEC
1 MULTI
1 SET q 1
1 AUTH bob pw
1 PING
1 INCR q
1 LPUSH q 1
1 MONITOR
1 EXEC
1 MULTI
1 SET a 1
1 SET b 1
1 EXEC
1 MULTI
1 DISCARD
1 EXEC
1 WATCH q
2 SET q 2
1 MULTI
1 GET q
1 EXEC
1 WATCH q
1 UNWATCH
1 EVAL "redis.call('set',KEYS[1],ARGV[1]); redis.pcall('nosuch'); redis.pcall('lpush',KEYS[1],1); return redis.call('get',KEYS[1])" 1 k v
1 EVAL return x
1 EVAL "xx yy" 0
1 EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
1 EVAL "return redis.pcall('auth','a','b')" 0
1 EVAL "return redis.call('echo','a')" 0
1 EVAL_RO "return redis.call('get',KEYS[1])" 1 k
1 EVAL "return 1" 2 a b
1 MULTI
1 EVAL "return redis.call('get',KEYS[1])" 1 k
1 EXEC
1 FUNCTION LOAD "#!lua name=l\nredis.register_function('f',function(k) return redis.call('get',k[1]) end)"
1 FCALL f 1 k
1 SCRIPT LOAD "return 1"
3 BLPOP list 0
1 LPUSH list 1 2
1 CLIENT ID
1 CLIENT SETNAME z
1 CLIENT NO-EVICT on
1 CLIENT REPLY ON
1 PING
1 ECHO a
1 TIME
1 COMMAND COUNT
1 LASTSAVE
1 ROLE
1 CLUSTER KEYSLOT a
1 CLUSTER SAVECONFIG
1 DBSIZE
1 KEYS k*
1 SCAN 0
1 TOUCH k
1 OBJECT HELP
1 SORT nosuch
1 RESTORE a 0 xx
1 SET a 1 AUTH
1 ASKING
1 READONLY
1 READWRITE
1 FLUSHALL
1 RESET
4 CLIENT REPLY OFF;;SET muted 1;;CLIENT REPLY SKIP;;GET muted;;CLIENT REPLY ON
M PING
M PING x
M NOSUCH
M SET mm 1
M GET mm
M PUBLISH a b
M SUBSCRIBE ch;;UNSUBSCRIBE ch
5 SUBSCRIBE ch
2 PUBLISH ch m
2 SPUBLISH ch m
M MULTI;;DISCARD
M PING;;PING 2
M CLIENT REPLY OFF;;PING;;CLIENT REPLY ON
M HELLO 9
M HELLO 3
1 GET a
M RESET
M PING
M MONITOR
1 GET a
M QUIT
`

// TestMonitorIsRedis compares what MONITOR shows with redis-server, in cluster mode.
func TestMonitorIsRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: MONITOR was not compared with it")
	}
	addr := startRedis(t, "cluster")
	dialRedis := func() net.Conn { return dialTCP(t, addr) }
	c := newRawConn(t, dialRedis())
	waitFor(t, "cluster_state:ok", func() bool {
		return strings.Contains(string(c.do("CLUSTER", "INFO")), "cluster_state:ok")
	})
	settings := &fakeSettings{values: map[string]string{"requirepass": "", "maxmemory": "0"}}
	srv := startServer(t, Config{Cluster: newFakeCluster(), Scripts: luaengine.New(luaengine.Config{}), Settings: settings,
		Engine: engine.New(keyspace.New(keyspace.Config{}))})
	ourAddr := listen(t, srv)
	ours, theirs := newMonitored(t, func() net.Conn { return dialTCP(t, ourAddr) }), newMonitored(t, dialRedis)
	for line := range strings.Lines(strings.TrimSpace(monitorLines)) {
		line = strings.TrimSpace(line)
		ourReply, our := ours.run(line)
		theirReply, their := theirs.run(line)
		our, their = helloID.ReplaceAllString(our, ""), helloID.ReplaceAllString(their, "")
		if our != their {
			t.Errorf("%s (%s, at Redis %s)\n here %q\nRedis %q", line, ourReply, theirReply, our, their)
		}
	}
}

// TestMonitorHidesSecrets: where Redis shows what it did not get to in a wrong line, what
// may be a password is hidden here all the same.
func TestMonitorHidesSecrets(t *testing.T) {
	addr := listen(t, startServer(t, Config{Cluster: newFakeCluster()}))
	m := newMonitored(t, func() net.Conn { return dialTCP(t, addr) })
	m.run("M MONITOR")
	for line, want := range map[string]string{
		"AUTH a secret c":                           `"AUTH" "*" "*" "*"`,
		"HELLO 9 AUTH bob secret":                   `"HELLO" "9" "AUTH" "*" "*"`,
		"HELLO 3 NOPE AUTH bob secret":              `"HELLO" "3" "*" "*" "*" "*"`,
		"HELLO x AUTH bob secret":                   `"HELLO" "*" "*" "*" "*"`,
		"HELLO 2 AUTH secret":                       `"HELLO" "2" "AUTH" "*"`,
		"HELLO AUTH bob secret":                     `"HELLO" "AUTH" "*" "*"`,
		"HELLO 3 SETNAME n AUTH secret":             `"HELLO" "3" "SETNAME" "n" "AUTH" "*"`,
		"MIGRATE h 1 k 0 10 NOPE auth secret":       `"MIGRATE" "h" "1" "k" "0" "10" "*" "*" "*"`,
		"MIGRATE h 1 '' 0 10 AUTH secret KEYS auth": `"MIGRATE" "h" "1" "" "0" "10" "AUTH" "*" "KEYS" "auth"`,
		"MIGRATE h 1 auth 0 10 COPY":                `"MIGRATE" "h" "1" "auth" "0" "10" "COPY"`,
	} {
		_, seen := m.run("1 " + line)
		want = "+TIME [0 1] " + strings.ReplaceAll(want, `"*"`, `"(redacted)"`) + "\r\n"
		if seen != want {
			t.Errorf("%s\n is shown as %q\n not as     %q", line, seen, want)
		}
	}
}

// TestMonitorAddresses: a client of a Unix socket, a script and a call of the host program
// have no address.
func TestMonitorAddresses(t *testing.T) {
	srv := startServer(t, Config{Scripts: luaengine.New(luaengine.Config{})})
	path := filepath.Join(t.TempDir(), "sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(ln)
	dial := func() *rawConn {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return newRawConn(t, conn)
	}
	monitor := dial()
	monitor.do("MONITOR")
	dial().do("EVAL", "redis.call('get','a')", "0")
	if _, err := srv.Do(&Call{Args: byteWords("SET", "a", "1")}, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"unix:" + path + `] "EVAL" "redis.call('get','a')" "0"`, `lua] "get" "a"`,
		`go:0] "SET" "a" "1"`} {
		line := string(monitor.reply())
		if _, seen, _ := strings.Cut(line, " [0 "); seen != want+"\r\n" {
			t.Errorf("the monitor gets %q, want %q", line, want)
		}
	}
}

// TestMonitorEnds: RESET and the end of the connection end it, and then nothing is made for
// nobody.
func TestMonitorEnds(t *testing.T) {
	srv := startServer(t, Config{})
	first, second := connect(t, srv), pipeTo(t, srv)
	expect(t, first, "MONITOR", "+OK")
	expect(t, resp.NewConn(second), "MONITOR", "+OK")
	other := connect(t, srv)
	if list := do(t, other, "CLIENT LIST"); strings.Count(list, "flags=O ") != 2 {
		t.Errorf("CLIENT LIST shows %s, want two clients with the flag O", list)
	}
	expect(t, first, "RESET", "+RESET")
	second.Close()
	waitFor(t, "the second client to go", func() bool { return srv.Clients() == 2 })
	if srv.modes.Load() != 0 || len(srv.monitors.list) != 0 {
		t.Errorf("%d clients monitor, modes %b", len(srv.monitors.list), srv.modes.Load())
	}
	expect(t, first, "GET a", "nil")
}

// TestMonitorOwnTransaction: the lines about a client's own commands do not break into the
// reply of EXEC.
func TestMonitorOwnTransaction(t *testing.T) {
	addr := listen(t, startServer(t, Config{}))
	m := newMonitored(t, func() net.Conn { return dialTCP(t, addr) })
	m.run("M MONITOR")
	_, seen := m.run("M MULTI;;PING;;PING;;MONITOR;;EXEC")
	want := "+OK|+TIME [0 M] \"MULTI\"|+QUEUED|+QUEUED|+QUEUED|" +
		"*3|+PONG|+PONG|-ERR MONITOR isn't allowed for DENY BLOCKING client|" +
		"+TIME [0 M] \"PING\"|+TIME [0 M] \"PING\"|+TIME [0 M] \"EXEC\"|"
	if got := strings.ReplaceAll(seen, "\r\n", "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestMonitorOrder: the lines about one key are in the order of its changes, however many
// clients make them.
func TestMonitorOrder(t *testing.T) {
	const clients, each = 4, 300
	srv := startServer(t, Config{})
	monitor := newRawConn(t, pipeTo(t, srv))
	monitor.do("MONITOR")
	replies := make(chan [2]string, clients*each)
	for i := range clients {
		c := connect(t, srv)
		go func() {
			for j := range each {
				value := fmt.Sprint(i, ".", j)
				reply, err := c.Do("GETSET", "a", value)
				if err != nil {
					t.Error(err)
				}
				replies <- [2]string{reply.Text(), value}
			}
		}()
	}
	next := make(map[string]string, clients*each) // the value that was set after another
	shown := make([]string, 0, clients*each)
	for len(shown) < clients*each {
		line := string(monitor.reply())
		value := line[strings.LastIndex(line[:len(line)-3], `"`)+1 : len(line)-3]
		shown = append(shown, value)
		pair := <-replies
		next[pair[0]] = pair[1]
	}
	before := ""
	for i, value := range shown {
		if next[before] != value {
			t.Fatalf("line %d shows %s, but after %q came %q", i, value, before, next[before])
		}
		before = value
	}
}

// TestMonitorSlow: a client that does not read what it is shown is closed, and holds up
// nobody.
func TestMonitorSlow(t *testing.T) {
	srv := startServer(t, Config{})
	conn := pipeTo(t, srv)
	conn.SetDeadline(time.Now().Add(time.Minute))
	expect(t, resp.NewConn(conn), "MONITOR", "+OK")
	other := connect(t, srv)
	large := strings.Repeat("x", 1<<20)
	for range 50 {
		if _, err := other.Do("SET", "a", large); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the slow client to be closed", func() bool { return srv.Clients() == 1 })
}
