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

// mapWriter writes the fields of messages and of the state.
type mapWriter struct{ msgp.MapWriter }

func newMap(b []byte) mapWriter { return mapWriter{msgp.NewMap(b)} }

func (w *mapWriter) id(k uint64, id slots.NodeID) {
	if !id.IsZero() {
		w.B = msgp.AppendBytes(w.Key(k), id[:])
	}
}

// ballot writes an array of the round and the node.
func (w *mapWriter) ballot(k uint64, b Ballot) {
	if !b.IsZero() {
		w.B = msgp.AppendArrayHeader(w.Key(k), 2)
		w.B = msgp.AppendUint(w.B, b.Round)
		w.B = msgp.AppendBytes(w.B, b.Node[:])
	}
}

// addr writes an array of the host and the ports.
func (w *mapWriter) addr(k uint64, a slots.Addr) {
	if !a.IsZero() {
		w.B = msgp.AppendArrayHeader(w.Key(k), 4)
		w.B = msgp.AppendString(w.B, a.Host)
		w.B = msgp.AppendUint(w.B, uint64(a.Port))
		w.B = msgp.AppendUint(w.B, uint64(a.BusPort))
		w.B = msgp.AppendUint(w.B, uint64(a.TLSPort))
	}
}

func (w *mapWriter) value(k uint64, v *Value) {
	if v == nil {
		return
	}
	m := newMap(w.Key(k))
	m.B = msgp.AppendBytes(m.Key(valueCluster), v.Cluster[:])
	m.B = msgp.AppendArrayHeader(m.Key(valueFounders), len(v.Founders))
	for i := range v.Founders {
		f := &v.Founders[i]
		e := newMap(m.B)
		e.id(peerID, f.ID)
		e.addr(peerAddr, f.Addr)
		if f.Owns {
			e.B = msgp.AppendArrayHeader(e.Key(peerSlots), 2)
			e.B = msgp.AppendUint(e.B, uint64(f.Slots.First))
			e.B = msgp.AppendUint(e.B, uint64(f.Slots.Last))
		}
		e.id(peerMaster, f.Master)
		m.B = e.Done()
	}
	w.B = m.Done()
}

func appendTerms(b []byte, t *Terms) []byte {
	w := newMap(b)
	w.String(termName, t.Name)
	w.B = msgp.AppendArrayHeader(w.Key(termList), len(t.List))
	for _, e := range t.List {
		w.B = msgp.AppendString(w.B, e)
	}
	w.Uint(termExpect, uint64(t.Expect))
	w.Uint(termReplicas, uint64(t.Replicas))
	return w.Done()
}

func appendPeer(b []byte, p *Peer) []byte {
	w := newMap(b)
	w.id(peerID, p.ID)
	w.addr(peerAddr, p.Addr)
	w.String(peerZone, p.Zone)
	if !p.Cluster.IsZero() {
		w.B = msgp.AppendBytes(w.Key(peerCluster), p.Cluster[:])
	}
	w.Bool(peerServing, p.Serving)
	return w.Done()
}

// AppendRequest appends r in msgpack.
func AppendRequest(b []byte, r *Request) []byte {
	w := newMap(b)
	w.Uint(keyType, uint64(r.Type))
	w.Uint(keySeq, r.Seq)
	w.String(keyAt, r.At)
	w.B = appendPeer(w.Key(keyFrom), &r.From)
	w.B = appendTerms(w.Key(keyTerms), &r.Terms)
	w.ballot(keyBallot, r.Ballot)
	w.value(keyValue, r.Value)
	return w.Done()
}

// AppendReply appends r in msgpack.
func AppendReply(b []byte, r *Reply) []byte {
	w := newMap(b)
	w.Uint(keyType, uint64(r.Type))
	w.Uint(keySeq, r.Seq)
	w.B = appendPeer(w.Key(keyFrom), &r.From)
	w.B = appendTerms(w.Key(keyTerms), &r.Terms)
	w.ballot(keyBallot, r.Ballot)
	w.Uint(keyHave, uint64(r.Have))
	w.Bool(keyOK, r.OK)
	w.ballot(keyPromised, r.Promised)
	w.ballot(keyAccepted, r.Accepted)
	w.value(keyValue, r.Value)
	w.Bool(keyDecided, r.Decided)
	return w.Done()
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
