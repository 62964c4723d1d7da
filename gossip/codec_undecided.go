package gossip

import (
	"encoding/binary"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/msgp"
)

// minUndecided is the length of the shortest Undecided: an epoch, an id and no slots.
const minUndecided = 1 + 2 + 20 + 2

// undecided writes an array: for each election the epoch, the candidate and the slots.
func (w *mapWriter) undecided(key uint64, list []Undecided) {
	if len(list) == 0 {
		return
	}
	w.B = msgp.AppendArrayHeader(w.Key(key), 3*len(list))
	for i := range list {
		w.B = msgp.AppendUint(w.B, list[i].Epoch)
		w.B = msgp.AppendBytes(w.B, list[i].Candidate[:])
		w.B = packSet(w.B, list[i].Slots)
	}
}

func (r *reader) undecided(field string, limit int) []Undecided {
	n := r.Array(field, minUndecided/3)
	if n%3 != 0 || n/3 > limit {
		r.Fail(field, fmt.Sprintf("has %d parts, wants 3 for each of at most %d", n, limit))
	}
	var list []Undecided
	for range n / 3 {
		if r.Err() != nil {
			return nil
		}
		u := Undecided{Epoch: r.Uint(field), Candidate: r.id(field), Slots: r.set(field)}
		list = append(list, u)
	}
	return list
}

func (w *mapWriter) owners(key uint64, list []OwnerEpoch) {
	if len(list) == 0 {
		return
	}
	w.B = msgp.AppendBytesHeader(w.Key(key), 16*len(list))
	for _, o := range list {
		w.B = binary.LittleEndian.AppendUint64(w.B, o.Node)
		w.B = binary.LittleEndian.AppendUint64(w.B, o.Epoch)
	}
}

func (r *reader) owners(field string) []OwnerEpoch {
	p := r.Bytes(field)
	if len(p)%16 != 0 || len(p)/16 > maxMembers {
		r.Fail(field, fmt.Sprintf("have %d bytes, want 16 for each of at most %d nodes", len(p), maxMembers))
		return nil
	}
	list := make([]OwnerEpoch, len(p)/16)
	for i := range list {
		list[i].Node = binary.LittleEndian.Uint64(p[16*i:])
		list[i].Epoch = binary.LittleEndian.Uint64(p[16*i+8:])
	}
	return list
}
