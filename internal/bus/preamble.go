package bus

import "github.com/slotmesh/slotmesh/slots"

// Kind is what a connection between nodes carries.
type Kind byte

// The kinds, by the byte that stands for them in the preamble.
const (
	Gossip        Kind = 'g'
	Replication   Kind = 'r'
	Migration     Kind = 'm'
	Calls         Kind = 'q'
	Messages      Kind = 'p'
	Invalidations Kind = 'i'
	Forming       Kind = 'f'
)

// String returns the name of the kind, for logs.
func (k Kind) String() string {
	switch k {
	case Gossip:
		return "gossip"
	case Replication:
		return "replication"
	case Migration:
		return "migration"
	case Calls:
		return "calls"
	case Messages:
		return "messages"
	case Invalidations:
		return "invalidations"
	case Forming:
		return "forming"
	}
	return "unknown"
}

// magic begins the preamble: the letters of a slotmesh bus, and its version.
const magic = "SMB\x02"

// preamble is the first message of a connection, after the proofs if there are any: magic,
// the kind, and the id that the dialling node gives itself.
type preamble [len(magic) + 1 + len(slots.NodeID{})]byte

// newPreamble makes the preamble of a connection.
func newPreamble(kind Kind, from slots.NodeID) (p preamble) {
	n := copy(p[:], magic)
	p[n] = byte(kind)
	copy(p[n+1:], from[:])
	return p
}

// decode returns what the connection carries, and which node says that it dialled; ok is
// false if the dialling end is no node, or one that speaks another version.
func (p *preamble) decode() (kind Kind, from slots.NodeID, ok bool) {
	copy(from[:], p[len(magic)+1:])
	return Kind(p[len(magic)]), from, string(p[:len(magic)]) == magic && !from.IsZero()
}
