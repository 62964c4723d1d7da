package server

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// What follows must end in an error or a closed connection, with bounded memory, and
// another client must not notice.

// abuse runs fn on a raw connection while another client is being served.
func abuse(t *testing.T, limits Limits, fn func(t *testing.T, conn net.Conn)) {
	t.Helper()
	srv := startServer(t, Config{Cluster: newFakeCluster(), Limits: limits})
	other := connect(t, srv)
	expect(t, other, "SET k v", "+OK")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn(t, pipeTo(t, srv))
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 8<<20 && !raceDetector {
		t.Errorf("the server allocated %d bytes", grown)
	}
	expect(t, other, "GET k", `"v"`)
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func TestHugeLengthPrefix(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"bulk of 1 GB": {"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1073741824\r\n",
			"-ERR Protocol error: invalid bulk length\r\n"},
		"a billion arguments": {"*1000000000\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		"a line without end":  {"*" + strings.Repeat("1", 65<<10), "-ERR Protocol error: too big mbulk count string\r\n"},
		"an inline of no end": {strings.Repeat("a", 65<<10), "-ERR Protocol error: too big inline request\r\n"},
		"a length of no end": {"*1\r\n$" + strings.Repeat("1", 65<<10),
			"-ERR Protocol error: too big bulk count string\r\n"},
		"not even a bulk":      {"*1\r\nPING\r\n", "-ERR Protocol error: expected '$', got 'P'\r\n"},
		"unprintable type":     {"*1\r\n\x01", "-ERR Protocol error: expected '$', got '\\x01'\r\n"},
		"negative bulk length": {"*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			abuse(t, Limits{}, func(t *testing.T, conn net.Conn) {
				go io.WriteString(conn, c.text)
				got, _ := io.ReadAll(conn)
				if string(got) != c.want {
					t.Errorf("got %q, then closed; want %q", got, c.want)
				}
			})
		})
	}
}

// A length that is allowed, and nothing of what it promises: the server waits,
// without the memory.
func TestHalfACommand(t *testing.T) {
	abuse(t, Limits{}, func(t *testing.T, conn net.Conn) {
		send(t, conn, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nhalf")
		conn.SetReadDeadline(time.Unix(1, 0))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == io.EOF {
			t.Errorf("read %d bytes, %v; want silence", n, err)
		}
	})
}

func TestStrangersMaySendLittle(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"arguments": {"*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"},
		"bulk":      {"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := startServer(t, Config{Limits: Limits{Password: "secret"}})
			conn := pipeTo(t, srv)
			go io.WriteString(conn, c.text)
			if got, _ := io.ReadAll(conn); string(got) != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestQueryBufferLimit(t *testing.T) {
	abuse(t, Limits{Query: resp.Limits{MaxQuery: 100 << 10}}, func(t *testing.T, conn net.Conn) {
		go func() {
			io.WriteString(conn, "*2\r\n$4\r\nECHO\r\n$1000000\r\n")
			for range 100 {
				if _, err := conn.Write(make([]byte, 10_000)); err != nil {
					return
				}
			}
		}()
		if got, _ := io.ReadAll(conn); len(got) != 0 {
			t.Errorf("got %q, want a closed connection without a word", got)
		}
	})
}

// The commands of a transaction count as one, with what it takes to remember them.
func TestQueuedCommandsLimit(t *testing.T) {
	const limit = 100 << 10
	abuse(t, Limits{Query: resp.Limits{MaxQuery: limit}}, func(t *testing.T, conn net.Conn) {
		go func() {
			io.WriteString(conn, "MULTI\r\n")
			for {
				if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
					return
				}
			}
		}()
		got, _ := io.ReadAll(conn)
		if n := bytes.Count(got, []byte("+QUEUED")); n == 0 || n > limit/64 {
			t.Errorf("%d commands were queued", n)
		}
	})
}

func TestBinaryNoise(t *testing.T) {
	for seed := range uint64(20) {
		abuse(t, Limits{}, func(t *testing.T, conn net.Conn) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			noise := make([]byte, 100<<10)
			for i := range noise {
				noise[i] = byte(rnd.Uint32())
			}
			go func() {
				conn.Write(noise)
				io.WriteString(conn, "\r\nQUIT\r\n")
				conn.Close()
			}()
			io.Copy(io.Discard, conn)
		})
	}
}

// twoHosts returns a server that listens on an in-memory network, and a way to
// dial it.
func twoHosts(t *testing.T, cfg Config) (*Server, func() net.Conn) {
	t.Helper()
	network := memnet.New()
	ln, err := network.Host("10.0.0.1").Listen("10.0.0.1:7001")
	if err != nil {
		t.Fatal(err)
	}
	srv := startServer(t, cfg)
	go srv.Serve(ln)
	return srv, func() net.Conn {
		conn, err := network.Host("10.0.0.2").Dial(t.Context(), "10.0.0.1:7001")
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

// A client that sends and never reads is closed once it has taken nothing for the
// time allowed, and costs a bounded amount of memory until then.
func TestClientThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{Limits: Limits{WriteTimeout: 10 * time.Second}})
		good := resp.NewConn(dial())
		expect(t, good, "SET k "+strings.Repeat("v", 10_000), "+OK")
		bad := dial()
		began := time.Now()
		get := bytes.Repeat([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), 100)
		for sent := 0; ; sent += len(get) {
			if _, err := bad.Write(get); err != nil {
				break
			}
			var m runtime.MemStats
			if sent%(100*len(get)) == 0 {
				if runtime.ReadMemStats(&m); m.HeapAlloc > 200<<20 {
					t.Fatalf("%d MB in use", m.HeapAlloc>>20)
				}
			}
		}
		if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("closed after %v, want 10 s or little more", took)
		}
		expect(t, good, "STRLEN k", ":10000")
		synctest.Wait()
		if n := srv.Clients(); n != 1 {
			t.Errorf("%d clients, want 1", n)
		}
		bad.Close()
		good.Close()
		srv.Close()
	})
}

// A client that writes everything before it reads anything gets all replies, in
// order.
func TestClientThatReadsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{})
		conn := dial()
		c := resp.NewConn(conn)
		const n = 3000
		value := strings.Repeat("v", 1000)
		for i := range n {
			c.Send("SET", "k", value+strconv.Itoa(i))
			c.Send("GET", "k")
		}
		c.Send("QUIT")
		began := time.Now()
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the server kept a writing client waiting for %v", took)
		}
		for i := range n {
			if r, err := c.Receive(); err != nil || string(r.Str) != "OK" {
				t.Fatalf("reply to SET %d: %q, %v", i, r.Str, err)
			}
			if r, err := c.Receive(); err != nil || string(r.Str) != value+strconv.Itoa(i) {
				t.Fatalf("reply to GET %d: %d bytes, %v", i, len(r.Str), err)
			}
		}
		if r, err := c.Receive(); err != nil || string(r.Str) != "OK" {
			t.Fatalf("reply to QUIT: %q, %v", r.Str, err)
		}
		if _, err := c.Receive(); err != io.EOF {
			t.Fatalf("after QUIT: %v, want EOF", err)
		}
		conn.Close()
		srv.Close()
	})
}
