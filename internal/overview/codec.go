package overview

import (
	"errors"
	"math"
	"time"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrMalformed is matched by every error about bytes that are no answer.
var ErrMalformed = errors.New("malformed overview of a node")

// maxText bounds each text of a message, in bytes.
const maxText = 512

// The numbers of the fields of a Member.
const (
	keyVersion = iota + 1
	keyUptime
	keyClients
	keyCommands
	keyKeys
	keyMemory
	keyMaxMemory
	keyExpired
	keyEvicted
	keyOffset
	keyLink
	keyLag
	keySilence
	keyOps
	keyMoves
)

// The numbers of the fields of a Move.
const (
	moveID = iota + 1
	moveSource
	moveTarget
	moveSlots
	moveState
	moveDoing
	moveWaiting
	moveDone
	moveTotal
	moveKeys
	moveBytes
	moveElapsed
	moveETA
)

// Append appends the wire form of m, but for ID and Err, to dst.
func (m *Member) Append(dst []byte) []byte {
	w := msgp.NewMap(dst)
	w.String(keyVersion, cut(m.Version))
	w.Uint(keyUptime, uint64(max(m.Uptime, 0)))
	w.Uint(keyClients, uint64(max(m.Clients, 0)))
	w.Uint(keyCommands, m.Commands)
	w.Uint(keyKeys, uint64(max(m.Keys, 0)))
	w.Uint(keyMemory, uint64(max(m.Memory, 0)))
	w.Uint(keyMaxMemory, uint64(max(m.MaxMemory, 0)))
	w.Uint(keyExpired, m.Expired)
	w.Uint(keyEvicted, m.Evicted)
	w.Uint(keyOffset, uint64(max(m.Offset, 0)))
	w.String(keyLink, cut(m.Link))
	w.Uint(keyLag, uint64(max(m.Lag, 0)))
	w.Uint(keySilence, uint64(max(m.Silence, 0)))
	if m.Ops != [Blocks]uint64{} {
		w.B = msgp.AppendArrayHeader(w.Key(keyOps), Blocks)
		for _, n := range m.Ops {
			w.B = msgp.AppendUint(w.B, n)
		}
	}
	if moves := m.Moves[:min(len(m.Moves), MaxMoves)]; len(moves) > 0 {
		w.B = msgp.AppendArrayHeader(w.Key(keyMoves), len(moves))
		for i := range moves {
			w.B = moves[i].append(w.B)
		}
	}
	return w.Done()
}

func (v *Move) append(dst []byte) []byte {
	w := msgp.NewMap(dst)
	w.String(moveID, cut(v.ID))
	w.B = msgp.AppendBytes(w.Key(moveSource), v.Source[:])
	w.B = msgp.AppendBytes(w.Key(moveTarget), v.Target[:])
	w.B = msgp.AppendBytes(w.Key(moveSlots), v.Slots.AppendBinaryTo(nil))
	w.String(moveState, cut(v.State))
	w.String(moveDoing, cut(v.Doing))
	w.String(moveWaiting, cut(v.Waiting))
	w.Uint(moveDone, uint64(max(v.Done, 0)))
	w.Uint(moveTotal, uint64(max(v.Total, 0)))
	w.Uint(moveKeys, uint64(max(v.Keys, 0)))
	w.Uint(moveBytes, uint64(max(v.Bytes, 0)))
	w.Uint(moveElapsed, uint64(max(v.Elapsed, 0)))
	w.Uint(moveETA, uint64(max(v.ETA, 0)))
	return w.Done()
}

func cut(s string) string { return s[:min(len(s), maxText)] }

// Decode reads what Append has written.
func Decode(b []byte) (Member, error) {
	var m Member
	r := msgp.NewReader(b, ErrMalformed)
	for range r.Map("member") {
		m.decodeField(&r)
	}
	r.End()
	if r.Err() != nil {
		return Member{}, r.Err()
	}
	return m, nil
}

func (m *Member) decodeField(r *msgp.Reader) {
	switch r.Uint("field") {
	case keyVersion:
		m.Version = r.String("version", maxText)
	case keyUptime:
		m.Uptime = duration(r, "uptime")
	case keyClients:
		m.Clients = int(signed(r, "clients"))
	case keyCommands:
		m.Commands = r.Uint("commands")
	case keyKeys:
		m.Keys = int(signed(r, "keys"))
	case keyMemory:
		m.Memory = signed(r, "memory")
	case keyMaxMemory:
		m.MaxMemory = signed(r, "max memory")
	case keyExpired:
		m.Expired = r.Uint("expired")
	case keyEvicted:
		m.Evicted = r.Uint("evicted")
	case keyOffset:
		m.Offset = signed(r, "offset")
	case keyLink:
		m.Link = r.String("link", maxText)
	case keyLag:
		m.Lag = signed(r, "lag")
	case keySilence:
		m.Silence = duration(r, "silence")
	case keyOps:
		n := r.Array("operations", 1)
		if n != Blocks {
			r.Fail("operations", "has another number of blocks")
			return
		}
		for i := range m.Ops {
			m.Ops[i] = r.Uint("operations of a block")
		}
	case keyMoves:
		m.decodeMoves(r)
	default:
		r.Skip("unknown field", 1)
	}
}

func (m *Member) decodeMoves(r *msgp.Reader) {
	n := r.Array("moves", 2)
	if n > MaxMoves {
		r.Fail("moves", "has too many elements")
		return
	}
	m.Moves = nil
	for range n {
		if r.Err() != nil {
			return
		}
		var v Move
		for range r.Map("move") {
			v.decodeField(r)
		}
		m.Moves = append(m.Moves, v)
	}
}

func (v *Move) decodeField(r *msgp.Reader) {
	switch r.Uint("field") {
	case moveID:
		v.ID = r.String("id", maxText)
	case moveSource:
		r.Fixed("source", v.Source[:])
	case moveTarget:
		r.Fixed("target", v.Target[:])
	case moveSlots:
		set, err := slots.SetFromBinary(r.Bytes("slots"))
		if err != nil {
			r.Fail("slots", "is no set")
		}
		v.Slots = set
	case moveState:
		v.State = r.String("state", maxText)
	case moveDoing:
		v.Doing = r.String("doing", maxText)
	case moveWaiting:
		v.Waiting = r.String("waiting", maxText)
	case moveDone:
		v.Done = int(signed(r, "done"))
	case moveTotal:
		v.Total = int(signed(r, "total"))
	case moveKeys:
		v.Keys = signed(r, "keys")
	case moveBytes:
		v.Bytes = signed(r, "bytes")
	case moveElapsed:
		v.Elapsed = duration(r, "elapsed")
	case moveETA:
		v.ETA = duration(r, "time left")
	default:
		r.Skip("unknown field", 1)
	}
}

func signed(r *msgp.Reader, field string) int64 { return int64(r.UintMax(field, math.MaxInt64)) }

func duration(r *msgp.Reader, field string) time.Duration { return time.Duration(signed(r, field)) }
