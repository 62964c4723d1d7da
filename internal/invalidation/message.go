package invalidation

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// Kind says what a Message is.
type Kind uint8

// The kinds of messages: the first four are a holder's, the others a granter's.
const (
	Register Kind = iota + 1 // these are all my prefixes
	Renew                    // grant me a lease
	Ack                      // I have put the changes up to this number into effect
	Release                  // I serve no copies any more
	Grant                    // the answer to Renew
	Key                      // this key has changed
	Slot                     // any key of a slot may have changed
	All                      // any key of mine may have changed
)

// Message is what the ends of a connection say to each other. Which fields it has depends
// on its kind.
type Message struct {
	Kind     Kind
	Number   uint64        // Ack, Key, Slot, All: of the change
	Version  uint64        // Register, Renew, Grant: of the prefixes
	Prefixes []Prefix      // Register
	Stamp    uint64        // Renew, Grant: says which Renew is answered
	Digest   uint64        // Renew: of the members that the holder counts on
	Lease    time.Duration // Renew: for how long
	Granted  bool          // Grant
	Slot     slots.Slot    // Slot
	Key      []byte        // Key; it aliases what was decoded
}

// Prefix is what a holder registers.
type Prefix struct {
	Text string
	// Awaited says that the holder keeps copies: replies to writes wait until it has
	// acknowledged.
	Awaited bool
}

const (
	// MaxPrefixes is how many prefixes a holder may register.
	MaxPrefixes = 256
	// maxPrefix is the length of the longest prefix, in bytes.
	maxPrefix = 4 << 10
	// maxKey is the length of the longest key that a message names. Of a longer one it says
	// that the slot has changed.
	maxKey = 64 << 10
	// maxMessage is the length of the longest message: one that registers prefixes.
	maxMessage = MaxPrefixes*(maxPrefix+16) + 64
)

// errMessage is the class of errors about messages.
var errMessage = fmt.Errorf("invalidation: no message of a node: %w", frame.ErrCorrupt)

// append appends the message as one frame.
func (m *Message) append(dst []byte) []byte {
	b, start := frame.Begin(dst)
	b = msgp.AppendUint(b, uint64(m.Kind))
	switch m.Kind {
	case Register:
		b = msgp.AppendUint(b, m.Version)
		b = msgp.AppendArrayHeader(b, len(m.Prefixes))
		for _, p := range m.Prefixes {
			b = msgp.AppendBool(msgp.AppendBytes(b, p.Text), p.Awaited)
		}
	case Renew:
		b = msgp.AppendUint(msgp.AppendUint(msgp.AppendUint(b, m.Stamp), m.Version), m.Digest)
		b = msgp.AppendUint(b, uint64(m.Lease))
	case Grant:
		b = msgp.AppendBool(msgp.AppendUint(msgp.AppendUint(b, m.Stamp), m.Version), m.Granted)
	case Ack, All:
		b = msgp.AppendUint(b, m.Number)
	case Slot:
		b = msgp.AppendUint(msgp.AppendUint(b, m.Number), uint64(m.Slot))
	case Key:
		b = msgp.AppendBytes(msgp.AppendUint(b, m.Number), m.Key)
	}
	return frame.Finish(b, start)
}

// decode reads the payload of a frame, which the message's key aliases.
func decode(b []byte) (m Message, err error) {
	r := msgp.NewReader(b, errMessage)
	m.Kind = Kind(r.UintMax("kind", uint64(All)))
	switch m.Kind {
	case Register:
		m.Version = r.Uint("version")
		m.Prefixes = decodePrefixes(&r)
	case Renew:
		m.Stamp, m.Version, m.Digest = r.Uint("stamp"), r.Uint("version"), r.Uint("digest")
		m.Lease = time.Duration(r.UintMax("lease", uint64(MaxLease)))
	case Grant:
		m.Stamp, m.Version, m.Granted = r.Uint("stamp"), r.Uint("version"), r.Bool("granted")
	case Ack, All:
		m.Number = r.Uint("number")
	case Release:
	case Slot:
		m.Number, m.Slot = r.Uint("number"), slots.Slot(r.UintMax("slot", slots.Count-1))
	case Key:
		m.Number, m.Key = r.Uint("number"), r.Bytes("key")
	default:
		r.Fail("kind", "unknown")
	}
	r.End()
	return m, r.Err()
}

func decodePrefixes(r *msgp.Reader) (list []Prefix) {
	n := r.Array("prefixes", 3)
	if n > MaxPrefixes {
		r.Fail("prefixes", fmt.Sprintf("has %d elements, more than %d", n, MaxPrefixes))
		return nil
	}
	for range n {
		text := r.Bytes("prefix")
		if len(text) > maxPrefix {
			r.Fail("prefix", fmt.Sprintf("has %d bytes, more than %d", len(text), maxPrefix))
			return nil
		}
		list = append(list, Prefix{string(text), r.Bool("awaited")})
	}
	return list
}
