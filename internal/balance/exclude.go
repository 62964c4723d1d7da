package balance

import (
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// idSize is the length of an id in Pause.Excluded, maxExcluded how many there may be.
const (
	idSize      = len(slots.NodeID{})
	maxExcluded = slots.MaxNodes
)

// Excludes reports whether the node is to get neither slots nor a master.
func (p *Pause) Excludes(id slots.NodeID) bool { return slices.Contains(p.list(), id) }

func (p *Pause) list() (ids []slots.NodeID) {
	for i := 0; i+idSize <= len(p.Excluded); i += idSize {
		ids = append(ids, slots.NodeID([]byte(p.Excluded[i:i+idSize])))
	}
	return ids
}

// Exclude returns p with the node excluded, or not any more; those that are no members are
// left out.
func (p Pause) Exclude(id slots.NodeID, excluded bool, m *slots.Map) Pause {
	var b []byte
	for _, other := range p.list() {
		if other != id && m.Node(other) != nil {
			b = append(b, other[:]...)
		}
	}
	if excluded {
		b = append(b, id[:]...)
	}
	p.Excluded = string(b)
	return p
}
