package migrate

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// countingDisk counts the writes of the journal, each of which takes some time.
type countingDisk struct {
	storage.Disk
	writes *int
	delay  time.Duration
}

func (d countingDisk) Create(name string) (storage.File, error) {
	*d.writes++
	time.Sleep(d.delay)
	return d.Disk.Create(name)
}

// sayHello opens a connection to node i and says hello in the name of node 0.
func (c *testCluster) sayHello(i int, id JobID, set slots.Set) *wire {
	c.t.Helper()
	conn, err := c.nodes[0].host.Dial(c.t.Context(), c.nodes[i].ln.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	w := newWire(conn)
	w.send(&message{Type: msgHello, Job: id, Kind: KindMove, Source: c.nodes[0].id, Target: c.nodes[i].id, Slots: &set})
	return w
}

// A peer can open connections as fast as it likes; what it asks to be written is bounded.
func TestHellosAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		writes := 0
		cl.nodes[1].driver.cfg.Disk = countingDisk{cl.nodes[1].disk, &writes, 0}
		welcome, refused := 0, 0
		hello := func(i, n int) {
			w := cl.sayHello(1, JobID{byte(i >> 8), byte(i), 1}, slots.NewSet(slots.Slot(n)))
			if m, err := w.receive(maxFrame); err == nil && m.Type == msgWelcome {
				welcome++
			} else {
				refused++
			}
			w.close()
		}
		began := time.Now()
		for i := range 40 { // one after another
			hello(i, 0)
		}
		for n := range 40 { // for one job, with ever other slots
			hello(0, n+1)
		}
		if most := helloBurst + int(time.Since(began)/helloPace) + 1; writes > most || welcome != 80 {
			t.Errorf("%d writes in %v, at most %d are due; %d were welcome", writes, time.Since(began), most, welcome)
		}
		d := cl.nodes[1].driver
		d.mu.Lock()
		for i := len(d.registry.records); i < maxJobs; i++ {
			d.registry.add(Job{ID: JobID{1, byte(i >> 8), byte(i)}, Kind: KindMove}, time.Now())
		}
		d.mu.Unlock()
		welcome, writes = 0, 0
		if hello(1000, 0); refused != 1 || writes != 0 {
			t.Errorf("a job too many: %d refused, %d writes", refused, writes)
		}
		if hello(1, 0); welcome != 1 {
			t.Error("a job that is known is refused")
		}
	})
}

// Hellos that come at once share a write.
func TestHellosShareAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		writes := 0
		cl.nodes[1].driver.cfg.Disk = countingDisk{cl.nodes[1].disk, &writes, 10 * time.Millisecond}
		began := time.Now()
		var wires []*wire
		for i := range 100 {
			wires = append(wires, cl.sayHello(1, JobID{byte(i), 1}, slots.NewSet(1)))
		}
		for _, w := range wires {
			if m, err := w.receive(maxFrame); err != nil || m.Type != msgWelcome {
				t.Fatalf("%+v, %v", m, err)
			}
		}
		if took := time.Since(began); writes > 3 || took > time.Second {
			t.Errorf("%d writes, %v", writes, took)
		}
		for _, w := range wires {
			w.close()
		}
	})
}

// A batch may be as large as the greatest value, and must not lie here for ever when its
// source only pings.
func TestHalfBatchIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		w := cl.sayHello(1, JobID{1}, slots.NewSet(1))
		defer w.close()
		w.send(&message{Type: msgPart, N: 1, Size: maxBatch, Data: make([]byte, 100_000)})
		began := time.Now()
		ended := make(chan error)
		go func() {
			for {
				if _, err := w.receive(maxFrame); err != nil {
					ended <- err
					return
				}
			}
		}()
		for {
			w.send(&message{Type: msgPing})
			select {
			case <-ended:
				if took := time.Since(began); took < batchTime || took > batchTime+2*time.Second {
					t.Errorf("after %v", took)
				}
				return
			case <-time.After(time.Second):
				if time.Since(began) > 10*batchTime {
					t.Fatal("it is kept")
				}
			}
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		d := cl.nodes[1].driver
		for range maxSessions {
			conn, err := cl.nodes[0].host.Dial(t.Context(), cl.nodes[1].ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		synctest.Wait()
		w := cl.sayHello(1, JobID{1}, slots.NewSet(1))
		if m, err := w.receive(maxFrame); err == nil {
			t.Errorf("one too many is answered: %+v", m)
		}
		w.close()
		time.Sleep(2 * sessionSilence)
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.sessions) != 0 {
			t.Errorf("%d connections without a hello", len(d.sessions))
		}
	})
}

func TestReceiverRefusesASecondHello(t *testing.T) {
	self, source := slots.NodeID{1}, slots.NodeID{3}
	m, err := slots.NewMap(slots.Topology{Self: self, Nodes: []slots.Node{{ID: self}, {ID: source}}})
	if err != nil {
		t.Fatal(err)
	}
	r := newReceiver(m, func(slots.Slot) bool { return false },
		func(slots.NodeID, *slots.Set) (s slots.Set) { return s }, alone{}.Standing)
	hello := message{Type: msgHello, Kind: KindMove, Source: source, Target: self, Slots: new(slots.Set)}
	if err := r.receive(hello); err != nil {
		t.Fatal(err)
	}
	if err := r.receive(hello); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "second hello") {
		t.Errorf("%v", err)
	}
}

// FuzzSession carries out what a hostile source says: what decodes is stored, changes
// slots, and is listed.
func FuzzSession(f *testing.F) {
	self, source := slots.NodeID{1}, slots.NodeID{3}
	seven := slots.NewSet(6, 7)
	op := keyspace.AppendOp(nil, &keyspace.Op{Kind: keyspace.OpPut, Type: keyspace.String, Slot: 7, Key: []byte("k"),
		Value: []byte("v"), Version: 5})
	add := func(list ...message) {
		var script []byte
		for i := range list {
			b := appendMessage(nil, &list[i])
			script = append(binary.LittleEndian.AppendUint16(script, uint16(len(b))), b...)
		}
		f.Add(script)
	}
	prepare := message{Type: msgPrepare, N: 1, Slots: &seven}
	batch := message{Type: msgPart, N: 2, Size: uint64(len(op)), Data: op}
	add(prepare, batch, message{Type: msgList, N: 3, Slots: &seven}, message{Type: msgFinalise, N: 4, Slots: &seven},
		message{Type: msgBye})
	add(prepare, message{Type: msgPart, N: 2, Size: uint64(len(op)), Data: op[:9]}, batch,
		message{Type: msgAbandon, N: 4, Slots: &seven}, batch)
	add(message{Type: msgPart, N: 2, Size: maxBatch, Offset: 1 << 40}, message{Type: msgPart, Size: 1 << 39})
	f.Fuzz(func(t *testing.T, script []byte) {
		importing := map[slots.Slot]slots.NodeID{}
		mine, theirs := slots.NewSet(5), seven
		view := func() *slots.Map {
			a, b, open := mine, theirs, map[slots.Slot]slots.NodeID{}
			for slot, from := range importing {
				open[slot] = from
			}
			m, err := slots.NewMap(slots.Topology{Self: self, Importing: open,
				Nodes: []slots.Node{{ID: self, Slots: &a}, {ID: source, Slots: &b}}})
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		r := newReceiver(view(), func(slots.Slot) bool { return false },
			func(slots.NodeID, *slots.Set) (s slots.Set) { return s }, alone{}.Standing)
		engine := newTestEngine(keyspace.New(keyspace.Config{}), 8)
		var deleted deletions
		r.receive(message{Type: msgHello, Kind: KindMove, Source: source, Target: self, Slots: &seven})
		apply := func() {
			for _, e := range r.output() {
				switch e := e.(type) {
				case setSlots:
					for slot := range e.set.All() {
						delete(importing, slot)
						switch e.action {
						case Importing:
							importing[slot] = e.peer
						case Assign:
							mine.Add(slot)
							theirs.Remove(slot)
						}
					}
					r.mapChanged(view())
					r.changed(e.n, nil)
				case store:
					_, err := importBatch(engine, e.blob, nil, false,
						func(slot slots.Slot) bool { return accepts(e.kind, r.m, slot, r.returning) },
						func([]keyspace.Op) error { return nil })
					r.stored(e.n, 0, err)
				case remember:
					deleted.begin(r.job, e.set)
				case list:
					if err := listKeys(engine.store, deleted.of, e, 1000, func(message) error { return nil }); err != nil {
						t.Fatal(err)
					}
				case send:
					if b := appendMessage(nil, &e.m); len(b) > maxFrame {
						t.Fatalf("an answer of %d bytes", len(b))
					}
				}
			}
		}
		apply()
		for len(script) >= 2 {
			n := min(int(binary.LittleEndian.Uint16(script)), len(script)-2)
			m, err := decodeMessage(script[2 : 2+n])
			if err != nil || r.receive(m) != nil {
				return
			}
			apply()
			apply()
			script = script[2+n:]
		}
		keys := 0
		for slot := range slots.Slot(8) {
			if mine.Has(slot) || seven.Has(slot) {
				keys += engine.store.Count(slot)
			}
		}
		if keys != engine.store.Len() {
			t.Fatalf("%d keys are of slots that do not come here", engine.store.Len()-keys)
		}
	})
}
