package migrate

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

func exampleMessages() []Message {
	set := slots.NewSet(0, 1, 2, 5461, 16383)
	return []Message{
		{typ: msgHello, job: JobID{1, 2}, kind: KindReturn, source: slots.NodeID{3}, target: slots.NodeID{4}, slots: &set},
		{typ: msgPrepare, n: 7, slots: &set},
		{typ: msgPrepare, n: 8, slots: &set, promises: []promise{{1, slots.NewSet(0, 1)}, {3, slots.NewSet(5461)}}},
		{typ: msgHello, kind: KindReturn, slots: &set, promises: []promise{{2, set}}},
		{typ: msgList, n: 300, slots: new(slots.Set)},
		{typ: msgFinalise, n: 1 << 40, slots: &set},
		{typ: msgAbandon, n: 9, slots: &set},
		{typ: msgWelcome, slots: new(slots.Set)},
		{typ: msgPart, n: 8, size: 1 << 30, offset: 256 << 10, data: bytes.Repeat([]byte("x"), 300)},
		{typ: msgAck, n: 8, size: 12, held: 2},
		{typ: msgDelay, n: 8, text: "too few"},
		{typ: msgRefuse, n: 8, text: "OOM"},
		{typ: msgKeys, n: 1, slot: 5, keys: [][]byte{[]byte("a"), {}, []byte("c")}, more: true},
		{typ: msgDone, n: 3}, {typ: msgBye}, {typ: msgPing}, {typ: msgPong},
	}
}

func TestMessagesSurviveTheWire(t *testing.T) {
	for _, m := range exampleMessages() {
		got, err := DecodeMessage(AppendMessage(nil, &m))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("type %d: %+v, %v; want %+v", m.typ, got, err, m)
		}
	}
}

func TestCutMessagesAreRefused(t *testing.T) {
	for _, m := range exampleMessages() {
		b := AppendMessage(nil, &m)
		for cut := range b {
			if _, err := DecodeMessage(b[:cut]); !errors.Is(err, ErrMalformed) {
				t.Errorf("type %d cut at %d: %v", m.typ, cut, err)
			}
		}
	}
}

// TestLaterReleases: a type and fields that this release does not know are no error.
func TestLaterReleases(t *testing.T) {
	if m, err := DecodeMessage([]byte{0x93, 0x63, 0x05, 0xc3}); err != nil || m.typ != 0x63 || m.n != 5 {
		t.Errorf("unknown type: %+v, %v", m, err)
	}
	longer := AppendMessage(nil, &Message{typ: msgDone, n: 4})
	longer[0]++ // one more element
	if m, err := DecodeMessage(append(longer, 0xc0)); err != nil || m.n != 4 {
		t.Errorf("a further field: %+v, %v", m, err)
	}
}

func FuzzMessage(f *testing.F) {
	for _, m := range exampleMessages() {
		f.Add(AppendMessage(nil, &m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMessage(b)
		if err != nil {
			return
		}
		again, err := DecodeMessage(AppendMessage(nil, &m))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v comes back as %+v, %v", m, again, err)
		}
	})
}

// FuzzReceiver feeds a receiver with whatever decodes: it may refuse, it must not panic.
func FuzzReceiver(f *testing.F) {
	for _, m := range exampleMessages() {
		f.Add(AppendMessage(nil, &m), AppendMessage(nil, &Message{typ: msgPart, n: 1, size: 3, data: []byte("abc")}))
	}
	self := slots.NodeID{1}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		set := slots.NewSet(5)
		m, err := slots.NewMap(slots.Topology{Self: self,
			Nodes: []slots.Node{{ID: self}, {ID: slots.NodeID{3}, Slots: &set}}})
		if err != nil {
			t.Fatal(err)
		}
		r := NewReceiver(ReceiverConfig{Map: func() *slots.Map { return m }})
		hello := Message{typ: msgHello, kind: KindMove, source: slots.NodeID{3}, target: self, slots: &set}
		for _, in := range [][]byte{AppendMessage(nil, &hello), a, b, a} {
			m, err := DecodeMessage(in)
			if err != nil || r.Receive(time.Unix(1000, 0), m) != nil {
				return
			}
			for _, e := range r.output() {
				switch e := e.(type) {
				case SetSlots:
					r.Changed(e.N, nil)
				case StoreBatch:
					r.Stored(e.N, 0, nil)
				}
			}
		}
	})
}

func exampleJobs() []Job {
	return []Job{
		{ID: JobID{1}, Kind: KindMove, Slots: slots.NewSet(1, 2, 9), Source: slots.NodeID{1}, Target: slots.NodeID{2},
			Created: time.UnixMilli(1e12)},
		{ID: JobID{2}, Kind: KindMove, Slots: slots.Full(), Cancelled: true, Successors: []slots.NodeID{{5}, {6}},
			Created: time.UnixMilli(5)},
	}
}

func TestJournal(t *testing.T) {
	file := EncodeJournal(exampleJobs())
	got, err := DecodeJournal(file)
	if err != nil || !reflect.DeepEqual(got, exampleJobs()) {
		t.Fatalf("%+v, %v", got, err)
	}
	for cut := range file {
		if _, err := DecodeJournal(file[:cut]); !errors.Is(err, frame.ErrCorrupt) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	later := frame.Seal(journalMagic, journalVersion+1, []byte{0x90})
	if _, err := DecodeJournal(later); !errors.Is(err, ErrMalformed) {
		t.Errorf("a later version: %v", err)
	}
}

func FuzzJournal(f *testing.F) {
	_, payload, _ := frame.Open(journalMagic, EncodeJournal(exampleJobs()))
	f.Add(payload)
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		DecodeJournal(payload)
		jobs, err := DecodeJournal(frame.Seal(journalMagic, journalVersion, payload))
		if err != nil {
			return
		}
		again, err := DecodeJournal(EncodeJournal(jobs))
		if err != nil || !reflect.DeepEqual(again, jobs) {
			t.Fatalf("%+v comes back as %+v, %v", jobs, again, err)
		}
	})
}
