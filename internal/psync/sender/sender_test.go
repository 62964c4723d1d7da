package sender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// node is a master in a bubble of testing/synctest, with followers by hand.
type node struct {
	t       *testing.T
	store   *keyspace.Store
	streams *Streams
	network *memnet.Network
	ln      net.Listener
	life    context.Context
}

func newNode(t *testing.T, cfg Config) *node {
	n := &node{t: t, network: memnet.New()}
	log := replicator.NewBacklog(0)
	n.store = keyspace.New(keyspace.Config{Sink: log})
	var end context.CancelFunc
	n.life, end = context.WithCancel(context.Background())
	var running sync.WaitGroup
	cfg.Store, cfg.Log, cfg.Standalone = n.store, log, true
	cfg.Spawn = func(fn func(context.Context)) { running.Go(func() { fn(n.life) }) }
	n.streams = NewStreams(cfg)
	var err error
	if n.ln, err = n.network.Host("10.0.0.1").Listen("10.0.0.1:6379"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		n.ln.Close()
		running.Wait()
	})
	return n
}

// update makes a change of a key.
func (n *node) update(fn func(tx *keyspace.Tx) error) {
	n.t.Helper()
	if err := n.store.Update(slots.Slot(0), fn); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) set(key, value string) {
	n.t.Helper()
	n.update(func(tx *keyspace.Tx) error { return tx.Put([]byte(key), keyspace.String, []byte(value), 0) })
}

func (n *node) push(key string, values ...string) {
	n.t.Helper()
	n.update(func(tx *keyspace.Tx) error {
		l, err := tx.List([]byte(key))
		for i := 0; err == nil && i < len(values); i++ {
			err = l.PushBack([]byte(values[i]))
		}
		return err
	})
}

// peer is a follower's end of a connection.
type peer struct {
	n      *node
	conn   net.Conn
	sender *Sender
	ended  chan error
	in     []byte
}

func (n *node) follow(req Request) *peer {
	n.t.Helper()
	accepted := make(chan net.Conn)
	go func() {
		conn, _ := n.ln.Accept()
		accepted <- conn
	}()
	conn, err := n.network.Host("10.0.0.2").Dial(n.life, "10.0.0.1:6379")
	if err != nil {
		n.t.Fatal(err)
	}
	p := &peer{n: n, conn: conn, sender: n.streams.Sender(req), ended: make(chan error, 1)}
	server := <-accepted
	ctx, cancel := context.WithCancel(n.life)
	go func() {
		io.Copy(io.Discard, server) // as the session, which reads what the follower says
		cancel()
	}()
	go func() {
		err := p.sender.Run(ctx, server)
		server.Close()
		p.ended <- err
	}()
	n.t.Cleanup(func() { conn.Close() })
	return p
}

// until reads until what has come has a text.
func (p *peer) until(text string) string {
	p.n.t.Helper()
	return p.times(1, text)
}

// times reads until what has come has a text n times.
func (p *peer) times(n int, text string) string {
	p.n.t.Helper()
	buf := make([]byte, 64<<10)
	for bytes.Count(p.in, []byte(text)) < n {
		p.conn.SetReadDeadline(time.Now().Add(time.Minute))
		k, err := p.conn.Read(buf)
		if err != nil {
			p.n.t.Fatalf("%q has not come, but %.300q: %v", text, p.in, err)
		}
		p.in = append(p.in, buf[:k]...)
	}
	return string(p.in)
}

// synced is a follower that has the file; its stream begins with what in holds.
func (n *node) synced(req Request) (p *peer, id string) {
	n.t.Helper()
	req.EOF = true
	p = n.follow(req)
	words := strings.Fields(p.line())
	if words[0] != "+FULLRESYNC" {
		n.t.Fatal(words)
	}
	p.until(strings.TrimPrefix(p.line(), "$EOF:")) // the file is all that comes before an acknowledgement
	p.in = nil
	p.sender.Heard(0)
	p.until(selected)
	return p, words[1]
}

// line takes a line out of what comes.
func (p *peer) line() string {
	p.n.t.Helper()
	line, rest, _ := strings.Cut(p.until("\r\n"), "\r\n")
	p.in = []byte(rest)
	return line
}

const selected = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"

func wire(words ...string) string { return string(resp.AppendCommand(nil, words...)) }

// commands returns the commands that in has, and how many bytes of them are whole.
func commands(in []byte) (list []string, whole int) {
	p := resp.NewParser(resp.Limits{}.WithDefaults())
	for r := bytes.NewReader(in); ; {
		args, err := p.Next()
		switch {
		case err != nil:
			return append(list, err.Error()), whole
		case args != nil:
			list = append(list, string(bytes.Join(args, []byte(" "))))
			whole = len(in) - r.Len() - p.Buffered()
		default:
			if _, err := p.Fill(r); err != nil {
				return list, whole
			}
		}
	}
}

func (p *peer) gone(want error) {
	p.n.t.Helper()
	if err := <-p.ended; want != nil && !errors.Is(err, want) {
		p.n.t.Errorf("Run has returned %v, want %v", err, want)
	}
}

func (n *node) syncs(want Syncs) {
	n.t.Helper()
	if got := n.streams.Syncs(); got != want {
		n.t.Errorf("syncs: %+v, want %+v", got, want)
	}
}

// The link is cut in the middle of a key that is sent as a whole, with others due at the same
// time: nothing of them is lost for the follower that comes back.
func TestResumeInTheMiddleOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, Config{Limits: func() Limits { return Limits{Backlog: 16 << 20} }})
		p, id := n.synced(Request{Renames: true})
		const keys = 40
		for i := range keys {
			n.push(fmt.Sprint("list", i), strings.Repeat(fmt.Sprint(i), 20_000), "end")
		}
		n.set("a", "1")
		p.until("RESTORE")
		all := p.in
		p.conn.Close()
		p.gone(nil)
		n.push("list0", "more")

		_, whole := commands(all)
		q := n.follow(Request{ID: id, Offset: int64(whole), Renames: true})
		if got := q.line(); got != "+CONTINUE "+id {
			t.Fatal(got)
		}
		q.in = append(all[:whole:whole], q.in...)
		q.times(2, wire("RESTORE", "list0")[len("*2\r\n"):])
		n.set("b", "last")
		q.until(wire("SET", "b", "last"))
		list, _ := commands(q.in)
		restored := map[string]int{}
		for _, c := range list {
			if words := strings.SplitN(c, " ", 3); words[0] == "RESTORE" {
				restored[words[1]]++
			}
		}
		if len(restored) != keys || restored["list0"] != 2 || list[len(list)-1] != "SET b last" {
			t.Errorf("%d keys were sent, %d times list0, and at the end %.60q", len(restored), restored["list0"],
				list[len(list)-1])
		}
		n.syncs(Syncs{Full: 1, Partial: 1})
	})
}

// What a follower has missed is kept for a time, and up to a size.
func TestStreamsAreForgotten(t *testing.T) {
	for name, miss := range map[string]func(n *node){
		"time": func(*node) { time.Sleep(time.Minute + time.Second) },
		"size": func(n *node) { n.set("a", strings.Repeat("x", 30_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, Config{Limits: func() Limits { return Limits{20_000, time.Minute} }})
				p, id := n.synced(Request{})
				n.set("a", "1")
				p.until(wire("SET", "a", "1"))
				p.conn.Close()
				p.gone(nil)
				time.Sleep(50 * time.Second)
				q := n.follow(Request{ID: id, Offset: int64(len(selected))})
				q.until("+CONTINUE\r\n" + wire("SET", "a", "1"))
				q.conn.Close()
				q.gone(nil)
				miss(n)
				synctest.Wait()
				if len(n.streams.kept) != 0 {
					t.Error("a stream that nobody can go on with is kept")
				}
				n.synced(Request{ID: id, Offset: int64(len(selected))})
				n.syncs(Syncs{Full: 2, Partial: 1, Refused: 1})
			})
		})
	}
}

// A follower whose link is dead without having ended takes its stream back; one that is there
// keeps it.
func TestStreamOfAnotherConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, Config{})
		p, id := n.synced(Request{})
		n.synced(Request{ID: id, Offset: 0})
		n.syncs(Syncs{Full: 2, Refused: 1})
		time.Sleep(silenceLimit + time.Millisecond)
		q := n.follow(Request{ID: id, Offset: 0})
		q.until("+CONTINUE\r\n" + selected)
		p.gone(context.Canceled)
		n.syncs(Syncs{Full: 2, Partial: 1, Refused: 1})
	})
}

// Of the streams without followers the oldest are given up.
func TestManyAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, Config{})
		var ids []string
		for range maxKept + 2 {
			p, id := n.synced(Request{})
			ids = append(ids, id)
			p.conn.Close()
			p.gone(nil)
			synctest.Wait()
		}
		if len(n.streams.kept) != maxKept {
			t.Errorf("%d are kept", len(n.streams.kept))
		}
		n.synced(Request{ID: ids[1], Offset: 0})
		n.follow(Request{ID: ids[2], Offset: 0}).until("+CONTINUE")
	})
}

// libraries are sources of functions that can be changed.
type libraries struct {
	mu      sync.Mutex // guards what follows
	sources map[string][]byte
	version uint64
}

func (l *libraries) Version() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version
}

func (l *libraries) Sources() (map[string][]byte, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sources, l.version
}

func (l *libraries) set(sources map[string][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sources = sources
	l.version++
}

// Functions that change while the follower is away are among what it has missed.
func TestFunctionsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		libs := &libraries{}
		lua := []byte("#!lua name=a\n")
		libs.set(map[string][]byte{"a": lua, "other": []byte("#!go name=other\n")})
		n := newNode(t, Config{Libraries: libs})
		p, id := n.synced(Request{})
		p.conn.Close()
		p.gone(nil)
		libs.set(map[string][]byte{"b": lua})
		time.Sleep(time.Second)
		q := n.follow(Request{ID: id, Offset: int64(len(selected))})
		q.until(wire("FUNCTION", "DELETE", "a") + wire("FUNCTION", "LOAD", "REPLACE", string(lua)))
		if strings.Contains(string(q.in), "other") {
			t.Errorf("%q", q.in)
		}
	})
}

// A follower hears something every ten seconds, and one that says nothing is given up.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, Config{Timeout: time.Minute})
		p, _ := n.synced(Request{})
		began := time.Now()
		p.until(wire("PING") + wire("PING"))
		if d := time.Since(began); d < 19*time.Second || d > 21*time.Second {
			t.Errorf("two PINGs took %v", d)
		}
		p.gone(ErrSilent)
		if d := time.Since(began); d < time.Minute || d > 61*time.Second {
			t.Errorf("it was given up after %v", d)
		}
	})
	synctest.Test(t, func(t *testing.T) { // one that takes nothing is for the server to close
		n := newNode(t, Config{Timeout: time.Minute})
		p, _ := n.synced(Request{})
		for range 100 {
			n.set("a", strings.Repeat("x", 100_000))
		}
		time.Sleep(30 * time.Second)
		early := p.sender.Overdue()
		time.Sleep(31 * time.Second)
		if early || !p.sender.Overdue() {
			t.Errorf("overdue after 30 s: %v, after 61 s: %v", early, p.sender.Overdue())
		}
	})
}
