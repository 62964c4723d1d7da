package forming

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

func samplePeers(n int) []Peer {
	rng := rand.New(rand.NewPCG(1, 1))
	peers := make([]Peer, n)
	for i := range peers {
		for k := range peers[i].ID {
			peers[i].ID[k] = byte(rng.Uint32())
		}
		peers[i].Addr = slots.Addr{Host: "10.0.0." + string(rune('1'+i%9)), Port: uint16(7000 + i), BusPort: 17000}
	}
	return peers
}

func sampleValue(n, replicas int) *Value {
	return &Value{Cluster: gossip.ClusterID{7}, Founders: Plan(samplePeers(n), replicas)}
}

var sampleTerms = Terms{Name: "shop", List: []string{"a:7000", "dns:b:7001"}, Expect: 6, Replicas: 1}

func sampleRequests() []*Request {
	p := samplePeers(1)[0]
	p.Zone = "eu-1"
	b := Ballot{Round: 1 << 40, Node: p.ID}
	return []*Request{
		{Type: TypeHello, From: p, Terms: Terms{List: []string{}}},
		{Type: TypeHello, Seq: 300, At: "a:7000", From: Peer{ID: p.ID, Cluster: gossip.ClusterID{1}, Serving: true},
			Terms: sampleTerms},
		{Type: TypePrepare, Seq: 1, At: "a:7000", From: p, Terms: sampleTerms, Ballot: b},
		{Type: TypeAccept, Seq: 2, From: p, Terms: sampleTerms, Ballot: b, Value: sampleValue(7, 1)},
	}
}

func sampleReplies() []*Reply {
	p := samplePeers(1)[0]
	b := Ballot{Round: 3, Node: p.ID}
	return []*Reply{
		{Type: TypeHello, From: p, Terms: Terms{List: []string{}}},
		{Type: TypeHello, Seq: 4, From: p, Terms: sampleTerms, Have: 5, Decided: true, Value: sampleValue(1, 2)},
		{Type: TypePrepare, Seq: 4, From: p, Terms: sampleTerms, Ballot: b, OK: true, Promised: b, Accepted: b,
			Value: sampleValue(9, 0)},
		{Type: TypeAccept, From: p, Terms: sampleTerms, Ballot: b, Promised: Ballot{Round: 4}},
	}
}

func sampleStates() []*State {
	b := Ballot{Round: 3, Node: slots.NodeID{9}}
	return []*State{
		{Terms: sampleTerms},
		{Terms: sampleTerms, Promised: b},
		{Terms: sampleTerms, Promised: b, Accepted: b, Value: sampleValue(6, 1)},
		{Terms: sampleTerms, Decided: true, Value: sampleValue(3, 0)},
	}
}

func survive[T any](t *testing.T, list []*T, encode func([]byte, *T) []byte, decode func([]byte) (*T, error)) {
	t.Helper()
	for i, m := range list {
		b := encode(nil, m)
		got, err := decode(b)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%d: got %+v\nwant %+v", i, got, m)
		}
		for cut := range b {
			if _, err := decode(b[:cut]); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%d cut at %d of %d: %v", i, cut, len(b), err)
			}
		}
	}
}

func appendState(b []byte, s *State) []byte { return append(b, EncodeState(s)...) }

func TestEverythingSurvivesTheCodec(t *testing.T) {
	survive(t, sampleRequests(), AppendRequest, DecodeRequest)
	survive(t, sampleReplies(), AppendReply, DecodeReply)
	survive(t, sampleStates(), appendState, DecodeState)
}

// The largest message that a Core can send is no longer than a driver has to read.
func TestMaxMessage(t *testing.T) {
	m := sampleRequests()[3]
	peers := samplePeers(MaxFounders)
	host := strings.Repeat("h", maxHost)
	for i := range peers {
		peers[i].Addr = slots.Addr{Host: host, Port: 65535, BusPort: 65535, TLSPort: 65535}
	}
	m.Value = &Value{Cluster: gossip.ClusterID{1}, Founders: Plan(peers, 1)}
	m.Terms.List = nil
	for range MaxList {
		m.Terms.List = append(m.Terms.List, dnsPrefix+host+":65535")
	}
	b := AppendRequest(nil, m)
	if len(b) > MaxMessage {
		t.Errorf("it has %d bytes, more than %d", len(b), MaxMessage)
	}
	if _, err := DecodeRequest(b); err != nil {
		t.Error(err)
	}
}

// A later version may add fields.
func TestUnknownFieldsAreSkipped(t *testing.T) {
	w := newMap(nil)
	w.Uint(keyType, uint64(TypeHello))
	w.B = msgp.AppendArrayHeader(w.Key(100), 1)
	w.B = msgp.AppendString(w.B, "x")
	m := newMap(w.Key(keyFrom))
	m.id(peerID, slots.NodeID{1})
	m.String(99, "y")
	w.B = m.Done()
	b := w.Done()
	if _, err := DecodeRequest(b); err != nil {
		t.Error(err)
	}
	if _, err := DecodeReply(b); err != nil {
		t.Error(err)
	}
}

func TestDecodersRefuse(t *testing.T) {
	id, addr := slots.NodeID{1}, slots.Addr{Host: "a", BusPort: 1}
	all := slots.Range{Last: slots.Count - 1}
	for name, v := range map[string]*Value{
		"no cluster":    {Founders: []Founder{{ID: id, Addr: addr, Owns: true, Slots: all}}},
		"no founder":    {Cluster: gossip.ClusterID{1}},
		"no address":    {Cluster: gossip.ClusterID{1}, Founders: []Founder{{ID: id, Owns: true, Slots: all}}},
		"slots missing": {Cluster: gossip.ClusterID{1}, Founders: []Founder{{ID: id, Addr: addr, Owns: true}}},
		"slots twice": {Cluster: gossip.ClusterID{1}, Founders: []Founder{{ID: id, Addr: addr, Owns: true, Slots: all},
			{ID: slots.NodeID{2}, Addr: addr, Owns: true, Slots: all}}},
		"founder twice": {Cluster: gossip.ClusterID{1}, Founders: []Founder{{ID: id, Addr: addr, Owns: true, Slots: all},
			{ID: id, Addr: addr}}},
		"no such master": {Cluster: gossip.ClusterID{1}, Founders: []Founder{{ID: id, Addr: addr, Owns: true, Slots: all},
			{ID: slots.NodeID{2}, Addr: addr, Master: slots.NodeID{3}}}},
	} {
		r := &Request{Type: TypeAccept, From: Peer{ID: id}, Ballot: Ballot{1, id}, Value: v}
		if _, err := DecodeRequest(AppendRequest(nil, r)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range map[string]*Request{
		"no sender": {Type: TypeHello}, "no type": {From: Peer{ID: id}},
		"no ballot":       {Type: TypePrepare, From: Peer{ID: id}},
		"no value":        {Type: TypeAccept, From: Peer{ID: id}, Ballot: Ballot{1, id}},
		"a round too far": {Type: TypePrepare, From: Peer{ID: id}, Ballot: Ballot{1 << 63, id}},
		"no host":         {Type: TypeHello, From: Peer{ID: id, Addr: slots.Addr{Host: "a b", Port: 1}}},
	} {
		if _, err := DecodeRequest(AppendRequest(nil, r)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	claim := func(key uint64, inner uint64) []byte {
		w := newMap(nil)
		m := newMap(w.Key(key))
		m.B = append(m.Key(inner), 0xdd, 0xff, 0xff, 0xff, 0xff)
		w.B = m.Done()
		return w.Done()
	}
	for name, b := range map[string][]byte{
		"list": claim(keyTerms, termList), "founders": claim(keyValue, valueFounders), "unknown": claim(keyFrom, 99),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := DecodeRequest(b)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
	b := Ballot{Round: 1, Node: id}
	for name, s := range map[string]*State{
		"decided nothing":        {Decided: true},
		"accepted nothing":       {Promised: b, Accepted: b},
		"accepted without":       {Value: sampleValue(1, 0)},
		"accepted, not promised": {Accepted: b, Value: sampleValue(1, 0)},
	} {
		if _, err := DecodeState(EncodeState(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := DecodeState(frame.Seal(stateMagic, 2, nil)); !errors.Is(err, ErrMalformed) ||
		!strings.Contains(err.Error(), "version is 2") {
		t.Errorf("a later version: %v", err)
	}
}

// again wants what was decoded once to be the same after another round.
func again[T any](t *testing.T, m *T, encode func([]byte, *T) []byte, decode func([]byte) (*T, error)) {
	b := encode(nil, m)
	n, err := decode(b)
	if err != nil {
		t.Fatalf("%+v cannot be decoded again: %v", m, err)
	}
	if c := encode(nil, n); !bytes.Equal(b, c) {
		t.Fatalf("%x became %x", b, c)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, m := range sampleRequests() {
		f.Add(AppendRequest(nil, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := DecodeRequest(b); err == nil {
			again(t, m, AppendRequest, DecodeRequest)
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	for _, m := range sampleReplies() {
		f.Add(AppendReply(nil, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := DecodeReply(b); err == nil {
			again(t, m, AppendReply, DecodeReply)
		}
	})
}

// The input is the content within the seal, whose checksum a fuzzer cannot guess.
func FuzzDecodeState(f *testing.F) {
	for _, s := range sampleStates() {
		_, payload, _ := frame.Open(stateMagic, EncodeState(s))
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if s, err := DecodeState(frame.Seal(stateMagic, stateVersion, payload)); err == nil {
			again(t, s, appendState, DecodeState)
		}
		if _, err := DecodeState(payload); err == nil {
			t.Error("a state without a seal")
		}
	})
}
