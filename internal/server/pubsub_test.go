package server

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// recorder is a Messenger that notes what it is asked.
type recorder struct {
	mu      sync.Mutex
	asked   []string
	waiting time.Duration // what AwaitInterest takes
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, fmt.Sprintf(format, args...))
}

func (r *recorder) Publish(channel, payload []byte) { r.note("publish %s %s", channel, payload) }

func (r *recorder) PublishShard(slot slots.Slot, channel, payload []byte) {
	r.note("spublish %d %s %s", slot, channel, payload)
}

func (r *recorder) AwaitInterest(<-chan struct{}) {
	r.note("await")
	time.Sleep(r.waiting)
}

// TestSocketWaitsForOtherNodes: so does a session that writes to its socket itself.
func TestSocketWaitsForOtherNodes(t *testing.T) {
	messages := &recorder{}
	addr := listen(t, startServer(t, Config{Cluster: newFakeCluster(), Messages: messages}))
	for _, line := range []string{"SUBSCRIBE a", "PSUBSCRIBE a*", "SSUBSCRIBE a"} {
		c := resp.NewConn(dialTCP(t, addr))
		do(t, c, line)
		messages.mu.Lock()
		if asked := strings.Join(messages.asked, " "); asked != "await" {
			t.Errorf("%s is confirmed after %q", line, asked)
		}
		messages.asked = nil
		messages.mu.Unlock()
	}
}

// TestOtherNodesLearnOfMessages: a subscription is confirmed when the other nodes know of it;
// each message is handed to them once, those of channels of shards with their slot.
func TestOtherNodesLearnOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		messages := &recorder{waiting: 20 * time.Millisecond}
		srv, c := withScripts(t, Config{Cluster: newFakeCluster(), Messages: messages})
		sub := connect(t, srv)
		began := time.Now()
		for _, step := range []struct {
			line string
			took time.Duration
		}{{"SUBSCRIBE a", messages.waiting}, {"SUBSCRIBE a", 0}, {"PSUBSCRIBE a*", messages.waiting},
			{"SSUBSCRIBE b", messages.waiting}, {"SUNSUBSCRIBE b", 0}, {"UNSUBSCRIBE nothing", 0}} {
			began = time.Now()
			do(t, sub, step.line)
			if took := time.Since(began); took != step.took {
				t.Errorf("%s took %v, want %v", step.line, took, step.took)
			}
		}
		expect(t, c, "PUBLISH a 1", ":2")
		expect(t, c, "SPUBLISH b 2", ":0")
		if got := ask(t, c, "EVAL", "publish a 3\nspublish b 4", "1", "b"); got != "0" {
			t.Errorf("the script returns %s", got)
		}
		want := "await await await publish a 1 spublish 3300 b 2 publish a 3 spublish 3300 b 4"
		if got := strings.Join(messages.asked, " "); got != want {
			t.Errorf("asked\n%s, want\n%s", got, want)
		}
	})
}

// TestScriptPublishesOnce: the messages of a script that has to run again arrive once, after
// the transaction.
func TestScriptPublishesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, c := withScripts(t, Config{Cluster: newFakeCluster()})
		sub, slot := connect(t, srv), slots.OfString("{a}")
		do(t, sub, "SUBSCRIBE ch")
		e := srv.engine
		e.Store().View(slot, func(*keyspace.Tx) error {
			e.Freeze(slot, 1, []byte("{a}2"))
			return nil
		})
		time.AfterFunc(time.Second, func() { e.Commit(slot, 1, nil, nil) })
		if got := ask(t, c, "EVAL", "publish ch once\nincr {a}2\npublish ch twice", "1", "{a}1"); got != "1" {
			t.Errorf("the script returns %s", got)
		}
		expectNext(t, sub, `["message", "ch", "once"]`)
		expectNext(t, sub, `["message", "ch", "twice"]`)
		expect(t, sub, "PING", `["pong", ""]`)
		if got := ask(t, c, "EVAL", "publish ch kept\nnonsense", "0"); !strings.HasPrefix(got, "ERR") {
			t.Errorf("the script returns %s", got)
		}
		expectNext(t, sub, `["message", "ch", "kept"]`) // an error takes nothing back
	})
}

// TestScriptPublishesTooMuch: what waits for the end of a script is bounded.
func TestScriptPublishesTooMuch(t *testing.T) {
	_, c := withScripts(t, Config{Cluster: newFakeCluster(), Limits: Limits{ScriptMemory: 1000}})
	got := ask(t, c, "EVAL", "publish ch "+strings.Repeat("x", 600)+"\npublish ch "+strings.Repeat("x", 600), "0")
	if !strings.HasPrefix(got, string(errStagedTooBig)) {
		t.Errorf("got %s", got)
	}
	if got := ask(t, c, "EVAL", "publish ch "+strings.Repeat("x", 600), "0"); got != "0" {
		t.Errorf("the next script: %s", got)
	}
}

// TestSubscriberGoes: nothing is kept of a client that is gone.
func TestSubscriberGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := startServer(t, Config{})
		conn := pipeTo(t, srv)
		c := resp.NewConn(conn)
		for _, line := range []string{"SUBSCRIBE a", "PSUBSCRIBE a", "SSUBSCRIBE a"} {
			do(t, c, line)
		}
		conn.Close()
		synctest.Wait()
		for _, kind := range []pubsub.Kind{pubsub.Channel, pubsub.Pattern, pubsub.Shard} {
			if n := srv.cfg.Pubsub.Len(kind); n != 0 {
				t.Errorf("kind %d: %d names are left", kind, n)
			}
		}
		srv.Close()
	})
}

// TestSubscriptionsAreBounded: what a client subscribes to counts, and is bounded by what a
// command may take.
func TestSubscriptionsAreBounded(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{Query: resp.Limits{MaxQuery: 8000}}})
	c, admin := connect(t, srv), connect(t, srv)
	before := totalMemory(t, admin)
	name := strings.Repeat("n", 1000)
	do(t, c, "SUBSCRIBE "+name)
	if grown := totalMemory(t, admin) - before; grown < 1000 {
		t.Errorf("a subscription counts %d bytes", grown)
	}
	closed := false
	for i := range 20 {
		if closed = do(t, c, fmt.Sprintf("SUBSCRIBE %s%d", name, i)) == "closed"; closed {
			break
		}
	}
	if !closed {
		t.Error("a client may have as many subscriptions as it likes")
	}
}

// totalMemory adds up what the clients take, as CLIENT LIST has it.
func totalMemory(t *testing.T, c *resp.Conn) (sum int) {
	for line := range strings.Lines(do(t, c, "CLIENT LIST TYPE pubsub")) {
		if _, rest, ok := strings.Cut(line, "tot-mem="); ok {
			n := 0
			fmt.Sscan(rest, &n)
			sum += n
		}
	}
	return sum
}

// TestCallsOfMessages: the host program and other nodes may publish, not subscribe.
func TestCallsOfMessages(t *testing.T) {
	srv := startServer(t, Config{Cluster: newFakeCluster()})
	sub := connect(t, srv)
	do(t, sub, "SUBSCRIBE a")
	do(t, sub, "SSUBSCRIBE b")
	call := func(args ...string) string {
		line := make([][]byte, len(args))
		for i, arg := range args {
			line[i] = []byte(arg)
		}
		b, err := srv.Do(&Call{Args: line}, nil)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	for _, c := range []struct{ want, line string }{
		{":1\r\n", "PUBLISH a 1"}, {":1\r\n", "SPUBLISH b 2"}, {":0\r\n", "PUBSUB NUMPAT"},
		{ErrNotCallable.Error(), "SUBSCRIBE a"}, {ErrNotCallable.Error(), "SSUBSCRIBE a"},
		{ErrNotCallable.Error(), "SUNSUBSCRIBE"}, {ErrNotCallable.Error(), "PUNSUBSCRIBE"},
	} {
		if got := call(strings.Fields(c.line)...); got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
	expectNext(t, sub, `["message", "a", "1"]`)
	expectNext(t, sub, `["smessage", "b", "2"]`)
}

// TestLosesRightToChannel: a user that loses the right to a channel loses the connections
// that have subscribed to it, the one that takes it away after its reply.
func TestLosesRightToChannel(t *testing.T) {
	srv := startServer(t, Config{})
	admin := connect(t, srv)
	expect(t, admin, "ACL SETUSER u on nopass +@all ~* resetchannels &a* &b*", "+OK")
	as := func(lines ...string) *listener {
		l := listenTo(t, srv)
		l.expect(t, "HELLO 3 AUTH u p", "%")
		for _, line := range lines {
			l.expect(t, line, ">")
		}
		return l
	}
	stays, without, literal, own := as("SUBSCRIBE a1", "SSUBSCRIBE a2"), as(), as("PSUBSCRIBE b*"), as("SUBSCRIBE b1")
	own.expect(t, "ACL SETUSER u resetchannels &a* &b**", "+OK")
	literal.expect(t, "", "closed") // its pattern is not allowed by its letters
	own.expect(t, "ACL SETUSER u resetchannels &a*", "+OK")
	own.expect(t, "", "closed")
	stays.expect(t, "PING", "+PONG")
	without.expect(t, "PING", "+PONG")
	without.expect(t, "SUBSCRIBE b1",
		"-NOPERM this user has no permissions to access one of the channels used as arguments")
}

// TestSubscribesAsRightGoes: a user that loses a right while its clients use it is left with
// no subscription.
func TestSubscribesAsRightGoes(t *testing.T) {
	srv := startServer(t, Config{})
	admin := connect(t, srv)
	for i := range 50 {
		expect(t, admin, "ACL SETUSER u on nopass +@all resetchannels &a", "+OK")
		near, far := net.Pipe()
		go srv.ServeConn(far)
		c := resp.NewConn(near)
		do(t, c, "AUTH u p")
		done := make(chan string, 1)
		go func() { done <- do(t, c, "SUBSCRIBE a") }()
		expect(t, admin, "ACL SETUSER u resetchannels", "+OK")
		got := <-done
		if got != "closed" && !strings.HasPrefix(got, "-NOPERM") {
			got = do(t, c, "PING") // it was confirmed, and closed then
		}
		if got != "closed" && !strings.HasPrefix(got, "-NOPERM") {
			t.Errorf("round %d: %s", i, got)
		}
		near.Close()
	}
}

// TestPausedPublish: a pause of writes holds messages, too.
func TestPausedPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := startServer(t, Config{})
		c := connect(t, srv)
		for _, lines := range [][]string{{"PUBLISH a 1"}, {"SPUBLISH a 1"}, {"MULTI", "PUBLISH a 1", "EXEC"}} {
			srv.Pause(time.Second, true)
			began := time.Now()
			for _, line := range lines {
				do(t, c, line)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("%s took %v", lines[0], took)
			}
		}
		srv.Pause(time.Second, true)
		began := time.Now()
		do(t, c, "PUBSUB NUMPAT")
		if took := time.Since(began); took != 0 {
			t.Errorf("PUBSUB took %v", took)
		}
	})
}
