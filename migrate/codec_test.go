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

func exampleMessages() []message {
	set := slots.NewSet(0, 1, 2, 5461, 16383)
	return []message{
		{Type: msgHello, Job: JobID{1, 2}, Kind: KindReturn, Source: slots.NodeID{3}, Target: slots.NodeID{4}, Slots: &set},
		{Type: msgPrepare, N: 7, Slots: &set},
		{Type: msgPrepare, N: 8, Slots: &set, Promises: []promise{{1, slots.NewSet(0, 1)}, {3, slots.NewSet(5461)}}},
		{Type: msgHello, Kind: KindReturn, Slots: &set, Promises: []promise{{2, set}}},
		{Type: msgList, N: 300, Slots: new(slots.Set)},
		{Type: msgFinalise, N: 1 << 40, Slots: &set},
		{Type: msgAbandon, N: 9, Slots: &set},
		{Type: msgWelcome, Slots: new(slots.Set)},
		{Type: msgPart, N: 8, Size: 1 << 30, Offset: 256 << 10, Data: bytes.Repeat([]byte("x"), 300)},
		{Type: msgAck, N: 8, Size: 12, Held: 2},
		{Type: msgDelay, N: 8, Text: "too few"},
		{Type: msgRefuse, N: 8, Text: "OOM"},
		{Type: msgKeys, N: 1, Slot: 5, Keys: [][]byte{[]byte("a"), {}, []byte("c")}, More: true},
		{Type: msgDone, N: 3}, {Type: msgBye}, {Type: msgPing}, {Type: msgPong},
	}
}

func TestMessagesSurviveTheWire(t *testing.T) {
	for _, m := range exampleMessages() {
		got, err := decodeMessage(appendMessage(nil, &m))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("type %d: %+v, %v; want %+v", m.Type, got, err, m)
		}
	}
}

func TestCutMessagesAreRefused(t *testing.T) {
	for _, m := range exampleMessages() {
		b := appendMessage(nil, &m)
		for cut := range b {
			if _, err := decodeMessage(b[:cut]); !errors.Is(err, ErrMalformed) {
				t.Errorf("type %d cut at %d: %v", m.Type, cut, err)
			}
		}
	}
}

// TestLaterReleases: a type and fields that this release does not know are no error.
func TestLaterReleases(t *testing.T) {
	if m, err := decodeMessage([]byte{0x93, 0x63, 0x05, 0xc3}); err != nil || m.Type != 0x63 || m.N != 5 {
		t.Errorf("unknown type: %+v, %v", m, err)
	}
	longer := appendMessage(nil, &message{Type: msgDone, N: 4})
	longer[0]++ // one more element
	if m, err := decodeMessage(append(longer, 0xc0)); err != nil || m.N != 4 {
		t.Errorf("a further field: %+v, %v", m, err)
	}
}

func FuzzMessage(f *testing.F) {
	for _, m := range exampleMessages() {
		f.Add(appendMessage(nil, &m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMessage(b)
		if err != nil {
			return
		}
		again, err := decodeMessage(appendMessage(nil, &m))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v comes back as %+v, %v", m, again, err)
		}
	})
}

// FuzzReceiver feeds a receiver with whatever decodes: it may refuse, it must not panic.
func FuzzReceiver(f *testing.F) {
	for _, m := range exampleMessages() {
		f.Add(appendMessage(nil, &m), appendMessage(nil, &message{Type: msgPart, N: 1, Size: 3, Data: []byte("abc")}))
	}
	self := slots.NodeID{1}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		set := slots.NewSet(5)
		m, err := slots.NewMap(slots.Topology{Self: self,
			Nodes: []slots.Node{{ID: self}, {ID: slots.NodeID{3}, Slots: &set}}})
		if err != nil {
			t.Fatal(err)
		}
		r := newReceiver(m, func(slots.Slot) bool { return false },
			func(slots.NodeID, *slots.Set) (s slots.Set) { return s }, alone{}.Standing)
		hello := message{Type: msgHello, Kind: KindMove, Source: slots.NodeID{3}, Target: self, Slots: &set}
		for _, in := range [][]byte{appendMessage(nil, &hello), a, b, a} {
			m, err := decodeMessage(in)
			if err != nil || r.receive(m) != nil {
				return
			}
			for _, e := range r.output() {
				switch e := e.(type) {
				case setSlots:
					r.changed(e.n, nil)
				case store:
					r.stored(e.n, 0, nil)
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
