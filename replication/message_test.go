package replication

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

var messages = []message{
	{kind: kindHello, version: 1, node: slots.NodeID{1, 2}, addr: slots.Addr{Host: "10.0.0.1", Port: 7001, BusPort: 17001},
		master: slots.NodeID{3}, cluster: [16]byte{4},
		wanted: []Position{{ID{1}, 5}, {ID{2}, 1 << 60}}},
	{kind: kindAck, offset: 1 << 40, stamp: 1 << 50},
	{kind: kindRefuse, text: "no"},
	{kind: kindResume, hist: History{ID{1}, 1000, ID{2}, 7, 3}, offset: 500},
	{kind: kindFull, hist: History{ID: ID{1}, Offset: 1000}, offset: 1000, keys: 1_000_000},
	{kind: kindStream, offset: 77, flags: flagAck, data: []byte("bytes")},
	{kind: kindDump, through: 16383, flags: flagMore, data: []byte("ops")},
	{kind: kindSynced, offset: 127},
	{kind: kindPing, offset: 128, flags: flagAck, stamp: 9},
	{kind: kindMetadata, text: "open", data: []byte("slots")},
	{kind: kindShard, data: []byte("node 1, node 2")},
}

func payload(t testing.TB, m *message) []byte {
	t.Helper()
	b, err := frame.NewReader(bytes.NewReader(appendMessage(nil, m)), maxMessage).Next()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessagesRoundTrip(t *testing.T) {
	for _, want := range messages {
		b := payload(t, &want)
		var got message
		if err := decodeMessage(b, &got); err != nil {
			t.Fatalf("kind %d: %v", want.kind, err)
		}
		if len(got.wanted) == 0 {
			got.wanted = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("kind %d: %+v, want %+v", want.kind, got, want)
		}
		for cut := range b {
			if err := decodeMessage(b[:cut], &got); !errors.Is(err, frame.ErrCorrupt) {
				t.Fatalf("kind %d cut at %d: %v", want.kind, cut, err)
			}
		}
	}
}

// liveMessages is what a replica gets in a full sync and after, each message behind its
// length (2 bytes, little-endian).
func liveMessages(t testing.TB) []byte {
	t.Helper()
	log := NewBacklog(0)
	store := keyspace.New(keyspace.Config{Sink: log})
	fill(t, store, 30, 10)
	log.PutMetadata("n", []byte("note"))
	reader, all, _, err := log.join(nil, 30)
	if err != nil {
		t.Fatal(err)
	}
	f := sender{store: store, in: reader, offset: reader.Offset(), cover: log.Offset, phase: senderDump,
		limits: senderLimits{200, 300, 250}}
	for i := range 300 {
		if i < 20 {
			fill(t, store, i, i)
		}
		if all, err = f.next(all, 0); err != nil {
			t.Fatal(err)
		}
	}
	var script []byte
	for r := frame.NewReader(bytes.NewReader(all), maxMessage); ; {
		b, err := r.Next()
		if err != nil {
			return script
		}
		script = append(binary.LittleEndian.AppendUint16(script, uint16(len(b))), b...)
	}
}

// FuzzApplier senders a replica with messages from a hostile master.
func FuzzApplier(f *testing.F) {
	f.Add(liveMessages(f))
	var each []byte
	for _, m := range messages {
		b := payload(f, &m)
		each = append(binary.LittleEndian.AppendUint16(each, uint16(len(b))), b...)
	}
	f.Add(each)
	f.Fuzz(func(t *testing.T, script []byte) {
		d := emptyDataset()
		d.log.follow()
		in := applier{live: d, stage: emptyDataset, adopt: func(staged dataset) { d.log.adopt(staged.log) }}
		for len(script) >= 2 {
			n := min(int(binary.LittleEndian.Uint16(script)), len(script)-2)
			var m message
			if err := decodeMessage(script[2:2+n], &m); err != nil {
				return
			}
			if err := in.step(&m); err != nil {
				return
			}
			script = script[2+n:]
		}
	})
}

func TestLiveMessagesAreTakenIn(t *testing.T) {
	script := liveMessages(t)
	d := emptyDataset()
	d.log.follow()
	in := applier{live: d, stage: emptyDataset, adopt: func(staged dataset) { d.log.adopt(staged.log) }}
	for len(script) > 0 {
		n := int(binary.LittleEndian.Uint16(script))
		var m message
		if err := decodeMessage(script[2:2+n], &m); err != nil {
			t.Fatal(err)
		}
		if err := in.step(&m); err != nil {
			t.Fatalf("message %d: %v", m.kind, err)
		}
		script = script[2+n:]
	}
	if in.phase != applierStream {
		t.Fatalf("phase %d, want the stream", in.phase)
	}
}

// A message that comes out of turn, or that does not fit what came before, ends the link.
func TestApplierRefuses(t *testing.T) {
	full := message{kind: kindFull, hist: History{ID: ID{1}, Offset: 10}, offset: 10}
	for name, script := range map[string][]message{
		"a stream before the decision":  {{kind: kindStream}},
		"a dump before the decision":    {{kind: kindDump}},
		"an end before the decision":    {{kind: kindSynced}},
		"two decisions":                 {full, full},
		"to resume elsewhere":           {{kind: kindResume, hist: History{ID: ID{1}, Offset: 10}, offset: 5}},
		"a gap in the stream":           {full, {kind: kindStream, offset: 11}},
		"an end before all slots":       {full, {kind: kindDump, through: 16382}, {kind: kindSynced, offset: 10}},
		"an end elsewhere":              {full, {kind: kindDump, through: 16383}, {kind: kindSynced, offset: 11}},
		"slots that go back":            {full, {kind: kindDump, through: 5}, {kind: kindDump, through: 4}},
		"a record of an unknown kind":   {full, {kind: kindStream, offset: 10, data: []byte{ext32, 0, 0, 0, 0, 9}}},
		"no record":                     {full, {kind: kindStream, offset: 10, data: []byte{1}}},
		"a record that claims too much": {full, {kind: kindStream, offset: 10, data: []byte{ext32, 255, 255, 255, 255, 1}}},
		"a refusal":                     {{kind: kindRefuse, text: "no"}},
	} {
		d := emptyDataset()
		d.log.follow()
		in := applier{live: d, stage: emptyDataset, adopt: func(dataset) {}}
		var err error
		for i := range script {
			if err = in.step(&script[i]); err != nil {
				break
			}
		}
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
