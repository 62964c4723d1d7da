package ownership

import (
	"errors"
	"maps"
	"slices"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// The metadata is a msgpack map with an entry for each of migrating, importing and ceded
// slots, by the names below: a map from the slot's number to the 20 bytes of a node id.
// A reader takes nil for an empty map and skips entries of other names.
const (
	wireMigrating = "Migrating"
	wireImporting = "Importing"
	wireCeded     = "Ceded"
)

var errOpenSlots = errors.New("slotmesh: the note of open slots")

// encode returns nil for no open slots, which removes the metadata. The same slots are
// the same bytes: metadata that is put again unchanged must not extend the stream.
func (o *OpenSlots) encode() []byte {
	if o.empty() {
		return nil
	}
	b, at := msgp.BeginMap(nil)
	b = appendSlots(b, wireMigrating, o.Migrating)
	b = appendSlots(b, wireImporting, o.Importing)
	b = appendSlots(b, wireCeded, o.Ceded)
	return msgp.EndMap(b, at, 3)
}

func appendSlots(b []byte, name string, ids map[slots.Slot]slots.NodeID) []byte {
	b, at := msgp.BeginMap(msgp.AppendString(b, name))
	for _, slot := range slices.Sorted(maps.Keys(ids)) {
		id := ids[slot]
		b = msgp.AppendBytes(msgp.AppendUint16(b, uint16(slot)), id[:])
	}
	return msgp.EndMap(b, at, len(ids))
}

func decodeOpenSlots(b []byte) (OpenSlots, error) {
	if len(b) == 0 {
		return OpenSlots{}, nil
	}
	var o OpenSlots
	r := msgp.NewReader(b, errOpenSlots)
	for range r.Map("the whole") {
		switch name := r.String("a name", len(b)); name {
		case wireMigrating:
			o.Migrating = readSlots(&r, name)
		case wireImporting:
			o.Importing = readSlots(&r, name)
		case wireCeded:
			o.Ceded = readSlots(&r, name)
		default:
			r.Skip(name, 1)
		}
	}
	r.End()
	if r.Err() != nil {
		return OpenSlots{}, r.Err()
	}
	return o, nil
}

func readSlots(r *msgp.Reader, name string) map[slots.Slot]slots.NodeID {
	if r.Nil() {
		return nil
	}
	n := r.Map(name)
	ids := make(map[slots.Slot]slots.NodeID, n)
	for range n {
		slot := r.UintMax(name, slots.Count-1)
		var id slots.NodeID
		r.Fixed(name, id[:])
		ids[slots.Slot(slot)] = id
	}
	return ids
}
