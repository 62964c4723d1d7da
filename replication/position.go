package replication

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// ID names one line of history: the stream of bytes that one master wrote. It prints as
// 40 hexadecimal digits. The zero ID names nothing.
type ID [20]byte

// String returns the 40 lowercase hexadecimal digits, master_replid of INFO.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Position is a place in a history: the state that its first Offset bytes make.
type Position struct {
	ID     ID
	Offset int64
}

// String returns "id:offset" with the id cut to 8 digits, for logs.
func (p Position) String() string {
	return fmt.Sprintf("%s:%d", hex.EncodeToString(p.ID[:4]), p.Offset)
}

// History is a node's place in its stream: the node's data is what the first Offset bytes
// of the line ID make. The first PrevLimit of those bytes are also known as line PrevID:
// the one that was continued when this line's master was promoted (docs/spec.md §9.2).
type History struct {
	ID        ID
	Offset    int64
	PrevID    ID
	PrevLimit int64
	// Term is greater than that of all masters before the one that wrote this line, in the
	// same shard.
	Term uint64
}

// Positions returns the names under which another node may know this place.
func (h History) Positions() []Position {
	var list []Position
	if !h.ID.IsZero() {
		list = append(list, Position{h.ID, h.Offset})
	}
	if !h.PrevID.IsZero() && h.Offset <= h.PrevLimit {
		list = append(list, Position{h.PrevID, h.Offset})
	}
	return list
}

// contains reports whether the state at p is a prefix of this history, so that the bytes
// after p.Offset turn it into the state at h. Otherwise p has diverged: it contains bytes
// that this history never had.
func (h History) contains(p Position) bool {
	switch {
	case p.ID.IsZero() || p.Offset < 0:
		return false
	case p.ID == h.ID:
		return p.Offset <= h.Offset
	case p.ID == h.PrevID:
		return p.Offset <= min(h.PrevLimit, h.Offset)
	}
	return false
}

// decide returns how a master with this history, whose backlog begins at offset start,
// brings a replica up to date that is at one of wanted: the offset from which the replica
// gets the stream (partial resync, docs/spec.md §9.1), or why it needs a full sync.
func (h History) decide(wanted []Position, start int64) (offset int64, partial bool, why string) {
	why = "the replica has no history"
	for _, p := range wanted {
		switch {
		case !h.contains(p):
			why = fmt.Sprintf("the replica's position %v is not part of this history (%v, before %v)",
				p, Position{h.ID, h.Offset}, Position{h.PrevID, h.PrevLimit})
		case p.Offset < start:
			return 0, false, fmt.Sprintf("the replica's position %v lies before the backlog, which begins at %d", p, start)
		default:
			return p.Offset, true, ""
		}
	}
	return 0, false, why
}

// renamed returns the history of a node that becomes a master or restarts: it goes on
// from here under a name of its own, since other nodes may go on from here too.
func (h History) renamed(id ID) History {
	if bytes.Equal(id[:], h.ID[:]) || h.ID.IsZero() {
		return History{ID: id, Offset: h.Offset, Term: h.Term}
	}
	return History{ID: id, Offset: h.Offset, PrevID: h.ID, PrevLimit: h.Offset, Term: h.Term}
}
