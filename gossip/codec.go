package gossip

import (
	"encoding/binary"

	"github.com/slotmesh/slotmesh/slots"
)

// MaxMessage is the greatest payload of a bus frame, in bytes. A summary of MaxNodes
// nodes or a full News is well below it.
const MaxMessage = 1 << 20

const (
	maxHost   = 255 // a DNS name is no longer
	maxReason = 1 << 10
	maxDepth  = 8
	// maxRecords bounds what a message can grow to in memory: a record of 30
	// bytes may name a range of slots, and its set takes 2 KiB.
	maxRecords = 512
)

// Keys of a message's fields. A key keeps its meaning for ever; new fields get
// new keys, and old readers skip them.
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
)

// mapWriter writes a map and counts its fields.
type mapWriter struct {
	b     []byte
	at, n int
}

func newMap(b []byte) mapWriter {
	b, at := beginMap(b)
	return mapWriter{b: b, at: at}
}

func (w *mapWriter) key(k uint64) []byte {
	w.n++
	w.b = packUint(w.b, k)
	return w.b
}

func (w *mapWriter) uint(k, v uint64) {
	if v != 0 {
		w.b = packUint(w.key(k), v)
	}
}

func (w *mapWriter) bool(k uint64, v bool) {
	if v {
		w.b = packTrue(w.key(k))
	}
}

func (w *mapWriter) string(k uint64, s string) {
	if s != "" {
		w.b = packString(w.key(k), s)
	}
}

func (w *mapWriter) id(k uint64, id slots.NodeID) {
	if !id.IsZero() {
		w.b = packBin(w.key(k), id[:])
	}
}

func (w *mapWriter) set(k uint64, s *slots.Set) {
	if s != nil && !s.Empty() {
		w.b = packSet(w.key(k), s)
	}
}

func (w *mapWriter) done() []byte { return endMap(w.b, w.at, w.n) }

// AppendMessage appends m in msgpack.
func AppendMessage(b []byte, m *Message) []byte {
	w := newMap(b)
	w.uint(keyType, uint64(m.Type))
	if !m.Cluster.IsZero() {
		w.b = packBin(w.key(keyCluster), m.Cluster[:])
	}
	w.id(keySender, m.Sender)
	w.uint(keyGen, m.Gen)
	w.uint(keyIncarnation, m.Incarnation)
	w.uint(keyEpoch, m.Epoch)
	w.uint(keyDigest, m.Digest)
	w.uint(keyOffset, m.Offset)
	if len(m.Suspects) > 0 {
		w.b = packArray(w.key(keySuspects), len(m.Suspects))
		for i := range m.Suspects {
			w.b = packBin(w.b, m.Suspects[i][:])
		}
	}
	if m.Self != nil {
		w.b = appendRecord(w.key(keySelf), m.Self)
	}
	if m.Join != nil {
		w.b = packUint(w.key(keyEstablished), uint64(boolByte(m.Join.Established)))
		w.set(keyAssigned, &m.Join.Slots)
		w.bool(keyMember, m.Join.Member)
	}
	w.string(keyYou, m.You)
	if len(m.Records) > 0 {
		w.b = packArray(w.key(keyRecords), len(m.Records))
		for i := range m.Records {
			w.b = appendRecord(w.b, &m.Records[i])
		}
	}
	if len(m.Summary) > 0 {
		w.b = packBinHeader(w.key(keySummary), 16*len(m.Summary))
		for _, e := range m.Summary {
			w.b = binary.LittleEndian.AppendUint64(w.b, e.Node)
			w.b = binary.LittleEndian.AppendUint64(w.b, e.Hash)
		}
	}
	if len(m.Want) > 0 {
		w.b = packBinHeader(w.key(keyWant), 8*len(m.Want))
		for _, id := range m.Want {
			w.b = binary.LittleEndian.AppendUint64(w.b, id)
		}
	}
	w.id(keySubject, m.Subject)
	w.string(keyReason, m.Reason)
	w.uint(keyConfigEpoch, m.ConfigEpoch)
	w.set(keySlots, m.Slots)
	w.bool(keyForced, m.Forced)
	w.uint(keyElectorate, m.Electorate)
	w.bool(keyServed, m.Served)
	w.uint(keyTerm, m.Term)
	w.bool(keyMissing, m.Missing)
	w.bool(keyFenced, m.Fenced)
	return w.done()
}

func boolByte(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// DecodeMessage reads what AppendMessage wrote. It copies what it keeps, and
// allocates no more than a small multiple of len(b). Errors match ErrMalformed.
func DecodeMessage(b []byte) (*Message, error) {
	m := new(Message)
	u := &unpacker{b: b}
	for range u.mapLen() {
		if u.err != nil {
			break
		}
		m.decodeField(u, u.uint())
	}
	switch {
	case u.err != nil:
	case u.off != len(b):
		u.fail("bytes after the end")
	case m.Type == 0 || m.Sender.IsZero():
		u.fail("no type or no sender")
	}
	if u.err != nil {
		return nil, u.err
	}
	return m, nil
}

func (m *Message) decodeField(u *unpacker, key uint64) {
	switch key {
	case keyType:
		m.Type = Type(min(u.uint(), 255))
	case keyCluster:
		if p := u.bin(len(m.Cluster)); len(p) == len(m.Cluster) {
			copy(m.Cluster[:], p)
		} else {
			u.fail("not a cluster id")
		}
	case keySender:
		m.Sender = u.id()
	case keyGen:
		m.Gen = u.uint()
	case keyIncarnation:
		m.Incarnation = u.uint()
	case keyEpoch:
		m.Epoch = u.uint()
	case keyDigest:
		m.Digest = u.uint()
	case keyOffset:
		m.Offset = u.offset()
	case keySuspects:
		m.Suspects = u.ids(maxSuspects)
	case keySelf:
		m.Self = new(Record)
		decodeRecord(u, m.Self)
	case keyEstablished:
		m.join().Established = u.uint() != 0
	case keyAssigned:
		m.join().Slots = *u.set()
	case keyYou:
		m.You = u.host()
	case keyRecords:
		n := u.array(minRecord)
		if n > maxRecords {
			u.fail("too many records")
		}
		for range n {
			if u.err != nil {
				return
			}
			m.Records = append(m.Records, Record{})
			decodeRecord(u, &m.Records[len(m.Records)-1])
		}
	case keySummary:
		m.Summary = decodeSummary(u)
	case keyWant:
		m.Want = decodeWant(u)
	case keySubject:
		m.Subject = u.id()
	case keyReason:
		m.Reason = u.string(maxReason)
	case keyConfigEpoch:
		m.ConfigEpoch = u.uint()
	case keySlots:
		m.Slots = u.set()
	case keyForced:
		m.Forced = u.bool()
	case keyElectorate:
		m.Electorate = u.uint()
	case keyServed:
		m.Served = u.bool()
	case keyTerm:
		m.Term = u.uint()
	case keyMissing:
		m.Missing = u.bool()
	case keyFenced:
		m.Fenced = u.bool()
	case keyMember:
		m.join().Member = u.bool()
	default:
		u.skip(maxDepth)
	}
}

func (m *Message) join() *Join {
	if m.Join == nil {
		m.Join = new(Join)
	}
	return m.Join
}

func decodeSummary(u *unpacker) []Entry {
	p := u.bin(MaxMessage)
	if len(p)%16 != 0 || len(p)/16 > maxSummary {
		u.fail("not a summary")
		return nil
	}
	list := make([]Entry, len(p)/16)
	for i := range list {
		list[i].Node = binary.LittleEndian.Uint64(p[16*i:])
		list[i].Hash = binary.LittleEndian.Uint64(p[16*i+8:])
	}
	return list
}

func decodeWant(u *unpacker) []uint64 {
	p := u.bin(MaxMessage)
	if len(p)%8 != 0 || len(p)/8 > maxSummary {
		u.fail("not a list of id prefixes")
		return nil
	}
	list := make([]uint64, len(p)/8)
	for i := range list {
		list[i] = binary.LittleEndian.Uint64(p[8*i:])
	}
	return list
}
