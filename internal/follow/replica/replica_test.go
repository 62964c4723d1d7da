package replica

import (
	"bufio"
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

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/follow/follower"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// fixture is a node that can follow masters of a network in memory.
type fixture struct {
	t       *testing.T
	network *memnet.Network
	store   *keyspace.Store
	*Replica

	mu      sync.Mutex // guards what follows
	done    []string   // commands of masters that were carried out
	renewed int
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, network: memnet.New(), store: keyspace.New(keyspace.Config{})}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	f.Replica = New(ctx, Config{
		Engine: engine.New(f.store), Store: f.store, Do: f.do,
		Renew:   func() { f.renewed++ },
		Dial:    f.network.Host("10.0.0.9").Dial,
		Link:    func() follow.Config { return follow.Config{} },
		Timeout: time.Minute,
		Spawn:   func(fn func()) bool { running.Go(fn); return ctx.Err() == nil },
		Logger:  hclog.NewNullLogger(),
	})
	t.Cleanup(func() {
		end()
		running.Wait()
	})
	return f
}

// do carries out SET, and notes all else.
func (f *fixture) do(args [][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, string(bytes.Join(args, []byte(" "))))
	if string(args[0]) == "SET" {
		return f.put(string(args[1]), string(args[2]), true)
	}
	return nil
}

func (f *fixture) put(key, value string, follows bool) error {
	return f.cfg.Engine.Update(&engine.Access{Keys: [][]byte{[]byte(key)}, Follows: follows}, func(tx *keyspace.Tx) error {
		return tx.Put([]byte(key), keyspace.String, []byte(value), 0)
	})
}

// expect compares the keys, as "key=value key=value".
func (f *fixture) expect(want string) {
	f.t.Helper()
	synctest.Wait()
	var list []string
	f.store.View(table, func(tx *keyspace.Tx) error {
		for _, key := range strings.Fields("a b own") {
			if e, ok := tx.Peek([]byte(key)); ok {
				list = append(list, key+"="+string(e.Value))
			}
		}
		return nil
	})
	if got := strings.Join(list, " "); got != want {
		f.t.Errorf("the keys are %q, want %q", got, want)
	}
}

// master is a Redis by hand: a test reads and writes its connections.
type master struct {
	t     *testing.T
	ln    net.Listener
	conns chan net.Conn
}

func (f *fixture) master(host string) *master {
	f.t.Helper()
	ln, err := f.network.Host(host).Listen(host + ":6379")
	if err != nil {
		f.t.Fatal(err)
	}
	m := &master{f.t, ln, make(chan net.Conn)}
	f.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			select {
			case m.conns <- conn:
			case <-time.After(time.Hour):
				return
			}
		}
	}()
	return m
}

// link is a replica's connection that has come to PSYNC.
type link struct {
	net.Conn
	psync string // its arguments
}

func (m *master) accept() *link {
	m.t.Helper()
	var conn net.Conn
	select {
	case conn = <-m.conns:
	case <-time.After(30 * time.Second):
		m.t.Fatal("the replica does not come")
	}
	m.t.Cleanup(func() { conn.Close() })
	var heard []string
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			m.t.Fatal(err)
		}
		word := strings.TrimSpace(line)
		if word == "" || strings.ContainsAny(word[:1], "*$") {
			continue
		}
		heard = append(heard, word)
		switch {
		case word == "PING":
			io.WriteString(conn, "+PONG\r\n")
		case word == "psync2":
			io.WriteString(conn, "+OK\r\n")
		case len(heard) > 2 && heard[len(heard)-3] == "PSYNC":
			go io.Copy(io.Discard, in) // what it acknowledges
			return &link{conn, strings.Join(heard[len(heard)-2:], " ")}
		}
	}
}

const masterID = "0123456789abcdef0123456789abcdef01234567"

// full answers with a file of keys and values, at offset 100.
func (l *link) full(t *testing.T, words ...string) {
	t.Helper()
	var file bytes.Buffer
	w := rdb.NewFileWriter(&file)
	w.Database(len(words)/2, 0)
	for i := 0; i < len(words); i += 2 {
		w.String([]byte(words[i]), []byte(words[i+1]), 0)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(l, "+FULLRESYNC %s 100\r\n$%d\r\n%s", masterID, file.Len(), &file)
}

const setA2 = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n" // 27 bytes

func (f *fixture) status(host string, state follower.State, fullSyncs, partial int) {
	f.t.Helper()
	synctest.Wait()
	s, ok := f.Status()
	if !ok || s.Host != host || s.State != state || s.Full != fullSyncs || s.Partial != partial {
		f.t.Errorf("the status is %+v, %v", s, ok)
	}
}

// What the node has stays until the master's data has come; a link that is lost goes on.
func TestLinkLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m := f.master("10.0.0.1")
		if _, ok := f.Status(); ok || f.put("own", "1", false) != nil {
			t.Error("it follows somebody")
		}
		if f.Follow("10.0.0.1", 6379) || !f.Follow("10.0.0.1", 6379) {
			t.Error("Follow does not know whether the master is followed already")
		}
		l := m.accept()
		if l.psync != "? -1" {
			t.Errorf("PSYNC %s", l.psync)
		}
		f.expect("own=1")
		if err := f.put("own", "2", false); !errors.Is(err, slots.ErrReadOnly) {
			t.Errorf("a client writes: %v", err)
		}
		f.status("10.0.0.1", follower.Connecting, 0, 0)
		io.WriteString(l, "+FULLRESYNC "+masterID+" 50\r\n$100\r\nREDIS0010")
		f.status("10.0.0.1", follower.Sync, 1, 0)
		l.Close() // in the middle of the file
		f.expect("own=1")
		l = m.accept()
		if l.psync != "? -1" {
			t.Errorf("PSYNC %s after half of a file", l.psync)
		}
		l.full(t, "a", "1", "b", "1")
		f.expect("a=1 b=1")
		f.status("10.0.0.1", follower.Connected, 2, 0)
		io.WriteString(l, setA2+setA2[:9])
		f.expect("a=2 b=1")
		l.Close()
		l = m.accept()
		if want := masterID + " 128"; l.psync != want {
			t.Errorf("PSYNC %s, want %s", l.psync, want)
		}
		io.WriteString(l, "+CONTINUE\r\n"+strings.Replace(setA2, "a", "b", 1))
		f.expect("a=2 b=2")
		f.status("10.0.0.1", follower.Connected, 2, 1)
		if f.renewed != 1 {
			t.Errorf("%d histories were begun", f.renewed)
		}
	})
}

// A node that follows another master gives up the first one's data when the other's has come;
// one that follows nobody keeps it, and writes.
func TestMasterChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		first, second := f.master("10.0.0.1"), f.master("10.0.0.2")
		f.Follow("10.0.0.1", 6379)
		first.accept().full(t, "a", "1")
		f.expect("a=1")
		if f.Follow("10.0.0.2", 6379) {
			t.Error("the second master is said to be followed already")
		}
		l := second.accept()
		if l.psync != "? -1" {
			t.Errorf("the second master is asked to go on: PSYNC %s", l.psync)
		}
		f.expect("a=1")
		l.full(t, "b", "7")
		f.expect("b=7")
		f.status("10.0.0.2", follower.Connected, 1, 0)

		f.Stop()
		f.Stop()
		if _, ok := f.Status(); ok {
			t.Error("a master is followed after Stop")
		}
		io.WriteString(l, setA2)
		if err := f.put("own", "1", false); err != nil {
			t.Error(err)
		}
		f.expect("b=7 own=1")
		if f.store.Passive() {
			t.Error("keys do not expire after Stop")
		}

		f.Follow("10.0.0.2", 6379)
		l = second.accept()
		if l.psync != "? -1" { // it has written on its own
			t.Errorf("PSYNC %s after Stop", l.psync)
		}
	})
}

// What the node cannot carry out makes it begin anew.
func TestBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m := f.master("10.0.0.1")
		f.Follow("10.0.0.1", 6379)
		l := m.accept()
		l.full(t, "a", "1")
		io.WriteString(l, "*3\r\n$6\r\nSWAPDB\r\n$1\r\n0\r\n$1\r\n1\r\n")
		l = m.accept()
		if l.psync != "? -1" {
			t.Errorf("PSYNC %s", l.psync)
		}
		f.expect("a=1")
		l.full(t, "a", "2")
		io.WriteString(l, "*1\r\n$8\r\nFLUSHALL\r\n"+strings.Replace(setA2, "a", "b", 1))
		f.expect("b=2")
		f.Stop()
		f.mu.Lock()
		defer f.mu.Unlock()
		if got := strings.Join(f.done, ", "); got != "FUNCTION FLUSH, FUNCTION FLUSH, SET b 2" {
			t.Errorf("commands: %s", got)
		}
	})
}
