package gossip

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

func sampleMessages() []*Message {
	id := slots.NodeID{1, 2, 3}
	some, full := setOf(3, 900), slots.Full()
	odd := new(slots.Set)
	for slot := slots.Slot(1); slot < slots.Count; slot += 2 {
		odd.Add(slot)
	}
	records := []Record{
		{ID: id, Gen: 3, Gone: true},
		{ID: slots.NodeID{9}, Incarnation: 1 << 60, Seq: 300,
			Addr: slots.Addr{Host: "10.0.0.1", Port: 7000, BusPort: 17000}, ConfigEpoch: 70_000, Slots: &some},
		{ID: slots.NodeID{8}, Hostname: "a-name-that-is-longer-than-thirty-one-bytes.example", Slots: odd, NoFailover: true},
		{ID: slots.NodeID{9}, Slots: &some, Fenced: true, Data: Data{Term: 3, Offset: 1 << 40}},
		{ID: slots.NodeID{7}, Master: id},
	}
	return []*Message{
		{Type: TypePing, Sender: id},
		{
			Type: TypePong, Cluster: ClusterID{5}, Sender: id, Gen: 1, Incarnation: 2, Epoch: 3, Digest: 1 << 63,
			Served: true, Offset: 1 << 40, Term: 7, Missing: true, Suspects: []slots.NodeID{{4}, {5}}, Self: &records[1],
			You: "::1", Join: &Join{Established: true, Slots: full, Member: true},
		},
		{Type: TypeMeet, Sender: id, Self: &records[2], Join: &Join{}},
		{Type: TypeNews, Sender: id, Records: records, Want: []uint64{1, 1 << 63}},
		{Type: TypeNews, Sender: id, Records: records[:2], Want: []uint64{1}},
		{Type: TypeSummary, Sender: id, Summary: []Entry{{1, 2}, {3, 1 << 63}}},
		{Type: TypeRefuse, Sender: id, Reason: "because"},
		{Type: TypeFail, Sender: id, Subject: slots.NodeID{6}},
		{Type: TypeVoteRequest, Sender: id, Epoch: 9, Self: &records[3], Subject: id, ConfigEpoch: 8, Slots: &some,
			Forced: true, Electorate: 1 << 62},
		{Type: TypeVoteRequest, Sender: id, Epoch: 9, Subject: id, Slots: &some, Fenced: true,
			Records: records[len(records)-1:], Term: 2, Offset: 5},
		{Type: TypeVote, Sender: id, ConfigEpoch: 9, Electorate: 1 << 62},
		{Type: TypeDeny, Sender: id, ConfigEpoch: 9},
		{Type: TypePause, Sender: id},
		{Type: TypePaused, Sender: id, Offset: 1 << 33},
		{Type: TypeResume, Sender: id},
		{Type: TypeHandOver, Sender: id},
		{Type: TypeSuspect, Sender: id, Suspects: []slots.NodeID{id}},
		{Type: TypeForgotten, Sender: id, Records: records[:1]},
		{Type: TypeNews, Sender: id, Records: []Record{{ID: id, Seq: 1,
			Addr: slots.Addr{Host: "10.0.0.1", BusPort: 17000, TLSPort: 7001}}}},
		{Type: TypeNews, Sender: id, Records: []Record{{ID: slots.NodeID{6}, Zone: "eu-central-1a", Leaving: true}}},
		{Type: TypeNews, Sender: id, Electors: 3, Records: []Record{{ID: slots.NodeID{6}, Witness: true}}},
		{Type: TypeAccept, Sender: id, ConfigEpoch: 9, Electorate: 1, Voters: &Electorate{Version: 2, Epoch: 9,
			Voters: []slots.NodeID{{1}, {2}}}},
		{Type: TypeElectorate, Sender: id, Electors: 2, Voters: &Electorate{Version: 2, Epoch: 9}},
		{Type: TypeVote, Sender: id, ConfigEpoch: 9, Undecided: []Undecided{{Epoch: 7, Candidate: id, Slots: &some},
			{Epoch: 8, Slots: &some}}, Owners: []OwnerEpoch{{1, 7}, {1 << 63, 1 << 40}}},
		{Type: TypeOutcome, Sender: id, ConfigEpoch: 9},
		{Type: TypeWithdrawn, Sender: id, ConfigEpoch: 9},
	}
}

func TestMessagesSurviveTheCodec(t *testing.T) {
	for _, m := range sampleMessages() {
		b := AppendMessage([]byte("x"), m)[1:]
		got, err := DecodeMessage(b)
		if err != nil {
			t.Fatalf("%v: %v", m.Type, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%v: got %+v\nwant %+v", m.Type, got, m)
		}
		for cut := range b {
			if _, err := DecodeMessage(b[:cut]); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v cut at %d of %d: %v", m.Type, cut, len(b), err)
			}
		}
	}
}

// A later version may add fields of any kind.
func TestUnknownFieldsAreSkipped(t *testing.T) {
	for name, value := range map[string][]byte{
		"nil": {0xc0}, "negative": {0xff}, "float": {0xcb, 0, 0, 0, 0, 0, 0, 0, 0}, "float32": {0xca, 0, 0, 0, 0},
		"int": {0xd3, 0, 0, 0, 0, 0, 0, 0, 0}, "text": {0xd9, 1, 'x'}, "short text": {0xa1, 'x'}, "bytes": {0xc4, 1, 0},
		"extension": {0xd4, 1, 0}, "long extension": {0xc7, 2, 1, 0, 0}, "map": {0x81, 1, 0x92, 1, 2},
		"array":    {0xdc, 0, 1, 0xc3},
		"long map": {0xdf, 0, 0, 0, 1, 1, 2}, "long array": {0xdd, 0, 0, 0, 1, 1}, "int8": {0xd0, 1}, "true": {0xc3},
	} {
		w := newMap(nil)
		w.Uint(keyType, uint64(TypePing))
		w.B = append(w.Key(100), value...)
		w.id(keySender, slots.NodeID{1})
		m, err := DecodeMessage(w.Done())
		if err != nil || m.Sender != (slots.NodeID{1}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodersAllocateOnlyWhatIsThere(t *testing.T) {
	head := func(key uint64, claim ...byte) []byte {
		w := newMap(nil)
		w.B = append(w.Key(key), claim...)
		return w.Done()
	}
	nest := bytes.Repeat([]byte{0x91}, 100_000)
	for name, b := range map[string][]byte{
		"records":  head(keyRecords, 0xdd, 0xff, 0xff, 0xff, 0xff),
		"suspects": head(keySuspects, 0xdd, 0xff, 0xff, 0xff, 0xff),
		"summary":  head(keySummary, 0xc6, 0xff, 0xff, 0xff, 0xff),
		"open":     head(keyUndecided, 0xdd, 0xff, 0xff, 0xff, 0xff),
		"owners":   head(keyOwners, 0xc6, 0x7f, 0xff, 0xff, 0xff),
		"want":     head(keyWant, 0xc6, 0x7f, 0xff, 0xff, 0xff),
		"unknown":  head(99, 0xdd, 0xff, 0xff, 0xff, 0xff),
		"nesting":  head(99, nest...),
		"map":      {0xde, 0xff, 0xff},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := DecodeMessage(b)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%s: %d bytes allocated for a claim", name, got)
		}
	}
}

func sampleState() *State {
	m := sampleMessages()[3]
	return &State{
		Cluster: ClusterID{1}, Established: true, Served: true, CurrentEpoch: 9, LastVoteEpoch: 8,
		Nodes:     []Record{m.Records[1], m.Records[0], m.Records[3]},
		Migrating: map[slots.Slot]slots.NodeID{5: {1}, 16383: {2}}, Importing: map[slots.Slot]slots.NodeID{0: {3}},
		Ceded: map[slots.Slot]slots.NodeID{7: {4}},
	}
}

func TestStateSurvivesTheCodec(t *testing.T) {
	want := sampleState()
	got, err := DecodeState(EncodeState(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	if _, err := DecodeState(frame.Seal(stateMagic, stateVersion+1, nil)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a later version: %v", err)
	}
	file := EncodeState(want)
	for _, bad := range [][]byte{nil, file[:len(file)-1], append([]byte("x"), file...)} {
		if _, err := DecodeState(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("a damaged file: %v", err)
		}
	}
}

// fuzzBytes bounds the inputs of the fuzz tests. The fuzzer spends up to a minute on making
// an interesting input shorter, byte by byte; with bitmaps of 2 KiB in its corpus it
// does hardly anything else. The bitmap has its test in TestMessagesSurviveTheCodec.
const fuzzBytes = 256

// fuzzSeeds returns the samples that are short enough.
func fuzzSeeds() (list [][]byte) {
	for _, m := range sampleMessages() {
		if b := AppendMessage(nil, m); len(b) <= fuzzBytes {
			list = append(list, b)
		}
	}
	return list
}

func FuzzMessage(f *testing.F) {
	for _, b := range fuzzSeeds() {
		f.Add(b)
	}
	f.Add([]byte{0xde, 0xff, 0xff, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > fuzzBytes {
			return
		}
		m, err := DecodeMessage(b)
		if err != nil {
			return
		}
		again, err := DecodeMessage(AppendMessage(nil, m))
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded and decoded: %v", err)
		}
		if !bytes.Equal(AppendMessage(nil, m), AppendMessage(nil, again)) {
			t.Fatal("the encoding is not stable")
		}
	})
}

func FuzzState(f *testing.F) {
	good := EncodeState(sampleState())
	f.Add(good[16 : len(good)-8])
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > fuzzBytes {
			return
		}
		if st, err := DecodeState(frame.Seal(stateMagic, stateVersion, payload)); err == nil {
			again, err := DecodeState(EncodeState(st))
			if err != nil || !bytes.Equal(EncodeState(st), EncodeState(again)) {
				t.Fatalf("what was decoded cannot be encoded and decoded: %v", err)
			}
		}
		DecodeState(payload)
	})
}

// FuzzStep feeds a core with whatever decodes, from a member and from a stranger.
func FuzzStep(f *testing.F) {
	for _, b := range fuzzSeeds() {
		f.Add(b, true)
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, member bool) {
		if len(b) > fuzzBytes {
			return
		}
		m, err := DecodeMessage(b)
		if err != nil {
			return
		}
		c, err := NewCore(Config{
			Addr: slots.Addr{Port: 1, BusPort: 2}, Rand: rand.New(rand.NewPCG(1, 2)),
		}, nil, simStart)
		if err != nil {
			t.Fatal(err)
		}
		if member && m.Sender != c.ID() {
			c.add(&Record{ID: m.Sender, Gen: m.Gen})
		}
		c.LinkUp(simStart, 1, slots.Addr{}, "10.0.0.9")
		for range 2 {
			c.Step(simStart, 1, m)
			c.Tick(simStart)
			if out := c.Output(); len(out.Sends) > 100 {
				t.Fatalf("%d messages in answer to one", len(out.Sends))
			}
		}
	})
}
