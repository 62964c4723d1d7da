package replication

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// liar is a replica that says whatever a test wants.
type liar struct {
	t    *testing.T
	conn net.Conn
	in   *frame.Reader
}

func newLiar(t *testing.T, master *testNode) *liar {
	near, far := net.Pipe()
	master.Accept(far)
	t.Cleanup(func() { near.Close() })
	l := &liar{t, near, frame.NewReader(near, maxMessage)}
	l.say(&message{kind: kindHello, version: protocolVersion, node: slots.NodeID{9}, master: master.id})
	return l
}

func (l *liar) say(m *message) {
	l.t.Helper()
	if _, err := l.conn.Write(appendMessage(nil, m)); err != nil {
		l.t.Fatal(err)
	}
}

// hear reads until a message of a kind, or the end of the link.
func (l *liar) hear(k kind) (m message, err error) {
	for {
		b, err := l.in.Next()
		if err != nil {
			return m, err
		}
		if err := decodeMessage(b, &m); err != nil || m.kind == k {
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
				last := kindFull
				if lie.synced {
					last = kindSynced
				}
				if _, err := l.hear(last); err != nil {
					t.Fatal(err)
				}
				l.say(&message{kind: kindAck, offset: lie.offset(master.log.Offset())})
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
		m, err := l.hear(kindSynced)
		if err != nil {
			t.Fatal(err)
		}
		l.say(&message{kind: kindAck, offset: m.offset})
		if n, err := master.WaitAcked(t.Context(), Mark{Term: master.Term(), Offset: m.offset}, 1); n != 1 || err != nil {
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
			master.Accept(far)
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

func TestNumbersOfMessagesAreBounded(t *testing.T) {
	full := message{kind: kindFull, hist: History{ID: ID{1}, Offset: 10}, offset: 10}
	for name, change := range map[string]func(*message){
		"term":   func(m *message) { m.hist.Term = math.MaxUint64 },
		"offset": func(m *message) { m.offset = maxOffset + 1 },
	} {
		m := full
		change(&m)
		if err := decodeMessage(payload(t, &m), &m); !errors.Is(err, frame.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := NewBacklog(0)
	b.follow()
	b.hist.Term = maxOffset
	if h := b.promote(1); h.Term != maxOffset {
		t.Errorf("term %d after the greatest", h.Term)
	}
	m := message{kind: kindRefuse, text: "no\r\n# a line of its own" + strings.Repeat("x", 2*maxText)}
	if err := decodeMessage(payload(t, &m), &m); err != nil || strings.ContainsAny(m.text, "\r\n") ||
		len(m.text) > maxText {
		t.Errorf("%.40q of %d bytes, %v", m.text, len(m.text), err)
	}
	in := applier{live: emptyDataset(), stage: emptyDataset, adopt: func(dataset) {}}
	if err := in.step(&full); err != nil {
		t.Fatal(err)
	}
	for i := range maxMetadata + 1 {
		err := in.step(&message{kind: kindMetadata, text: strings.Repeat("n", i+1), data: []byte{1}})
		if full := i == maxMetadata; errors.Is(err, frame.ErrCorrupt) != full {
			t.Fatalf("note %d: %v", i, err)
		}
	}
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
		replica.cfg.OnEvent = func(e Event) {
			if _, ok := e.(SyncStarted); ok {
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

// FuzzReplica senders a master with messages from a hostile replica, and its store with
// what it sends back.
func FuzzReplica(f *testing.F) {
	add := func(list ...message) {
		var script []byte
		for i := range list {
			b := payload(f, &list[i])
			script = append(binary.LittleEndian.AppendUint16(script, uint16(len(b))), b...)
		}
		f.Add(script)
	}
	hello := message{kind: kindHello, version: 1, node: slots.NodeID{9}, master: slots.NodeID{1}}
	add(hello, message{kind: kindPing}, message{kind: kindAck, offset: 1, stamp: 5})
	add(hello, message{kind: kindAck, offset: maxOffset})
	hello.wanted = []Position{{ID{1}, maxOffset}, {ID{2}, 0}}
	add(hello, hello)
	add(messages...)
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
		var fd *sender
		var sent []byte
		for len(script) >= 2 {
			n := min(int(binary.LittleEndian.Uint16(script)), len(script)-2)
			var m message
			if decodeMessage(script[2:2+n], &m) != nil {
				return
			}
			script = script[2+n:]
			if fd == nil {
				if fd, err = p.join(&m); err != nil {
					return
				}
				defer fd.in.Close()
				p.sent.Store(fd.holdable())
				sent = append(sent, fd.batch...)
			} else if p.receive(&m) != nil {
				break
			}
			if sent, err = fd.next(sent, 0); err != nil {
				t.Fatal(err)
			}
			p.sent.Store(fd.holdable())
			if held, ok := r.acks.held[1]; ok && held > log.Offset() {
				t.Fatalf("an acknowledgement of offset %d counts, the stream ends at %d", held, log.Offset())
			}
		}
		d := emptyDataset()
		d.log.follow()
		in := applier{live: d, stage: emptyDataset, adopt: func(dataset) {}}
		for frames := frame.NewReader(bytes.NewReader(sent), maxMessage); ; {
			b, err := frames.Next()
			if err != nil {
				return
			}
			var m message
			if err := decodeMessage(b, &m); err != nil {
				t.Fatalf("what the master sent: %v", err)
			}
			if in.step(&m) != nil {
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
