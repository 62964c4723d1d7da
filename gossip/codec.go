package gossip

import (
	"encoding/binary"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// MaxMessage is the greatest length of an encoded message, in bytes: a driver need not
// read a longer one. A summary of slots.MaxNodes nodes or a full News is well below it.
const MaxMessage = 1 << 20

const (
	maxHost   = 255 // a DNS name is no longer
	maxReason = 1 << 10
	// maxRecords bounds what a message can grow to in memory: a record of 30 bytes may name
	// a range of slots, and its set takes 2 KiB.
	maxRecords = 512
)

// Keys of a message's fields. A key keeps its meaning for ever; new fields get new keys,
// and old readers skip them.
const (
	keyType = iota
	keyCluster
	keySender
	keyGen
	keyIncarnation
	keyEpoch
	keyDigest
	keyOffset
	keySuspects
	keySelf
	keyEstablished
	keyAssigned
	keyYou
	keyRecords
	keySummary
	keyWant
	keySubject
	keyReason
	keyConfigEpoch
	keySlots
	keyForced
	keyElectorate
	keyServed
	keyMember
	keyTerm
	keyMissing
	keyFenced
	keyElectors
	keyVoters
	keyUndecided
	keyOwners
)

// mapWriter writes the fields of messages and records.
type mapWriter struct{ msgp.MapWriter }

func newMap(b []byte) mapWriter { return mapWriter{msgp.NewMap(b)} }

func (w *mapWriter) id(k uint64, id slots.NodeID) {
	if !id.IsZero() {
		w.B = msgp.AppendBytes(w.Key(k), id[:])
	}
}

func (w *mapWriter) set(k uint64, s *slots.Set) {
	if s != nil && !s.Empty() {
		w.B = packSet(w.Key(k), s)
	}
}

// AppendMessage appends m in msgpack.
func AppendMessage(b []byte, m *Message) []byte {
	w := newMap(b)
	w.Uint(keyType, uint64(m.Type))
	if !m.Cluster.IsZero() {
		w.B = msgp.AppendBytes(w.Key(keyCluster), m.Cluster[:])
	}
	w.id(keySender, m.Sender)
	w.Uint(keyGen, m.Gen)
	w.Uint(keyIncarnation, m.Incarnation)
	w.Uint(keyEpoch, m.Epoch)
	w.Uint(keyDigest, m.Digest)
	w.Uint(keyOffset, m.Offset)
	if len(m.Suspects) > 0 {
		w.B = msgp.AppendArrayHeader(w.Key(keySuspects), len(m.Suspects))
		for i := range m.Suspects {
			w.B = msgp.AppendBytes(w.B, m.Suspects[i][:])
		}
	}
	if m.Self != nil {
		w.B = appendRecord(w.Key(keySelf), m.Self)
	}
	if m.Join != nil {
		w.B = msgp.AppendUint(w.Key(keyEstablished), uint64(boolByte(m.Join.Established)))
		w.set(keyAssigned, &m.Join.Slots)
		w.Bool(keyMember, m.Join.Member)
	}
	w.String(keyYou, m.You)
	if len(m.Records) > 0 {
		w.B = msgp.AppendArrayHeader(w.Key(keyRecords), len(m.Records))
		for i := range m.Records {
			w.B = appendRecord(w.B, &m.Records[i])
		}
	}
	if len(m.Summary) > 0 {
		w.B = msgp.AppendBytesHeader(w.Key(keySummary), 16*len(m.Summary))
		for _, e := range m.Summary {
			w.B = binary.LittleEndian.AppendUint64(w.B, e.Node)
			w.B = binary.LittleEndian.AppendUint64(w.B, e.Hash)
		}
	}
	if len(m.Want) > 0 {
		w.B = msgp.AppendBytesHeader(w.Key(keyWant), 8*len(m.Want))
		for _, id := range m.Want {
			w.B = binary.LittleEndian.AppendUint64(w.B, id)
		}
	}
	w.id(keySubject, m.Subject)
	w.String(keyReason, m.Reason)
	w.Uint(keyConfigEpoch, m.ConfigEpoch)
	w.set(keySlots, m.Slots)
	w.Bool(keyForced, m.Forced)
	w.Uint(keyElectorate, m.Electorate)
	w.Bool(keyServed, m.Served)
	w.Uint(keyTerm, m.Term)
	w.Bool(keyMissing, m.Missing)
	w.Bool(keyFenced, m.Fenced)
	w.Uint(keyElectors, m.Electors)
	w.electorate(keyVoters, m.Voters)
	w.undecided(keyUndecided, m.Undecided)
	w.owners(keyOwners, m.Owners)
	return w.Done()
}

func boolByte(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// DecodeMessage reads what AppendMessage wrote. It copies what it keeps, and allocates no
// more than a small multiple of len(b). Errors match ErrMalformed.
func DecodeMessage(b []byte) (*Message, error) {
	m := new(Message)
	r := newReader(b)
	for range r.Map("message") {
		if r.Err() != nil {
			break
		}
		m.decodeField(r, r.Uint("key"))
	}
	if r.End(); m.Type == 0 || m.Sender.IsZero() {
		r.Fail("message", "has no type or no sender")
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return m, nil
}

func (m *Message) decodeField(r *reader, key uint64) {
	switch key {
	case keyType:
		m.Type = Type(min(r.Uint("type"), 255))
	case keyCluster:
		r.Fixed("cluster id", m.Cluster[:])
	case keySender:
		m.Sender = r.id("sender")
	case keyGen:
		m.Gen = r.Uint("gen")
	case keyIncarnation:
		m.Incarnation = r.Uint("incarnation")
	case keyEpoch:
		m.Epoch = r.Uint("epoch")
	case keyDigest:
		m.Digest = r.Uint("digest")
	case keyOffset:
		m.Offset = r.offset("offset")
	case keySuspects:
		m.Suspects = r.ids("suspects", maxSuspects)
	case keySelf:
		m.Self = new(Record)
		decodeRecord(r, m.Self)
	case keyEstablished:
		m.join().Established = r.Uint("established") != 0
	case keyAssigned:
		m.join().Slots = *r.set("assigned slots")
	case keyYou:
		m.You = r.host("your host")
	case keyRecords:
		n := r.Array("records", minRecord)
		if n > maxRecords {
			r.Fail("records", fmt.Sprintf("are %d, more than %d", n, maxRecords))
		}
		for range n {
			if r.Err() != nil {
				return
			}
			m.Records = append(m.Records, Record{})
			decodeRecord(r, &m.Records[len(m.Records)-1])
		}
	case keySummary:
		m.Summary = decodeSummary(r)
	case keyWant:
		m.Want = decodeWant(r)
	case keySubject:
		m.Subject = r.id("subject")
	case keyReason:
		m.Reason = r.String("reason", maxReason)
	case keyConfigEpoch:
		m.ConfigEpoch = r.Uint("config epoch")
	case keySlots:
		m.Slots = r.set("slots")
	case keyForced:
		m.Forced = r.Bool("forced")
	case keyElectorate:
		m.Electorate = r.Uint("electorate")
	case keyServed:
		m.Served = r.Bool("served")
	case keyTerm:
		m.Term = r.Uint("term")
	case keyMissing:
		m.Missing = r.Bool("missing")
	case keyFenced:
		m.Fenced = r.Bool("fenced")
	case keyElectors:
		m.Electors = r.Uint("electors")
	case keyVoters:
		m.Voters = r.electorate("voters")
	case keyUndecided:
		m.Undecided = r.undecided("undecided elections", maxUndecided)
	case keyOwners:
		m.Owners = r.owners("owners")
	case keyMember:
		m.join().Member = r.Bool("member")
	default:
		r.Skip("unknown field", 1)
	}
}

func (m *Message) join() *Join {
	if m.Join == nil {
		m.Join = new(Join)
	}
	return m.Join
}

func decodeSummary(r *reader) []Entry {
	p := r.Bytes("summary")
	if len(p)%16 != 0 || len(p)/16 > maxSummary {
		r.Fail("summary", fmt.Sprintf("has %d bytes, wants 16 for each of at most %d nodes", len(p), maxSummary))
		return nil
	}
	list := make([]Entry, len(p)/16)
	for i := range list {
		list[i].Node = binary.LittleEndian.Uint64(p[16*i:])
		list[i].Hash = binary.LittleEndian.Uint64(p[16*i+8:])
	}
	return list
}

func decodeWant(r *reader) []uint64 {
	p := r.Bytes("want")
	if len(p)%8 != 0 || len(p)/8 > maxSummary {
		r.Fail("want", fmt.Sprintf("has %d bytes, wants 8 for each of at most %d nodes", len(p), maxSummary))
		return nil
	}
	list := make([]uint64, len(p)/8)
	for i := range list {
		list[i] = binary.LittleEndian.Uint64(p[8*i:])
	}
	return list
}
