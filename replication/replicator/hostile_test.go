package replicator

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// liar is a replica that says whatever a test wants.
type liar struct {
	t    *testing.T
	conn net.Conn
	in   *replication.MessageReader
}

func newLiar(t *testing.T, master *testNode) *liar { return newLiarFrom(t, master, slots.NodeID{}) }

// newLiarFrom is newLiar on a connection of a node that is known.
func newLiarFrom(t *testing.T, master *testNode, from slots.NodeID) *liar {
	near, far := net.Pipe()
	master.Accept(far, from)
	t.Cleanup(func() { near.Close() })
	l := &liar{t, near, replication.NewMessageReader(near, replication.MaxMessage)}
	l.say(&replication.Message{Kind: replication.KindHello, Version: replication.ProtocolVersion, Node: slots.NodeID{9},
		Master: master.id})
	return l
}

func (l *liar) say(m *replication.Message) {
	l.t.Helper()
	if _, err := l.conn.Write(replication.AppendMessage(nil, m)); err != nil {
		l.t.Fatal(err)
	}
}

// hear reads until a message of a kind, or the end of the link.
func (l *liar) hear(k replication.Kind) (m replication.Message, err error) {
	for {
		if err := l.in.Next(&m); err != nil || m.Kind == k {
			return m, err
		}
	}
}

// WAIT counts what replicas hold, so an acknowledgement of what nobody can hold must not
// count, and ends the link.
func TestAckBeyondWhatWasSent(t *testing.T) {
	for name, lie := range map[string]struct {
		synced bool // whether the full sync has ended
		offset func(end int64) int64
	}{
		"the greatest offset":     {true, func(int64) int64 { return maxOffset }},
		"one byte too much":       {true, func(end int64) int64 { return end + 1 }},
		"during a full sync":      {false, func(end int64) int64 { return end }},
		"zero during a full sync": {false, func(int64) int64 { return 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				master := newTestNet(t).node(1)
				defer master.stop()
				for i := range 100 {
					master.set(strings.Repeat("k", i+1), strings.Repeat("v", 10_000))
				}
				l := newLiar(t, master)
				last := replication.KindFull
				if lie.synced {
					last = replication.KindSynced
				}
				if _, err := l.hear(last); err != nil {
					t.Fatal(err)
				}
				l.say(&replication.Message{Kind: replication.KindAck, Offset: lie.offset(master.log.Offset())})
				if _, err := l.hear(0); err == nil {
					t.Error("the link goes on")
				}
				synctest.Wait()
				mark := master.Mark(master.Term())
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if n, err := master.WaitAcked(ctx, mark, 1); n != 0 || !errors.Is(err, ErrAmbiguous) {
					t.Errorf("WAIT counts %d, %v", n, err)
				}
				if n := master.GoodReplicas(time.Minute); n != 0 {
					t.Errorf("%d good replicas", n)
				}
			})
		})
	}
}

// What can be held is acknowledged as ever.
func TestAckOfWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newTestNet(t).node(1)
		defer master.stop()
		master.set("k", "v")
		l := newLiar(t, master)
		m, err := l.hear(replication.KindSynced)
		if err != nil {
			t.Fatal(err)
		}
		l.say(&replication.Message{Kind: replication.KindAck, Offset: m.Offset})
		if n, err := master.WaitAcked(t.Context(), Mark{Term: master.Term(), Offset: m.Offset}, 1); n != 1 || err != nil {
			t.Errorf("WAIT counts %d, %v", n, err)
		}
	})
}

func TestLinksOfReplicasAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newTestNet(t).node(1)
		defer master.stop()
		var conns []net.Conn
		for range maxReplicas + 1 {
			near, far := net.Pipe()
			master.Accept(far, slots.NodeID{})
			conns = append(conns, near)
		}
		if _, err := conns[maxReplicas].Read(make([]byte, 1)); err == nil {
			t.Error("one too many is served")
		}
		time.Sleep(2 * defaultTimeout) // none of them says hello
		if n := len(*master.replicas.Load()); n != 0 {
			t.Errorf("%d are still waited for", n)
		}
	})
}

// A panic while a message of the master is carried out ends the node, whose goroutines
// must not hang.
func TestPanicLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		master.set("k", "v")
		panicked := make(chan *guard.Panic, 1)
		replica.cfg.OnPanic = func(err error) { panicked <- err.(*guard.Panic) }
		replica.cfg.OnEvent = func(e replication.Event) {
			if _, ok := e.(replication.SyncStarted); ok {
				panic("a trap")
			}
		}
		replica.follow(master)
		if p := <-panicked; p.Where != "replication" || p.Value != "a trap" {
			t.Errorf("%v", p)
		}
		if err := replica.Save(t.Context(), &storage.Memory{}, "snapshot"); err != nil {
			t.Error(err)
		}
		replica.stop()
	})
}

// maxOffset is the greatest offset that a message can name.
const maxOffset = 1 << 62

// payload returns a message as it stands in its frame.
func payload(t testing.TB, m *replication.Message) []byte {
	t.Helper()
	b, err := frame.NewReader(bytes.NewReader(replication.AppendMessage(nil, m)), replication.MaxMessage).Next()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzReplica feeds a master with messages from a hostile replica, and its store with
// what it sends back.
func FuzzReplica(f *testing.F) {
	add := func(list ...replication.Message) {
		var script []byte
		for i := range list {
			b := payload(f, &list[i])
			script = append(binary.LittleEndian.AppendUint16(script, uint16(len(b))), b...)
		}
		f.Add(script)
	}
	hello := replication.Message{Kind: replication.KindHello, Version: 1, Node: slots.NodeID{9}, Master: slots.NodeID{1}}
	add(hello, replication.Message{Kind: replication.KindPing},
		replication.Message{Kind: replication.KindAck, Offset: 1, Stamp: 5})
	add(hello, replication.Message{Kind: replication.KindAck, Offset: maxOffset})
	add(hello, replication.Message{Kind: replication.KindAck, Durable: 1},
		replication.Message{Kind: replication.KindAck, Durable: maxOffset})
	hello.Wanted = []replication.Position{{ID: replication.ID{1}, Offset: maxOffset}, {ID: replication.ID{2}}}
	add(hello, hello)
	for kind := replication.KindHello; kind <= replication.KindShard; kind++ {
		add(hello, replication.Message{Kind: kind, Offset: 1, Data: []byte("data")})
	}
	self := func() (slots.NodeID, uint64) { return slots.NodeID{1}, 1 }
	dial := func(context.Context, slots.Node) (net.Conn, error) { return nil, net.ErrClosed }
	f.Fuzz(func(t *testing.T, script []byte) {
		log := NewBacklog(0)
		store := keyspace.New(keyspace.Config{Sink: log})
		r, err := New(Config{Self: self, Store: store, Log: log, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		p := &replica{r: r, link: 1, echo: make(chan struct{}, 1), poke: make(chan struct{}, 1)}
		var out *outgoing
		var sent []byte
		for len(script) >= 2 {
			n := min(int(binary.LittleEndian.Uint16(script)), len(script)-2)
			var m replication.Message
			if replication.DecodeMessage(script[2:2+n], &m) != nil {
				return
			}
			script = script[2+n:]
			if out == nil {
				if out, err = p.join(&m); err != nil {
					return
				}
				defer out.in.close()
				p.sent.Store(out.Holdable())
				sent = append(sent, out.answer...)
			} else if p.receive(&m) != nil {
				break
			}
			if sent, err = out.Next(sent, 0); err != nil {
				t.Fatal(err)
			}
			p.sent.Store(out.Holdable())
			if held, ok := r.held.acks.held[1]; ok && held > log.Offset() {
				t.Fatalf("an acknowledgement of offset %d counts, the stream ends at %d", held, log.Offset())
			}
		}
		replica := NewBacklog(0)
		replica.follow()
		in := replication.NewApplier(keyspace.New(keyspace.Config{Sink: replica}), followedLog{replica})
		for messages := replication.NewMessageReader(bytes.NewReader(sent), replication.MaxMessage); ; {
			var m replication.Message
			switch err := messages.Next(&m); {
			case err == io.EOF:
				return
			case err != nil:
				t.Fatalf("what the master sent: %v", err)
			}
			if in.Step(&m) != nil {
				return
			}
		}
	})
}

// Ages must not depend on the wall clock, which may step: times keep their monotonic
// reading, which Round strips.
func TestAgesAreMonotonic(t *testing.T) { // outside a bubble, where times have one
	log := NewBacklog(0)
	r, err := New(Config{Self: func() (slots.NodeID, uint64) { return slots.NodeID{1}, 1 },
		Store: keyspace.New(keyspace.Config{Sink: log}), Log: log,
		Dial: func(context.Context, slots.Node) (net.Conn, error) { return nil, net.ErrClosed }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Follow(slots.Node{ID: slots.NodeID{2}}); err != nil {
		t.Fatal(err)
	}
	r.follower.heard.Store(r.clock())
	heard := r.Status().LastHeard
	if age := time.Since(heard); heard.String() == heard.Round(0).String() || age < 0 || age > time.Hour {
		t.Errorf("the master was heard at %v, %v ago", heard, age)
	}
}

func TestAgesOfLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		defer replica.stop()
		time.Sleep(time.Hour)
		replica.follow(master)
		replica.synced()
		time.Sleep(time.Minute)
		if age := time.Since(replica.Status().LastHeard); age < 0 || age > 2*pingEvery {
			t.Errorf("the master was heard %v ago", age)
		}
		if r := master.Status().Replicas; len(r) != 1 || r[0].Lag < 0 || r[0].Lag > 2*pingEvery {
			t.Errorf("%+v", r)
		}
		if master.GoodReplicas(2*pingEvery) != 1 || master.GoodReplicas(-time.Second) != 0 {
			t.Errorf("%d good replicas within %v", master.GoodReplicas(2*pingEvery), 2*pingEvery)
		}
	})
}
