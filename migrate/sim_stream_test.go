package migrate

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// writeStream appends, trims, and lets a group read and acknowledge. A stream of the first
// write may be so long that it moves in many batches.
func writeStream(w *world, tx *keyspace.Tx, key []byte, v string, first bool) error {
	s, err := tx.Stream(key)
	if err != nil {
		return err
	}
	n := 1 + w.r.IntN(4)
	if first && w.r.IntN(2) == 0 {
		n = 60
	}
	for range n {
		id, _ := s.State().Last.Next()
		value := stream.AppendString(stream.AppendCount(nil, 2), []byte("field"))
		if err := s.Append(id, stream.AppendString(value, []byte(v))); err != nil {
			return err
		}
	}
	group := []byte("workers")
	if s.Group(group) == nil {
		if err := s.SetGroup(group, stream.GroupState{}); err != nil {
			return err
		}
	}
	switch w.r.IntN(8) {
	case 0:
		s.TrimToLen(w.r.IntN(70), w.r.IntN(2) == 0, 0)
	case 1:
		s.DeleteGroup(group)
		return nil
	case 2:
		id, _ := s.First()
		if _, err := s.Delete(id); err != nil {
			return err
		}
	}
	return readGroup(w, s, group)
}

// readGroup delivers some entries, as XREADGROUP does, and acknowledges others.
func readGroup(w *world, s keyspace.StreamRef, group []byte) error {
	consumer := []byte{'a' + byte(w.r.IntN(2))}
	if err := s.SetConsumer(group, consumer, int64(w.value)); err != nil {
		return err
	}
	var done, ids []stream.ID
	g := s.Group(group)
	g.AscendPending(nil, stream.ID{}, func(p stream.Pending) bool {
		done = append(done, p.ID)
		return len(done) < 3
	})
	state := g.GroupState
	from, _ := state.Last.Next()
	s.Ascend(from, func(id stream.ID, _ stream.Fields) bool {
		ids = append(ids, id)
		return len(ids) < 5
	})
	for _, id := range ids {
		state.Last = id
		if err := s.SetPending(group, stream.Pending{ID: id, Consumer: consumer, Delivered: 5, Count: 1}); err != nil {
			return err
		}
	}
	for _, id := range done {
		s.Acknowledge(group, id)
	}
	return s.SetGroup(group, state)
}
