package gossip

import (
	"slices"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// electorate writes an array: version, epoch, and the ids of the voters.
func (w *mapWriter) electorate(key uint64, e *Electorate) {
	if e == nil {
		return
	}
	w.B = msgp.AppendArrayHeader(w.Key(key), 2+len(e.Voters))
	w.B = msgp.AppendUint(w.B, e.Version)
	w.B = msgp.AppendUint(w.B, e.Epoch)
	for i := range e.Voters {
		w.B = msgp.AppendBytes(w.B, e.Voters[i][:])
	}
}

func (r *reader) electorate(field string) *Electorate {
	n := r.Array(field, 1)
	if n < 2 || n > 2+slots.MaxNodes {
		r.Fail(field, "has not the parts of an electorate")
		return nil
	}
	e := &Electorate{Version: r.Uint(field), Epoch: r.Uint(field)}
	for range n - 2 {
		if r.Err() != nil {
			return nil
		}
		e.Voters = append(e.Voters, r.id(field))
	}
	if !slices.IsSortedFunc(e.Voters, compareID) {
		r.Fail(field, "are not in order")
	}
	return e
}
