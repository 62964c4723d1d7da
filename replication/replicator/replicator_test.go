package replicator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// testNode is a store with a Replicator, on a host of an in-memory network.
type testNode struct {
	*Replicator
	t           *testing.T
	id          slots.NodeID
	incarnation uint64
	host        string
	store       *keyspace.Store
	log         *Backlog
	ln          net.Listener
	events      chan replication.Event
}

type testNet struct {
	t   *testing.T
	net *memnet.Network
}

func newTestNet(t *testing.T) *testNet { return &testNet{t, memnet.New()} }

// node starts node n, 1 to 255.
func (tn *testNet) node(n int) *testNode {
	tn.t.Helper()
	x := &testNode{t: tn.t, host: fmt.Sprintf("10.0.0.%d", n), id: slots.NodeID{byte(n)}, log: NewBacklog(0),
		events: make(chan replication.Event, 1000)}
	x.store = keyspace.New(keyspace.Config{Sink: x.log})
	host := tn.net.Host(x.host)
	var err error
	x.Replicator, err = New(Config{Self: func() (slots.NodeID, uint64) { return x.id, x.incarnation },
		Addr: x.node().Addr, Store: x.store, Log: x.log,
		Dial:    func(ctx context.Context, to slots.Node) (net.Conn, error) { return host.Dial(ctx, to.Addr.Bus()) },
		OnEvent: func(e replication.Event) { x.events <- e }})
	if err != nil {
		tn.t.Fatal(err)
	}
	if x.ln, err = host.Listen(":7001"); err != nil {
		tn.t.Fatal(err)
	}
	go func() {
		for {
			conn, err := x.ln.Accept()
			if err != nil {
				return
			}
			x.Accept(conn, slots.NodeID{})
		}
	}()
	return x
}

func (x *testNode) node() slots.Node {
	return slots.Node{ID: x.id, Addr: slots.Addr{Host: x.host, Port: 7000, BusPort: 7001}}
}

func (x *testNode) stop() {
	x.ln.Close()
	x.Close()
}

func (x *testNode) follow(m *testNode) {
	x.t.Helper()
	if err := x.Follow(m.node()); err != nil {
		x.t.Fatal(err)
	}
}

func (x *testNode) set(key, value string) {
	x.t.Helper()
	err := x.store.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
		return tx.Put([]byte(key), keyspace.String,
			[]byte(value), 0)
	})
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *testNode) del(key string) {
	x.store.Update(slots.OfString(key), func(tx *keyspace.Tx) error { tx.Delete([]byte(key)); return nil })
}

func (x *testNode) get(key string) (value string) {
	x.store.View(slots.OfString(key), func(tx *keyspace.Tx) error {
		e, _ := tx.Peek([]byte(key))
		value = string(e.Value)
		return nil
	})
	return value
}

// synced waits until x follows its master's stream.
func (x *testNode) synced() {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	if err := x.WaitSynced(ctx); err != nil {
		x.t.Fatalf("node %v is not in sync: %v (%+v)", x.id.Short(), err, x.Status())
	}
}

// connect waits until x holds what m has written.
func (x *testNode) connect(m *testNode) {
	x.t.Helper()
	x.synced()
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	if err := x.WaitOffset(ctx, m.Offset()); err != nil {
		x.t.Fatalf("node %v stands at %d, %v at %d: %v", x.id.Short(), x.Offset(), m.id.Short(), m.Offset(), err)
	}
	if d := diff(m.store, x.store); d != "" {
		x.t.Fatalf("node %v differs from %v: %s", x.id.Short(), m.id.Short(), d)
	}
}

// fill writes n keys with values of so many bytes, of which a third expires never.
func fill(t testing.TB, store *keyspace.Store, n, size int) {
	t.Helper()
	value := bytes.Repeat([]byte("v"), size)
	for i := range n {
		key := fmt.Appendf(nil, "key:%012d", i)
		if err := store.Update(slots.Of(key), func(tx *keyspace.Tx) error {
			return tx.Put(key, keyspace.String, value, int64(i%3)<<50)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// content returns a store's keys with all that belongs to them.
func content(s *keyspace.Store) map[string]string {
	m := make(map[string]string)
	for slot := range slots.Slot(slots.Count) {
		for cur, done := (keyspace.DumpCursor{}), false; !done; {
			cur, done, _ = s.Dump(slot, cur, 1<<20, func(op keyspace.Op) error {
				m[string(op.Key)] = fmt.Sprintf("%d %q expires %d", op.Type, op.Value, op.ExpireAt)
				return nil
			})
		}
	}
	return m
}

// diff says how b differs from a, "" if not.
func diff(a, b *keyspace.Store) string {
	x, y := content(a), content(b)
	for k, v := range x {
		if y[k] != v {
			return fmt.Sprintf("key %q is %s, want %s (%d keys, want %d)", k, y[k], v, len(y), len(x))
		}
	}
	for k, v := range y {
		if _, ok := x[k]; !ok {
			return fmt.Sprintf("key %q is %s, want none (%d keys, want %d)", k, v, len(y), len(x))
		}
	}
	return ""
}

// last returns the newest event of type E.
func last[E replication.Event](x *testNode) (e E, ok bool) {
	for {
		select {
		case any := <-x.events:
			if v, is := any.(E); is {
				e, ok = v, true
			}
		default:
			return e, ok
		}
	}
}

func TestFullSyncThenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b := net.node(1), net.node(2)
		defer a.stop()
		defer b.stop()
		for i := range 5000 {
			a.set(fmt.Sprint("key", i), fmt.Sprint("value", i))
		}
		b.set("stray", "goes")
		b.follow(a)
		b.connect(a)
		a.set("new", "one")
		a.del("key7")
		b.connect(a)
		if s := a.Status(); len(s.Replicas) != 1 || s.FullSyncs != 1 || s.Replicas[0].ID != b.id {
			t.Fatalf("status of the master: %+v", s)
		}
		if s := b.Status(); s.Link != LinkConnected || s.Master.ID != a.id || s.History.ID != a.Status().History.ID {
			t.Fatalf("status of the replica: %+v", s)
		}
	})
}

func TestLinkLostResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b := net.node(1), net.node(2)
		defer a.stop()
		defer b.stop()
		a.set("k", "1")
		b.follow(a)
		b.connect(a)
		for i := range 20 {
			net.net.Reset(a.host, b.host)
			a.set("k", fmt.Sprint(i))
			synctest.Wait()
		}
		b.connect(a)
		if s := a.Status(); s.FullSyncs != 1 || s.PartialSyncs == 0 {
			t.Fatalf("%d full, %d partial syncs; want one full", s.FullSyncs, s.PartialSyncs)
		}
		// A partition: silence for longer than the time-out.
		net.net.Cut(a.host, b.host)
		a.set("k", "while cut")
		time.Sleep(30 * time.Second)
		if s := a.Status(); len(s.Replicas) != 0 {
			t.Fatalf("the master still counts a silent replica: %+v", s.Replicas)
		}
		if s := b.Status(); s.Link == LinkConnected || time.Since(s.DownSince) < 15*time.Second {
			t.Fatalf("the replica still counts on a silent master: %+v", s)
		}
		net.net.Heal()
		b.connect(a)
		if s := a.Status(); s.FullSyncs != 1 {
			t.Fatalf("%d full syncs, want one", s.FullSyncs)
		}
	})
}

func TestPromotionAndTheOldMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b, c := net.node(1), net.node(2), net.node(3)
		for _, x := range []*testNode{a, b, c} {
			defer x.stop()
			x.set("own"+x.host, "x")
		}
		b.follow(a)
		c.follow(a)
		b.connect(a)
		c.connect(a)
		id, offset := a.Status().History.ID, a.Offset()

		b.Promote(0)
		if h := b.Status().History; h.PrevID != id || h.PrevLimit != offset || h.ID == id || h.Offset != offset {
			t.Fatalf("history after promotion: %+v, was %v:%d", h, id, offset)
		}
		b.set("after", "promotion")
		a.follow(b) // it is a prefix: partial
		c.follow(b)
		a.connect(b)
		c.connect(b)
		if s := b.Status(); s.FullSyncs != 0 || s.PartialSyncs != 2 {
			t.Fatalf("%d full, %d partial syncs; want two partial", s.FullSyncs, s.PartialSyncs)
		}

		// b writes what no replica gets, and c is promoted: b has diverged.
		net.net.Partition([]string{b.host}, []string{a.host, c.host})
		b.set("lost", "write")
		c.Promote(0)
		c.set("kept", "write") // of the same length as b's, so that offsets say nothing
		if b.Offset() != c.Offset() {
			t.Fatalf("offsets differ: %d, %d", b.Offset(), c.Offset())
		}
		b.follow(c)
		a.follow(c)
		net.net.Heal()
		b.connect(c)
		a.connect(c)
		if b.get("lost") != "" {
			t.Fatal("a diverged write survived")
		}
		if s := c.Status(); s.FullSyncs != 1 || s.PartialSyncs != 1 {
			t.Fatalf("%d full, %d partial syncs; want one of each", s.FullSyncs, s.PartialSyncs)
		}
	})
}

func TestReplicaRefusesReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b, c := net.node(1), net.node(2), net.node(3)
		defer a.stop()
		defer b.stop()
		defer c.stop()
		b.follow(a)
		b.connect(a)
		c.follow(b)
		time.Sleep(time.Second)
		e, ok := last[replication.LinkLost](c)
		var refused *replication.RefusedError
		if !ok || !errors.As(e.Err, &refused) || refused.Reason != replication.ErrNotMaster.Error() {
			t.Fatalf("event %+v, want a refusal", e)
		}
		c.follow(a)
		c.connect(a)
	})
}

func TestNotesTravelWithTheData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b := net.node(1), net.node(2)
		defer a.stop()
		defer b.stop()
		a.log.PutMetadata("open", []byte("slot 5"))
		b.follow(a)
		b.connect(a)
		if got := b.log.Metadata(); string(got["open"]) != "slot 5" {
			t.Fatalf("after a full sync: %q", got)
		}
		a.log.PutMetadata("open", nil)
		offset, err := a.log.PutMetadata("job", []byte("1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.WaitAcked(t.Context(), Mark{a.Term(), offset}, 1); err != nil {
			t.Fatal(err)
		}
		if got := b.log.Metadata(); len(got) != 1 || string(got["job"]) != "1" {
			t.Fatalf("after the ack: %q", got)
		}
		if _, err := b.log.PutMetadata("mine", []byte("x")); err == nil {
			t.Fatal("a replica wrote a note")
		}
	})
}

// Close does not wait for timers.
func TestCloseIsPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b, c := net.node(1), net.node(2), net.node(3)
		b.follow(a)
		c.follow(b) // refused again and again
		b.connect(a)
		time.Sleep(500 * time.Millisecond)
		began := time.Now()
		a.stop()
		b.stop()
		c.stop()
		if took := time.Since(began); took != 0 {
			t.Fatalf("closing took %v", took)
		}
	})
}
