package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// What a client can repeat cheaply must not add up: it is bounded, or kept once.

// repeat sends a command n times, reads the replies and returns how many were want.
func repeat(conn net.Conn, n int, command, want string) int {
	go func() {
		batch := bytes.Repeat([]byte(command+"\r\n"), 100)
		for range n / 100 {
			if _, err := conn.Write(batch); err != nil {
				return
			}
		}
		io.WriteString(conn, "QUIT\r\n")
	}()
	got, _ := io.ReadAll(conn)
	return bytes.Count(got, []byte(want+"\r\n"))
}

func TestWatchOfOneKeyAgain(t *testing.T) {
	const n = 100_000
	abuse(t, Limits{}, func(t *testing.T, conn net.Conn) {
		if oks := repeat(conn, n, "WATCH k", "+OK"); oks != n+1 { // and that of QUIT
			t.Errorf("%d times OK, want %d", oks, n+1)
		}
	})
}

func TestWatchedKeysLimit(t *testing.T) {
	const limit = 100 << 10
	abuse(t, Limits{Query: resp.Limits{MaxQuery: limit}}, func(t *testing.T, conn net.Conn) {
		go func() {
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(conn, "WATCH {k}%d\r\n", i); err != nil {
					return
				}
			}
		}()
		got, _ := io.ReadAll(conn)
		if n := bytes.Count(got, []byte("+OK")); n == 0 || n > limit/watchOverhead {
			t.Errorf("%d keys were watched, then the connection closed", n)
		}
	})
}

// A transaction that EXEC will refuse keeps nothing.
func TestSpoiltTransactionKeepsNothing(t *testing.T) {
	abuse(t, Limits{Query: resp.Limits{MaxQuery: 1 << 20}}, func(t *testing.T, conn net.Conn) {
		go func() {
			io.WriteString(conn, "MULTI\r\nNONSENSE\r\n")
			set := resp.AppendCommand(nil, "SET", "k", strings.Repeat("v", 1000))
			for range 5000 {
				conn.Write(set)
			}
			io.WriteString(conn, "EXEC\r\nQUIT\r\n")
		}()
		got, _ := io.ReadAll(conn)
		if n := bytes.Count(got, []byte("+QUEUED")); n != 5000 {
			t.Errorf("%d times QUEUED, want 5000", n)
		}
		if want := []byte("-EXECABORT Transaction discarded because of previous errors.\r\n+OK\r\n"); !bytes.HasSuffix(got,
			want) {
			t.Errorf("the replies end in %q, want %q", got[max(0, len(got)-100):], want)
		}
	})
}

// Without limits given, those of Redis hold, also for transactions.
func TestDefaultLimits(t *testing.T) {
	got := startServer(t, Config{}).Limits().Query
	if want := (resp.Limits{MaxBulk: 512 << 20, MaxArgs: 1 << 20, MaxQuery: 1 << 30}); got != want {
		t.Errorf("limits %+v, want %+v", got, want)
	}
}

func TestClientTextsAreBounded(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	fits, long := strings.Repeat("n", maxClientText), strings.Repeat("n", maxClientText+1)
	for _, command := range []string{"CLIENT SETNAME ", "HELLO 2 SETNAME "} {
		expect(t, c, command+long, "-ERR Client names cannot be longer than 1024 bytes.")
		if got := do(t, c, command+fits); strings.HasPrefix(got, "-") {
			t.Errorf("%s with %d bytes: %s", command, len(fits), got)
		}
	}
	expect(t, c, "CLIENT SETINFO lib-name "+long, "-ERR lib-name cannot be longer than 1024 bytes.")
	expect(t, c, "CLIENT SETINFO LIB-VER "+fits, "+OK")
	expect(t, c, "CLIENT GETNAME", `"`+fits+`"`)
}

// The filters of CLIENT KILL take no more memory or stack however many there are; what is
// given twice holds as it was given last.
func TestClientKillOfManyFilters(t *testing.T) {
	srv := startServer(t, Config{})
	c, other := connect(t, srv), connect(t, srv)
	id := strings.TrimPrefix(do(t, other, "CLIENT ID"), ":")
	args := []string{"CLIENT", "KILL"}
	for range 100_000 {
		args = append(args, "ID", "1000000", "ADDR", "1.2.3.4:5", "TYPE", "normal")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := c.Do(args...)
	if err != nil || r.Int != 0 {
		t.Fatalf("%d connections killed, %v", r.Int, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.StackInuse - min(before.StackInuse, after.StackInuse); grown > 4<<20 {
		t.Errorf("the stacks grew by %d bytes", grown)
	}
	expect(t, c, "CLIENT KILL ID 1000000 ID "+id, ":1")
}

// A reply is no longer than the limit, however often a command names the same thing.
func TestCommandRepliesAreBounded(t *testing.T) {
	c := connect(t, startServer(t, Config{Limits: Limits{MaxOutput: 100 << 10}}))
	for _, command := range []string{"COMMAND DOCS", "COMMAND INFO"} {
		expect(t, c, command+strings.Repeat(" client", 1000), "-"+string(commands.ErrReplyTooBig))
		if got := do(t, c, command+" get"); strings.HasPrefix(got, "-") {
			t.Errorf("%s get: %s", command, got)
		}
	}
}

// Very short replies that a client does not take count with what it costs to keep them.
func TestShortRepliesCount(t *testing.T) {
	var o output
	o.init()
	o.state.Store(stateReplier)
	const n = backlogHigh/(replyOverhead+1) + 1
	for range n {
		o.enqueue([]byte("x"))
	}
	if got := o.pending(); got <= backlogHigh {
		t.Errorf("%d replies of a byte count as %d bytes: the session would go on beyond %d", n, got, backlogHigh)
	}
}

// What an idle client sent last is not kept.
func TestIdleSessionLetsGoOfItsCommand(t *testing.T) {
	srv := startServer(t, Config{Cluster: newFakeCluster()})
	c := connect(t, srv)
	expect(t, c, "PING", "+PONG")
	before := heapInUse()
	for _, args := range [][]string{
		{"EXISTS", strings.Repeat("k", 20<<20)},
		append([]string{"EXISTS"}, strings.Fields(strings.Repeat(" {k}", 500_000))...),
	} {
		if _, err := c.Do(args...); err != nil {
			t.Fatal(err)
		}
	}
	c.SendBytes([]byte("PING")) // the client's own buffer
	if _, err := c.Receive(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the memory of the commands", func() bool { return heapInUse()-before < 2<<20 })
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
