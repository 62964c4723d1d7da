package peer

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// MaxMessage is the greatest payload of a frame: a value of 512 MiB with what belongs to
// it.
const MaxMessage = 513 << 20

// ErrMalformed is matched by every error about bytes that no node of ours wrote.
var ErrMalformed = errors.New("malformed call")

// kind is what a message is.
type kind uint64

const (
	kindRequest kind = iota + 1
	kindCancel
	kindPing
	kindPong
	kindReply
	kindFailure
	kindMoved
	kindAsk
)

// greatestStaleness bounds what is asked for: it is as good as no bound.
const greatestStaleness = 24 * 365 * time.Hour

const (
	flagAsking = 1 << iota
	flagReadOnly
)

// Request is what a node asks of another.
type Request struct {
	Func     string   // what the host offers under that name; "" = a command
	Args     [][]byte // the command with its arguments, or the function's
	Asking   bool     // as after ASKING
	ReadOnly bool     // as after READONLY
	// MaxStaleness bounds how far behind its master the node may be when it answers with
	// ReadOnly set; 0 is no bound. It travels in milliseconds.
	MaxStaleness time.Duration
	Sync         int // replicas that must hold a write before it is answered; negative: as the node is configured
}

// call is a request on its way.
type call struct {
	Request
	id   uint64
	left uint64 // milliseconds until the caller gives up, 0 = never
}

// answer is what comes back.
type answer struct {
	kind    kind
	id      uint64
	reply   []byte // aliases the frame
	refused bool
	text    string
	slot    slots.Slot
	node    slots.NodeID
	addr    slots.Addr
}

func appendRequest(b []byte, r *call) []byte {
	b, start := frame.Begin(b)
	b = appendArrayHeader(b, 7+len(r.Args))
	b = appendUint(b, uint64(kindRequest))
	b = appendUint(b, r.id)
	flags := uint64(0)
	if r.Asking {
		flags |= flagAsking
	}
	if r.ReadOnly {
		flags |= flagReadOnly
	}
	b = appendUint(b, flags)
	b = appendUint(b, r.left)
	b = appendUint(b, uint64(max(-1, r.Sync)+1))
	b = appendUint(b, uint64(r.MaxStaleness.Milliseconds()))
	b = msgp.AppendBytes(b, r.Func)
	for _, arg := range r.Args {
		b = msgp.AppendBytes(b, arg)
	}
	return frame.Finish(b, start)
}

func appendCancel(b []byte, id uint64) []byte {
	b, start := frame.Begin(b)
	b = appendArrayHeader(b, 2)
	b = appendUint(b, uint64(kindCancel))
	return frame.Finish(appendUint(b, id), start)
}

func appendSignal(b []byte, k kind) []byte {
	b, start := frame.Begin(b)
	return frame.Finish(appendUint(appendArrayHeader(b, 1), uint64(k)), start)
}

func appendAnswer(b []byte, a *answer) []byte {
	b, start := frame.Begin(b)
	switch a.kind {
	case kindReply:
		b = appendArrayHeader(b, 3)
	case kindFailure:
		b = appendArrayHeader(b, 4)
	default:
		n := 7
		if a.addr.TLSPort != 0 {
			n++
		}
		b = appendArrayHeader(b, n)
	}
	b = appendUint(b, uint64(a.kind))
	b = appendUint(b, a.id)
	switch a.kind {
	case kindReply:
		b = msgp.AppendBytes(b, a.reply)
	case kindFailure:
		refused := uint64(0)
		if a.refused {
			refused = 1
		}
		b = appendUint(b, refused)
		b = msgp.AppendBytes(b, a.text)
	default:
		b = appendUint(b, uint64(a.slot))
		b = msgp.AppendBytes(b, a.node[:])
		b = msgp.AppendBytes(b, a.addr.Host)
		b = appendUint(b, uint64(a.addr.Port))
		b = appendUint(b, uint64(a.addr.BusPort))
		if a.addr.TLSPort != 0 {
			b = appendUint(b, uint64(a.addr.TLSPort))
		}
	}
	return frame.Finish(b, start)
}

// head reads the kind of a message and returns it with the number of elements behind it.
func head(r *msgp.Reader) (k kind, n int) {
	if n = r.Array("message", 1); n < 1 {
		r.Fail("message", "is empty")
	}
	return kind(r.Uint("kind")), n - 1
}

// decodeRequest reads the rest of a request. args is memory to reuse; the request's bytes
// alias the message.
func decodeRequest(r *msgp.Reader, n int, args [][]byte) (call, error) {
	var q call
	if n < 6 {
		r.Fail("request", fmt.Sprintf("has %d elements behind its kind, needs 6", n))
	}
	q.id = r.Uint("id")
	flags := r.Uint("flags")
	q.Asking, q.ReadOnly = flags&flagAsking != 0, flags&flagReadOnly != 0
	q.left = r.Uint("time left")
	q.Sync = int(min(r.Uint("sync"), 1<<20)) - 1
	q.MaxStaleness = time.Duration(min(r.Uint("max staleness"), uint64(greatestStaleness/time.Millisecond))) *
		time.Millisecond
	q.Func = string(r.Bytes("func"))
	q.Args = args[:0]
	for i := 6; i < n && r.Err() == nil; i++ {
		q.Args = append(q.Args, r.Bytes("argument"))
	}
	return q, r.Err()
}

// decodeAnswer reads the rest of an answer.
func decodeAnswer(r *msgp.Reader, k kind, n int) (answer, error) {
	a := answer{kind: k, id: r.Uint("id")}
	switch {
	case k == kindReply && n >= 2:
		a.reply = r.Bytes("reply")
	case k == kindFailure && n >= 3:
		a.refused = r.Uint("refused") == 1
		a.text = string(r.Bytes("error text"))
	case (k == kindMoved || k == kindAsk) && n >= 6:
		a.slot = slots.Slot(r.UintMax("slot", slots.Count-1))
		r.Fixed("node id", a.node[:])
		if a.addr.Host = string(r.Bytes("host")); a.addr.Host != "" && !slots.ValidHost(a.addr.Host) {
			r.Fail("host", "is not a host")
		}
		a.addr.Port = uint16(r.UintMax("port", math.MaxUint16))
		a.addr.BusPort = uint16(r.UintMax("bus port", math.MaxUint16))
		if n > 6 { // a node without TLS, or an older one, says no more
			a.addr.TLSPort = uint16(r.UintMax("tls port", math.MaxUint16))
		}
	default:
		r.Fail("answer", fmt.Sprintf("is of kind %d with %d elements: no answer", k, n))
	}
	return a, r.Err()
}

// malformed is the class of all errors about messages.
var malformed = fmt.Errorf("peer: %w", ErrMalformed)

func newReader(payload []byte) msgp.Reader { return msgp.NewReader(payload, malformed) }

// The widths below were settled by the first release. Nodes read every width, but what
// they send stays as it was.

func appendUint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<32:
		return msgp.AppendUint32(b, uint32(v))
	}
	return msgp.AppendUint64(b, v)
}

func appendArrayHeader(b []byte, n int) []byte {
	if n < 16 {
		return msgp.AppendArrayHeader(b, n)
	}
	return msgp.AppendArray32Header(b, n)
}
