package forming

import (
	"errors"
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// The encoding is msgpack: structs are maps with small integers as keys. Fields that are
// zero are left out, and a reader skips keys that it does not know.

// MaxMessage is the greatest length of an encoded request or reply, in bytes: a driver
// need not read a longer one.
const MaxMessage = 1 << 20

// ErrMalformed is matched by the errors of all decoders.
var ErrMalformed = errors.New("malformed")

// malformed is the class of all errors about messages and states.
var malformed = fmt.Errorf("forming: %w", ErrMalformed)

// Keys of a message's fields, of requests and replies together. A key keeps its meaning
// for ever.
const (
	keyType = iota
	keySeq
	keyAt
	keyFrom
	keyTerms
	keyBallot
	keyValue
	keyHave
	keyOK
	keyPromised
	keyAccepted
	keyDecided
)

// Keys within Terms, Peer and Founder.
const (
	termName = iota
	termList
	termExpect
	termReplicas
)

const (
	peerID = iota
	peerAddr
	peerZone
	peerCluster
	peerServing
	peerSlots
	peerMaster
)

const (
	valueCluster = iota
	valueFounders
)

// minFounder is the least number of bytes that a founder takes: its id and a bit more.
const minFounder = 30

func (w *mapWriter) uint(k, v uint64) {
	if v != 0 {
		w.b = msgp.AppendUint(w.key(k), v)
	}
}

func (w *mapWriter) bool(k uint64, v bool) {
	if v {
		w.b = msgp.AppendBool(w.key(k), true)
	}
}

func (w *mapWriter) string(k uint64, s string) {
	if s != "" {
		w.b = msgp.AppendString(w.key(k), s)
	}
}

func (w *mapWriter) id(k uint64, id slots.NodeID) {
	if !id.IsZero() {
		w.b = msgp.AppendBytes(w.key(k), id[:])
	}
}

// ballot writes an array of the round and the node.
func (w *mapWriter) ballot(k uint64, b Ballot) {
	if !b.IsZero() {
		w.b = msgp.AppendArrayHeader(w.key(k), 2)
		w.b = msgp.AppendUint(w.b, b.Round)
		w.b = msgp.AppendBytes(w.b, b.Node[:])
	}
}

// addr writes an array of the host and the ports.
func (w *mapWriter) addr(k uint64, a slots.Addr) {
	if !a.IsZero() {
		w.b = msgp.AppendArrayHeader(w.key(k), 4)
		w.b = msgp.AppendString(w.b, a.Host)
		w.b = msgp.AppendUint(w.b, uint64(a.Port))
		w.b = msgp.AppendUint(w.b, uint64(a.BusPort))
		w.b = msgp.AppendUint(w.b, uint64(a.TLSPort))
	}
}

func (w *mapWriter) value(k uint64, v *Value) {
	if v == nil {
		return
	}
	m := newMap(w.key(k))
	m.b = msgp.AppendBytes(m.key(valueCluster), v.Cluster[:])
	m.b = msgp.AppendArrayHeader(m.key(valueFounders), len(v.Founders))
	for i := range v.Founders {
		f := &v.Founders[i]
		e := newMap(m.b)
		e.id(peerID, f.ID)
		e.addr(peerAddr, f.Addr)
		if f.Owns {
			e.b = msgp.AppendArrayHeader(e.key(peerSlots), 2)
			e.b = msgp.AppendUint(e.b, uint64(f.Slots.First))
			e.b = msgp.AppendUint(e.b, uint64(f.Slots.Last))
		}
		e.id(peerMaster, f.Master)
		m.b = e.done()
	}
	w.b = m.done()
}

func (w *mapWriter) done() []byte { return msgp.EndMap(w.b, w.at, w.n) }

func appendTerms(b []byte, t *Terms) []byte {
	w := newMap(b)
	w.string(termName, t.Name)
	w.b = msgp.AppendArrayHeader(w.key(termList), len(t.List))
	for _, e := range t.List {
		w.b = msgp.AppendString(w.b, e)
	}
	w.uint(termExpect, uint64(t.Expect))
	w.uint(termReplicas, uint64(t.Replicas))
	return w.done()
}

func appendPeer(b []byte, p *Peer) []byte {
	w := newMap(b)
	w.id(peerID, p.ID)
	w.addr(peerAddr, p.Addr)
	w.string(peerZone, p.Zone)
	if !p.Cluster.IsZero() {
		w.b = msgp.AppendBytes(w.key(peerCluster), p.Cluster[:])
	}
	w.bool(peerServing, p.Serving)
	return w.done()
}

// AppendRequest appends r in msgpack.
func AppendRequest(b []byte, r *Request) []byte {
	w := newMap(b)
	w.uint(keyType, uint64(r.Type))
	w.uint(keySeq, r.Seq)
	w.string(keyAt, r.At)
	w.b = appendPeer(w.key(keyFrom), &r.From)
	w.b = appendTerms(w.key(keyTerms), &r.Terms)
	w.ballot(keyBallot, r.Ballot)
	w.value(keyValue, r.Value)
	return w.done()
}

// AppendReply appends r in msgpack.
func AppendReply(b []byte, r *Reply) []byte {
	w := newMap(b)
	w.uint(keyType, uint64(r.Type))
	w.uint(keySeq, r.Seq)
	w.b = appendPeer(w.key(keyFrom), &r.From)
	w.b = appendTerms(w.key(keyTerms), &r.Terms)
	w.ballot(keyBallot, r.Ballot)
	w.uint(keyHave, uint64(r.Have))
	w.bool(keyOK, r.OK)
	w.ballot(keyPromised, r.Promised)
	w.ballot(keyAccepted, r.Accepted)
	w.value(keyValue, r.Value)
	w.bool(keyDecided, r.Decided)
	return w.done()
}

// DecodeRequest reads what AppendRequest wrote. It copies what it keeps, and allocates no
// more than a small multiple of len(b). Errors match ErrMalformed.
func DecodeRequest(b []byte) (*Request, error) {
	m := new(Request)
	r := newReader(b)
	for range r.Map("request") {
		if r.Err() != nil {
			break
		}
		switch r.Uint("key") {
		case keyType:
			m.Type = Type(r.UintMax("type", math.MaxUint8))
		case keySeq:
			m.Seq = r.Uint("number")
		case keyAt:
			m.At = r.String("address", maxAddress)
		case keyFrom:
			r.peer(&m.From)
		case keyTerms:
			r.terms(&m.Terms)
		case keyBallot:
			m.Ballot = r.ballot("ballot")
		case keyValue:
			m.Value = r.value("value")
		default:
			r.Skip("unknown field", 1)
		}
	}
	switch r.End(); {
	case m.Type == 0 || m.From.ID.IsZero():
		r.Fail("request", "has no type or no sender")
	case m.Type == TypePrepare && m.Ballot.IsZero(), m.Type == TypeAccept && (m.Ballot.IsZero() || m.Value == nil):
		r.Fail("request", "has no ballot or no value")
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return m, nil
}

// DecodeReply reads what AppendReply wrote, as DecodeRequest does.
func DecodeReply(b []byte) (*Reply, error) {
	m := new(Reply)
	r := newReader(b)
	for range r.Map("reply") {
		if r.Err() != nil {
			break
		}
		m.decodeField(r, r.Uint("key"))
	}
	switch r.End(); {
	case m.Type == 0 || m.From.ID.IsZero():
		r.Fail("reply", "has no type or no sender")
	case m.Value == nil && (m.Decided || !m.Accepted.IsZero()):
		r.Fail("reply", "has no value")
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return m, nil
}

func (m *Reply) decodeField(r *reader, key uint64) {
	switch key {
	case keyType:
		m.Type = Type(r.UintMax("type", math.MaxUint8))
	case keySeq:
		m.Seq = r.Uint("number")
	case keyFrom:
		r.peer(&m.From)
	case keyTerms:
		r.terms(&m.Terms)
	case keyBallot:
		m.Ballot = r.ballot("ballot")
	case keyHave:
		m.Have = int(r.UintMax("number of nodes", math.MaxInt32))
	case keyOK:
		m.OK = r.Bool("consent")
	case keyPromised:
		m.Promised = r.ballot("promised ballot")
	case keyAccepted:
		m.Accepted = r.ballot("accepted ballot")
	case keyValue:
		m.Value = r.value("value")
	case keyDecided:
		m.Decided = r.Bool("decided")
	default:
		r.Skip("unknown field", 1)
	}
}
