package peer

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

// MaxMessage is the greatest payload of a frame: a value of 512 MiB with what belongs to
// it.
const MaxMessage = 513 << 20

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
	// Within makes ReadOnly good only while the node is at most so far behind its master; 0:
	// no matter. It travels in milliseconds.
	MaxStaleness time.Duration
	Sync         int // replicas that must hold a write before it is answered; negative: as the node is configured

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

func appendRequest(b []byte, r *Request) []byte {
	b, start := frame.Begin(b)
	b = packArray(b, 7+len(r.Args))
	b = packUint(b, uint64(kindRequest))
	b = packUint(b, r.id)
	flags := uint64(0)
	if r.Asking {
		flags |= flagAsking
	}
	if r.ReadOnly {
		flags |= flagReadOnly
	}
	b = packUint(b, flags)
	b = packUint(b, r.left)
	b = packUint(b, uint64(max(-1, r.Sync)+1))
	b = packUint(b, uint64(r.MaxStaleness.Milliseconds()))
	b = packBytes(b, r.Func)
	for _, arg := range r.Args {
		b = packBytes(b, arg)
	}
	return frame.Finish(b, start)
}

func appendCancel(b []byte, id uint64) []byte {
	b, start := frame.Begin(b)
	b = packArray(b, 2)
	b = packUint(b, uint64(kindCancel))
	return frame.Finish(packUint(b, id), start)
}

func appendSignal(b []byte, k kind) []byte {
	b, start := frame.Begin(b)
	return frame.Finish(packUint(packArray(b, 1), uint64(k)), start)
}

func appendAnswer(b []byte, a *answer) []byte {
	b, start := frame.Begin(b)
	switch a.kind {
	case kindReply:
		b = packArray(b, 3)
	case kindFailure:
		b = packArray(b, 4)
	default:
		b = packArray(b, 7)
	}
	b = packUint(b, uint64(a.kind))
	b = packUint(b, a.id)
	switch a.kind {
	case kindReply:
		b = packBytes(b, a.reply)
	case kindFailure:
		refused := uint64(0)
		if a.refused {
			refused = 1
		}
		b = packUint(b, refused)
		b = packBytes(b, a.text)
	default:
		b = packUint(b, uint64(a.slot))
		b = packBytes(b, a.node[:])
		b = packBytes(b, a.addr.Host)
		b = packUint(b, uint64(a.addr.Port))
		b = packUint(b, uint64(a.addr.BusPort))
	}
	return frame.Finish(b, start)
}

// head reads the kind of a message and what there is to read after it.
func head(u *unpacker) (k kind, n int) {
	n = u.array()
	if n < 1 {
		u.fail("empty message")
		return 0, 0
	}
	return kind(u.uint()), n - 1
}

// decodeRequest reads the rest of a request. args is memory to reuse; the request's bytes
// alias the message.
func decodeRequest(u *unpacker, n int, args [][]byte) (Request, error) {
	var r Request
	if n < 6 {
		u.fail("request without its head")
	}
	r.id = u.uint()
	flags := u.uint()
	r.Asking, r.ReadOnly = flags&flagAsking != 0, flags&flagReadOnly != 0
	r.left = u.uint()
	r.Sync = int(min(u.uint(), 1<<20)) - 1
	r.MaxStaleness = time.Duration(min(u.uint(), uint64(greatestStaleness/time.Millisecond))) * time.Millisecond
	r.Func = string(u.bytes())
	r.Args = args[:0]
	for i := 6; i < n && u.err == nil; i++ {
		r.Args = append(r.Args, u.bytes())
	}
	return r, u.err
}

// decodeAnswer reads the rest of an answer.
func decodeAnswer(u *unpacker, k kind, n int) (answer, error) {
	a := answer{kind: k, id: u.uint()}
	switch {
	case k == kindReply && n >= 2:
		a.reply = u.bytes()
	case k == kindFailure && n >= 3:
		a.refused = u.uint() == 1
		a.text = string(u.bytes())
	case (k == kindMoved || k == kindAsk) && n >= 6:
		slot := u.uint()
		if slot >= slots.Count {
			u.fail("slot out of range")
		}
		a.slot = slots.Slot(slot)
		if copy(a.node[:], u.bytes()) != len(a.node) {
			u.fail("node id of a wrong length")
		}
		if a.addr.Host = string(u.bytes()); a.addr.Host != "" && !slots.ValidHost(a.addr.Host) {
			u.fail("not a host")
		}
		a.addr.Port, a.addr.BusPort = u.port(), u.port()
	default:
		u.fail(fmt.Sprintf("kind %d with %d elements is no answer", k, n))
	}
	return a, u.err
}
