package messages

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

// The types of frames, by their first byte.
const (
	typeHello    = 'h'
	typeWelcome  = 'w'
	typeInterest = 't'
	typeKnown    = 'a'
	typePing     = 'p'
	typePong     = 'o'
	typeChannel  = 'c'
	typeShard    = 's'
)

const (
	// maxFrame bounds what a receiver may send: a message of 512 MiB, as clients may send it
	// (proto-max-bulk-len), and its channel.
	maxFrame = 1 << 30
	// maxTold bounds what a source may send at a time.
	maxTold = 1 << 20
)

// ErrMalformed is matched by errors about frames that no node makes.
var ErrMalformed = errors.New("malformed frame")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// appendMessage appends a frame with a message.
func appendMessage(b []byte, kind byte, channel, payload []byte) []byte {
	b, start := frame.Begin(b)
	b = append(b, kind)
	b = binary.AppendUvarint(b, uint64(len(channel)))
	b = append(b, channel...)
	return frame.Finish(append(b, payload...), start)
}

// messageSize bounds the size of a frame with a message.
func messageSize(channel, payload []byte) int {
	return frame.HeaderSize + 1 + binary.MaxVarintLen32 + len(channel) + len(payload)
}

// cutMessage returns what the body of a frame with a message says. Both alias b.
func cutMessage(b []byte) (channel, payload []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, malformed("the name of a channel is cut short")
	}
	b = b[size:]
	return b[:n:n], b[n:], nil
}

// appendNumber appends a frame whose body is a number.
func appendNumber(b []byte, kind byte, n uint64) []byte {
	b, start := frame.Begin(b)
	return frame.Finish(binary.AppendUvarint(append(b, kind), n), start)
}

// The frames of pings, and of the answers to them.
var (
	pingFrame = frame.Append(nil, []byte{typePing})
	pongFrame = frame.Append(nil, []byte{typePong})
)

// number returns what the body of such a frame says.
func number(b []byte) (uint64, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || size != len(b) {
		return 0, malformed("a number is expected")
	}
	return n, nil
}

// hello is the first frame of the dialling end.
type hello struct {
	wanted      slots.NodeID // which node it means to reach
	incarnation uint64       // of its own
}

func (h hello) append(b []byte) []byte {
	b, start := frame.Begin(b)
	b = append(append(b, typeHello), h.wanted[:]...)
	return frame.Finish(binary.LittleEndian.AppendUint64(b, h.incarnation), start)
}

func decodeHello(b []byte) (h hello, err error) {
	if len(b) != 1+len(h.wanted)+8 || b[0] != typeHello {
		return h, malformed("a hello is expected")
	}
	b = b[1+copy(h.wanted[:], b[1:]):]
	h.incarnation = binary.LittleEndian.Uint64(b)
	return h, nil
}

// appendWelcome appends the first frame of the accepting end: its incarnation.
func appendWelcome(b []byte, incarnation uint64) []byte {
	return appendNumber(b, typeWelcome, incarnation)
}

func decodeWelcome(b []byte) (incarnation uint64, err error) {
	if len(b) == 0 || b[0] != typeWelcome {
		return 0, malformed("a welcome is expected")
	}
	return number(b[1:])
}
