package replication

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

var messages = []Message{
	{Kind: KindHello, Version: 1, Node: slots.NodeID{1, 2}, Addr: slots.Addr{Host: "10.0.0.1", Port: 7001, BusPort: 17001},
		Master: slots.NodeID{3}, Cluster: [16]byte{4},
		Wanted: []Position{{ID{1}, 5}, {ID{2}, 1 << 60}}},
	{Kind: KindAck, Offset: 1 << 40, Stamp: 1 << 50},
	{Kind: KindRefuse, Text: "no"},
	{Kind: KindResume, History: History{ID{1}, 1000, ID{2}, 7, 3}, Offset: 500},
	{Kind: KindFull, History: History{ID: ID{1}, Offset: 1000}, Offset: 1000, Keys: 1_000_000},
	{Kind: KindStream, Offset: 77, Flags: FlagAck, Data: []byte("bytes")},
	{Kind: KindDump, Through: 16383, Flags: FlagMore, Data: []byte("ops")},
	{Kind: KindSynced, Offset: 127},
	{Kind: KindPing, Offset: 128, Flags: FlagAck, Stamp: 9},
	{Kind: KindMetadata, Text: "open", Data: []byte("slots")},
	{Kind: KindShard, Data: []byte("node 1, node 2")},
	{Kind: KindAck, Offset: 1 << 40, Stamp: 1 << 50, Durable: 1<<40 - 5},
}

func payload(t testing.TB, m *Message) []byte {
	t.Helper()
	b, err := frame.NewReader(bytes.NewReader(AppendMessage(nil, m)), MaxMessage).Next()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessagesRoundTrip(t *testing.T) {
	for _, want := range messages {
		b := payload(t, &want)
		var got Message
		if err := DecodeMessage(b, &got); err != nil {
			t.Fatalf("kind %d: %v", want.Kind, err)
		}
		if len(got.Wanted) == 0 {
			got.Wanted = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("kind %d: %+v, want %+v", want.Kind, got, want)
		}
		for cut := range b {
			if err := DecodeMessage(b[:cut], &got); !errors.Is(err, frame.ErrCorrupt) {
				t.Fatalf("kind %d cut at %d: %v", want.Kind, cut, err)
			}
		}
	}
}

// liveMessages is what a replica gets in a full sync and after, each message behind its
// length (2 bytes, little-endian).
func liveMessages(t testing.TB) []byte {
	t.Helper()
	store, log := newMaster()
	fill(t, store, 30, 10)
	log.PutMetadata("n", []byte("note"))
	cur, all, _, err := log.Join(nil, 30)
	if err != nil {
		t.Fatal(err)
	}
	f := NewSender(SenderConfig{Store: store, Source: cur, Offset: cur.Offset(), Full: true, Covered: log.Offset})
	f.limits = senderLimits{200, 300, 250}
	for i := range 300 {
		if i < 20 {
			fill(t, store, i, i)
		}
		if all, err = f.Next(all, 0); err != nil {
			t.Fatal(err)
		}
	}
	var script []byte
	for r := frame.NewReader(bytes.NewReader(all), MaxMessage); ; {
		b, err := r.Next()
		if err != nil {
			return script
		}
		script = append(binary.LittleEndian.AppendUint16(script, uint16(len(b))), b...)
	}
}

// FuzzApplier feeds a replica with messages from a hostile master.
func FuzzApplier(f *testing.F) {
	f.Add(liveMessages(f))
	var each []byte
	for _, m := range messages {
		b := payload(f, &m)
		each = append(binary.LittleEndian.AppendUint16(each, uint16(len(b))), b...)
	}
	f.Add(each)
	f.Fuzz(func(t *testing.T, script []byte) {
		in := NewApplier(newReplica())
		for len(script) >= 2 {
			n := min(int(binary.LittleEndian.Uint16(script)), len(script)-2)
			var m Message
			if err := DecodeMessage(script[2:2+n], &m); err != nil {
				return
			}
			if err := in.Step(&m); err != nil {
				return
			}
			script = script[2+n:]
		}
	})
}

func TestLiveMessagesAreTakenIn(t *testing.T) {
	script := liveMessages(t)
	in := NewApplier(newReplica())
	for len(script) > 0 {
		n := int(binary.LittleEndian.Uint16(script))
		var m Message
		if err := DecodeMessage(script[2:2+n], &m); err != nil {
			t.Fatal(err)
		}
		if err := in.Step(&m); err != nil {
			t.Fatalf("message %d: %v", m.Kind, err)
		}
		script = script[2+n:]
	}
	if in.Phase() != PhaseStream {
		t.Fatalf("phase %d, want the stream", in.Phase())
	}
}

// A message that comes out of turn, or that does not fit what came before, ends the link.
func TestApplierRefuses(t *testing.T) {
	full := Message{Kind: KindFull, History: History{ID: ID{1}, Offset: 10}, Offset: 10}
	for name, script := range map[string][]Message{
		"a stream before the decision":  {{Kind: KindStream}},
		"a dump before the decision":    {{Kind: KindDump}},
		"an end before the decision":    {{Kind: KindSynced}},
		"two decisions":                 {full, full},
		"to resume elsewhere":           {{Kind: KindResume, History: History{ID: ID{1}, Offset: 10}, Offset: 5}},
		"a gap in the stream":           {full, {Kind: KindStream, Offset: 11}},
		"an end before all slots":       {full, {Kind: KindDump, Through: 16382}, {Kind: KindSynced, Offset: 10}},
		"an end elsewhere":              {full, {Kind: KindDump, Through: 16383}, {Kind: KindSynced, Offset: 11}},
		"slots that go back":            {full, {Kind: KindDump, Through: 5}, {Kind: KindDump, Through: 4}},
		"a record of an unknown kind":   {full, {Kind: KindStream, Offset: 10, Data: []byte{ext32, 0, 0, 0, 0, 9}}},
		"no record":                     {full, {Kind: KindStream, Offset: 10, Data: []byte{1}}},
		"a record that claims too much": {full, {Kind: KindStream, Offset: 10, Data: []byte{ext32, 255, 255, 255, 255, 1}}},
		"a refusal":                     {{Kind: KindRefuse, Text: "no"}},
	} {
		in := NewApplier(newReplica())
		var err error
		for i := range script {
			if err = in.Step(&script[i]); err != nil {
				break
			}
		}
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestNumbersOfMessagesAreBounded(t *testing.T) {
	full := Message{Kind: KindFull, History: History{ID: ID{1}, Offset: 10}, Offset: 10}
	for name, change := range map[string]func(*Message){
		"term":   func(m *Message) { m.History.Term = math.MaxUint64 },
		"offset": func(m *Message) { m.Offset = maxOffset + 1 },
	} {
		m := full
		change(&m)
		if err := DecodeMessage(payload(t, &m), &m); !errors.Is(err, frame.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, s := newReplica()
	s.hist.Term = maxOffset
	if h := s.Promote(1); h.Term != maxOffset {
		t.Errorf("term %d after the greatest", h.Term)
	}
	m := Message{Kind: KindRefuse, Text: "no\r\n# a line of its own" + strings.Repeat("x", 2*maxText)}
	if err := DecodeMessage(payload(t, &m), &m); err != nil || strings.ContainsAny(m.Text, "\r\n") ||
		len(m.Text) > maxText {
		t.Errorf("%.40q of %d bytes, %v", m.Text, len(m.Text), err)
	}
	in := NewApplier(newReplica())
	if err := in.Step(&full); err != nil {
		t.Fatal(err)
	}
	notes := 0
	for err := error(nil); err == nil; notes++ {
		err = in.Step(&Message{Kind: KindMetadata, Text: fmt.Sprintf("%065536d", notes), Data: []byte{1}})
		if err != nil && !errors.Is(err, frame.ErrCorrupt) {
			t.Fatalf("note %d: %v", notes, err)
		}
	}
	if most := maxMetadata / maxNoteName; notes < most-10 || notes > most {
		t.Errorf("%d notes with names of 64 KiB were taken", notes)
	}
}
