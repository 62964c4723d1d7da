package replication

import (
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// simStream changes a stream as XADD, XTRIM, XDEL and consumers of two groups do.
func simStream(r *rand.Rand, tx *keyspace.Tx, key, text []byte, cut bool) error {
	s, err := tx.Stream(key)
	if err != nil {
		return err
	}
	group := []byte{'g', 'h', 'h'}[:1+r.IntN(2)]
	_, there := s.First()
	switch {
	case !there || !cut && r.IntN(2) == 0:
		id, _ := s.State().Last.Next()
		value := stream.AppendString(stream.AppendCount(nil, 2), []byte("field"))
		return s.Append(id, stream.AppendString(value, text))
	case cut && r.IntN(3) == 0:
		s.TrimToLen(r.IntN(s.Len()), r.IntN(2) == 0, 0)
	case cut && r.IntN(3) == 0:
		id, _ := s.First()
		_, err = s.Delete(id)
	case s.Group(group) == nil:
		return s.SetGroup(group, stream.GroupState{})
	case cut && r.IntN(4) == 0:
		s.DeleteGroup(group)
	case cut && r.IntN(4) == 0:
		s.DeleteConsumer(group, []byte{'a' + byte(r.IntN(3))})
	case cut:
		var ids []stream.ID
		s.Group(group).AscendPending(nil, stream.ID{}, func(p stream.Pending) bool {
			ids = append(ids, p.ID)
			return len(ids) < 3
		})
		for _, id := range ids {
			s.Acknowledge(group, id)
		}
	default:
		return simReadGroup(r, s, group)
	}
	return err
}

// simReadGroup delivers some entries to a consumer, as XREADGROUP does.
func simReadGroup(r *rand.Rand, s keyspace.StreamRef, group []byte) error {
	consumer := []byte{'a' + byte(r.IntN(3))}
	if err := s.SetConsumer(group, consumer, int64(r.IntN(1000))); err != nil {
		return err
	}
	state := s.Group(group).GroupState
	from, _ := state.Last.Next()
	var ids []stream.ID
	s.Ascend(from, func(id stream.ID, _ stream.Fields) bool {
		ids = append(ids, id)
		return len(ids) < 4
	})
	for _, id := range ids {
		state.Last, state.Read = id, state.Read+1
		if err := s.SetPending(group, stream.Pending{ID: id, Consumer: consumer, Delivered: 5, Count: 1}); err != nil {
			return err
		}
	}
	return s.SetGroup(group, state)
}
