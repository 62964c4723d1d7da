package migrate

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A batch may be as large as the greatest value, and must not lie here for ever when its
// source only pings.
func TestHalfBatchIsGivenUp(t *testing.T) {
	self, source := slots.NodeID{1}, slots.NodeID{3}
	theirs := slots.NewSet(7)
	m, err := slots.NewMap(slots.Topology{Self: self, Nodes: []slots.Node{{ID: self}, {ID: source, Slots: &theirs}}})
	if err != nil {
		t.Fatal(err)
	}
	r, now := NewReceiver(ReceiverConfig{Map: func() *slots.Map { return m }}), time.Unix(1000, 0)
	receive := func(m Message) error {
		now = now.Add(time.Second)
		return r.Receive(now, m)
	}
	hello := Message{typ: msgHello, kind: KindMove, source: source, target: self, slots: &theirs}
	if err := receive(hello); err != nil {
		t.Fatal(err)
	}
	const size = 1 << 20
	for offset := uint64(0); offset < 100_000; offset += 10_000 { // a slow one is not given up
		now = now.Add(batchTime - time.Second)
		if err := receive(Message{typ: msgPart, n: 1, size: size, offset: offset, data: make([]byte, 10_000)}); err != nil {
			t.Fatal(err)
		}
	}
	began := now
	for err == nil && now.Sub(began) < 10*batchTime {
		err = receive(Message{typ: msgPing})
	}
	if took := now.Sub(began); took != batchTime+time.Second || !strings.Contains(err.Error(), "100000 bytes of a batch") {
		t.Errorf("after %v: %v", took, err)
	}
}

func TestReceiverRefusesASecondHello(t *testing.T) {
	self, source := slots.NodeID{1}, slots.NodeID{3}
	theirs := slots.NewSet(7)
	m, err := slots.NewMap(slots.Topology{Self: self, Nodes: []slots.Node{{ID: self}, {ID: source, Slots: &theirs}}})
	if err != nil {
		t.Fatal(err)
	}
	r := NewReceiver(ReceiverConfig{Map: func() *slots.Map { return m }})
	hello := Message{typ: msgHello, kind: KindMove, source: source, target: self, slots: &theirs}
	if err := r.Receive(time.Unix(1000, 0), hello); err != nil {
		t.Fatal(err)
	}
	if err := r.Receive(time.Unix(1000, 0), hello); !errors.Is(err, ErrMalformed) ||
		!strings.Contains(err.Error(), "second hello") {
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
	add := func(list ...Message) {
		var script []byte
		for i := range list {
			b := AppendMessage(nil, &list[i])
			script = append(binary.LittleEndian.AppendUint16(script, uint16(len(b))), b...)
		}
		f.Add(script)
	}
	prepare := Message{typ: msgPrepare, n: 1, slots: &seven}
	batch := Message{typ: msgPart, n: 2, size: uint64(len(op)), data: op}
	add(prepare, batch, Message{typ: msgList, n: 3, slots: &seven}, Message{typ: msgFinalise, n: 4, slots: &seven},
		Message{typ: msgBye})
	add(prepare, Message{typ: msgPart, n: 2, size: uint64(len(op)), data: op[:9]}, batch,
		Message{typ: msgAbandon, n: 4, slots: &seven}, batch)
	add(Message{typ: msgPart, n: 2, size: maxBatch, offset: 1 << 40}, Message{typ: msgPart, size: 1 << 39})
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
		r, now := NewReceiver(ReceiverConfig{Map: view}), time.Unix(1000, 0)
		engine := NewEngine(keyspace.New(keyspace.Config{}))
		var deleted Deletions
		r.Receive(now, Message{typ: msgHello, kind: KindMove, source: source, target: self, slots: &seven})
		apply := func() {
			for _, e := range r.output() {
				switch e := e.(type) {
				case SetSlots:
					for slot := range e.Set.All() {
						delete(importing, slot)
						switch e.Action {
						case Importing:
							importing[slot] = e.Peer
						case Assign:
							mine.Add(slot)
							theirs.Remove(slot)
						}
					}
					r.Changed(e.N, nil)
				case StoreBatch:
					_, _, err := e.Import(engine, nil)
					if err := r.Stored(e.N, 0, err); err != nil {
						t.Fatal(err)
					}
				case RememberDeletions:
					deleted.Begin(r.job, e.Set)
				case ListKeys:
					if err := listKeys(engine.Store(), deleted.Of, e, 1000, func(Message) error { return nil }); err != nil {
						t.Fatal(err)
					}
				case Send:
					if b := AppendMessage(nil, &e.Message); len(b) > MaxMessage {
						t.Fatalf("an answer of %d bytes", len(b))
					}
				}
			}
		}
		apply()
		for len(script) >= 2 {
			n := min(int(binary.LittleEndian.Uint16(script)), len(script)-2)
			m, err := DecodeMessage(script[2 : 2+n])
			if err != nil || r.Receive(now, m) != nil {
				return
			}
			apply()
			apply()
			script = script[2+n:]
		}
		keys := 0
		for slot := range slots.Slot(8) {
			if mine.Has(slot) || seven.Has(slot) {
				keys += engine.Store().Count(slot)
			}
		}
		if keys != engine.Store().Len() {
			t.Fatalf("%d keys are of slots that do not come here", engine.Store().Len()-keys)
		}
	})
}
