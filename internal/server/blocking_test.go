package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// blockingTest is a server in fake time, and clients of it.
type blockingTest struct {
	t    *testing.T
	srv  *Server
	dial func() *resp.Conn
}

// testBlocking runs fn in fake time, with a client that does not wait.
func testBlocking(t *testing.T, cfg Config, fn func(t *testing.T, b *blockingTest, admin *resp.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, cfg)
		b := &blockingTest{t, srv, func() *resp.Conn { return resp.NewConn(dial()) }}
		fn(t, b, b.dial())
		synctest.Wait()
		if n := srv.waiting.Load(); n != 0 {
			t.Errorf("%d clients wait at the end", n)
		}
		if n := srv.timed.Load(); n != 0 {
			t.Errorf("%d clients have a time-out at the end", n)
		}
		srv.Close()
	})
}

// waiter is a client that waits.
type waiter struct {
	t     *testing.T
	conn  *resp.Conn
	began time.Time
	reply chan string
}

// sleep lets fake time pass.
func (b *blockingTest) sleep(d time.Duration) { time.Sleep(d) }

// send makes a client of its own wait for what line asks, and returns once it waits.
func (b *blockingTest) send(line string) *waiter {
	return b.sendBy(b.dial(), line)
}

func (b *blockingTest) sendBy(conn *resp.Conn, line string) *waiter {
	w := &waiter{b.t, conn, time.Now(), make(chan string, 1)}
	go func() { w.reply <- do(b.t, conn, line) }()
	synctest.Wait()
	return w
}

// waits fails the test if the reply has come.
func (w *waiter) waits() {
	w.t.Helper()
	synctest.Wait()
	if len(w.reply) > 0 {
		w.t.Errorf("it does not wait, but has got %s", <-w.reply)
	}
}

// got fails the test unless the reply comes, after so long since the command.
func (w *waiter) got(want string, after time.Duration) {
	w.t.Helper()
	reply := <-w.reply
	if took := time.Since(w.began); reply != want || took != after {
		w.t.Errorf("got %s after %v, want %s after %v", reply, took, want, after)
	}
}

func TestBlockingTimesOut(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		w := b.send("BLPOP k 5")
		w.got("nil", 5*time.Second)
		b.send("BLPOP k 0.001").got("nil", time.Millisecond)
		b.send("BLPOP k 0.0001").got("nil", time.Millisecond)
		for value, want := range map[string]string{
			"-1":     "-ERR timeout is negative",
			"x":      "-ERR timeout is not a float or out of range",
			"nan":    "-ERR timeout is not a float or out of range",
			"inf":    "-ERR timeout is out of range",
			"1e16":   "-ERR timeout is out of range",
			"'1 '":   "-ERR timeout is not a float or out of range",
			"-0.001": "-ERR timeout is negative",
		} {
			expect(t, admin, "BLPOP k "+value, want)
		}
		expect(t, admin, "RPUSH k a", ":1") // nobody takes it any more
	})
}

func TestWaitersAreServedInTheirOrder(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		var list []*waiter
		for i := range 10 {
			list = append(list, b.send(fmt.Sprintf("BLPOP none%d k 0", i)))
		}
		if info := do(t, admin, "INFO clients"); !strings.Contains(info, `blocked_clients:10\r\n`) ||
			!strings.Contains(info, `clients_in_timeout_table:0\r\n`) {
			t.Error(info)
		}
		time.Sleep(time.Hour) // and no time-out of idle clients
		for i, w := range list {
			w.waits()
			expect(t, admin, fmt.Sprintf("RPUSH k %d", i), ":1")
			w.got(fmt.Sprintf(`["k", "%d"]`, i), time.Hour)
		}
		expect(t, admin, "EXISTS k", ":0")
	})
}

// TestMultiServesAsAWhole: the waiters see what a transaction leaves, and in one a command
// does not wait.
func TestMultiServesAsAWhole(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		first, second := b.send("BLPOP k l 0"), b.send("BLPOP k 9")
		expect(t, admin, "MULTI", "+OK")
		for _, line := range []string{"RPUSH l a", "RPUSH k b", "RPUSH k c", "BLPOP k 0", "BLPOP none 0"} {
			expect(t, admin, line, "+QUEUED")
		}
		expect(t, admin, "EXEC", `[:1, :1, :2, ["k", "b"], nil]`)
		first.got(`["l", "a"]`, 0)
		second.got(`["k", "c"]`, 0)
	})
}

// TestPipelineBehindBlocking: what a client sends while it waits is carried out afterwards,
// and what it sent before is answered before.
func TestPipelineBehindBlocking(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		c := b.dial()
		c.Send("PING")
		c.Send("BLPOP", "k", "0")
		c.Send("CLIENT", "REPLY", "SKIP")
		c.Send("BLPOP", "k", "0")
		big := strings.Repeat("x", 100_000)
		for range 50 {
			c.Send("SET", "big", big)
		}
		c.Send("STRLEN", "big")
		if err := c.Flush(); err != nil { // all of it is read while the client waits
			t.Fatal(err)
		}
		receive := func(want string) {
			t.Helper()
			reply, err := c.Receive()
			if got := render(reply); err != nil || got != want {
				t.Fatalf("got %s, %v, want %s", got, err, want)
			}
		}
		receive("+PONG")
		synctest.Wait()
		expect(t, admin, "EXISTS big", ":0")
		expect(t, admin, "RPUSH k a", ":1")
		receive(`["k", "a"]`)
		expect(t, admin, "RPUSH k b", ":1")
		for range 50 {
			receive("+OK")
		}
		receive(":100000")
	})
}

func TestClientUnblock(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		client := b.dial()
		id := strings.TrimPrefix(do(t, client, "CLIENT ID"), ":")
		expect(t, admin, "CLIENT UNBLOCK "+id, ":0")
		w := b.sendBy(client, "BLPOP k 10")
		if list := do(t, admin, "CLIENT LIST ID "+id); !strings.Contains(list, " flags=b ") ||
			!strings.Contains(list, " cmd=blpop ") {
			t.Error(list)
		}
		expect(t, admin, "CLIENT UNBLOCK "+id, ":1")
		expect(t, admin, "CLIENT UNBLOCK "+id, ":0")
		w.got("nil", 0)
		w = b.sendBy(client, "BLPOP k 10")
		expect(t, admin, "CLIENT UNBLOCK "+id+" ERROR", ":1")
		w.got("-UNBLOCKED client unblocked via CLIENT UNBLOCK", 0)
		w = b.sendBy(client, "BLPOP k 10")
		time.Sleep(time.Second)
		expect(t, admin, "CLIENT UNBLOCK "+id+" timeout", ":1")
		w.got("nil", time.Second)
		expect(t, admin, "CLIENT UNBLOCK "+id+" NOW", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		expect(t, admin, "CLIENT UNBLOCK x", "-ERR value is not an integer or out of range")
		expect(t, admin, "CLIENT UNBLOCK 12345", ":0")
		expect(t, admin, "RPUSH k a", ":1")
		expect(t, client, "BLPOP k 1", `["k", "a"]`)
		if list := do(t, admin, "CLIENT LIST ID "+id); !strings.Contains(list, " flags=N ") {
			t.Error(list)
		}
	})
}

// TestGoneWaiterTakesNothing: a client that hangs up, or is killed, gets no element.
func TestGoneWaiterTakesNothing(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		gone := b.dial()
		b.sendBy(gone, "BLPOP k 0")
		killed := b.dial()
		id := strings.TrimPrefix(do(t, killed, "CLIENT ID"), ":")
		k := b.sendBy(killed, "BLPOP k 0")
		stays := b.send("BLPOP k 0")
		gone.Close()
		synctest.Wait()
		expect(t, admin, "MULTI", "+OK")
		expect(t, admin, "CLIENT KILL ID "+id, "+QUEUED")
		expect(t, admin, "RPUSH k a b", "+QUEUED")
		expect(t, admin, "EXEC", "[:1, :2]")
		k.got("closed", 0)
		stays.got(`["k", "a"]`, 0)
		expect(t, admin, "LLEN k", ":1")
	})
}

// TestBlockingInPause: a pause holds back the command and the write that would serve it,
// not the end of a wait.
func TestBlockingInPause(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		before, served := b.send("BLPOP j 1"), b.send("BLPOP k 0")
		b.srv.Pause(3*time.Second, true)
		during := b.send("BLPOP l 1")
		push := b.send("RPUSH k a")
		before.got("nil", time.Second)
		push.got(":1", 3*time.Second)
		served.got(`["k", "a"]`, 3*time.Second)
		during.got("nil", 4*time.Second)
	})
}

// TestBlockingFollowsTheCluster: what ends the slot's, or the master's, time here ends the
// wait as in Redis.
func TestBlockingFollowsTheCluster(t *testing.T) {
	cluster := newFakeCluster()
	testBlocking(t, Config{Cluster: cluster}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		w, stays := b.send("BLPOP foo 0"), b.send("BLPOP bar 0")
		top := cluster.top
		lost := slots.NewSet(slots.OfString("foo"))
		mine := slots.Full()
		mine.Subtract(&lost)
		other, _ := slots.ParseNodeID(strings.Repeat("b", 40))
		moved := top
		self := top.Nodes[0]
		self.Slots = &mine
		moved.Version++
		there := slots.Addr{Host: "10.0.0.3", Port: 7003}
		moved.Nodes = []slots.Node{self, {ID: other, Addr: there, ConfigEpoch: 9, Slots: &lost}}
		cluster.use(moved)
		w.got("-MOVED 12182 10.0.0.3:7003", 0)
		stays.waits()

		down := moved
		down.Version++
		down.State = slots.Down
		cluster.use(down)
		stays.got("-CLUSTERDOWN The cluster is down", 0)
		moved.Version += 2
		cluster.use(moved)

		client := b.dial()
		w = b.sendBy(client, "BLPOP bar 0")
		demoted := moved
		demoted.Version++
		self.Slots, self.Master = nil, other
		all := slots.Full()
		demoted.Nodes = []slots.Node{self, {ID: other, Addr: moved.Nodes[1].Addr, ConfigEpoch: 10, Slots: &all}}
		cluster.use(demoted)
		w.got("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", 0)
		expect(t, client, "PING", "closed")
	})
}

// TestWaitAgainKeepsTimeAndOrder: a command that is carried out once more keeps its place
// and its time-out.
func TestWaitAgainKeepsTimeAndOrder(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		first, second, third := b.send("BLPOP k 3"), b.send("BLPOP k 4"), b.send("BLPOP k 2")
		for range 3 {
			time.Sleep(time.Second / 2)
			all := slots.Full()
			b.srv.engine.Store().WakeWaiters(&all)
			synctest.Wait()
		}
		third.got("nil", 2*time.Second)
		expect(t, admin, "RPUSH k a", ":1")
		first.got(`["k", "a"]`, 2*time.Second)
		second.got("nil", 4*time.Second)
	})
}

// TestBlockingCall: a call waits until its context ends, and takes nothing then.
func TestBlockingCall(t *testing.T) {
	testBlocking(t, Config{}, func(t *testing.T, b *blockingTest, admin *resp.Conn) {
		call := func(ctx context.Context, timeout string) (string, error) {
			args := [][]byte{[]byte("BLPOP"), []byte("k"), []byte(timeout)}
			reply, err := b.srv.Do(&Call{Args: args, Context: ctx}, nil)
			return string(reply), err
		}
		began := time.Now()
		if reply, err := call(nil, "2"); reply != "_\r\n" || err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("%q, %v after %v", reply, err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := call(ctx, "0"); !errors.Is(err, ErrWouldWait) || ctx.Err() == nil {
			t.Error(err)
		}
		if _, err := call(ctx, "0"); !errors.Is(err, ErrWouldWait) {
			t.Error(err)
		}
		expect(t, admin, "RPUSH k a", ":1")
		if reply, err := call(ctx, "0"); !strings.Contains(reply, "a") || err != nil {
			t.Errorf("%q, %v", reply, err)
		}
		push := &Call{Args: [][]byte{[]byte("RPUSH"), []byte("k"), []byte("b")}}
		time.AfterFunc(time.Second, func() { b.srv.Do(push, nil) })
		if reply, err := call(t.Context(), "5"); !strings.Contains(reply, "b") || err != nil {
			t.Errorf("%q, %v", reply, err)
		}
	})
}
