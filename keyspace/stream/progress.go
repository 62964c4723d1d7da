package stream

// How far groups have read is told by two numbers: how many entries a group has read, and
// how many it still has to (its lag). Both are estimates by the rules of Redis 7.0.15, which
// count entries that are gone, too. Unknown stands where there is no estimate.

// Unknown is the number of entries that a group has read if that cannot be told.
const Unknown = -1

// Passed returns how many entries have ever been added up to an ID, that of the entry
// included, or Unknown: if the ID is not the last one, and not that of the first entry or
// one before, or if an entry was deleted behind the first one.
func (s *Stream) Passed(id ID) int64 {
	first, _ := s.First()
	added, entries := int64(s.State.Added), int64(s.Len())
	switch byLast := id.Compare(s.State.Last); {
	case added == 0:
		return 0
	case byLast == 0, byLast < 0 && entries == 0:
		return added
	case byLast > 0, s.State.MaxDeleted != ID{} && !s.State.MaxDeleted.Less(first):
		return Unknown
	case id.Less(first):
		return added - entries
	case id == first:
		return added - entries + 1
	}
	return Unknown
}

// deletedFrom reports whether entries may be missing from an ID on.
func (s *Stream) deletedFrom(id ID) bool {
	first, ok := s.First()
	deleted := s.State.MaxDeleted
	return ok && deleted != ID{} && !deleted.Less(first) && !deleted.Less(id)
}

// Advance returns the state of a group once an entry has been delivered. Only an entry
// behind the last one that was makes a difference.
func (s *Stream) Advance(g GroupState, id ID) GroupState {
	if !g.Last.Less(id) {
		return g
	}
	switch {
	case g.Read != Unknown && !s.deletedFrom(id):
		g.Read++
	case s.State.Added > 0:
		g.Read = s.Passed(id)
	}
	g.Last = id
	return g
}

// Lag returns how many entries a group has still to read; ok is false if that cannot be
// told.
func (s *Stream) Lag(g GroupState) (lag int64, ok bool) {
	if s.State.Added == 0 {
		return 0, true
	}
	read := g.Read
	if read == Unknown || s.deletedFrom(g.Last) {
		if read = s.Passed(g.Last); read == Unknown {
			return 0, false
		}
	}
	return int64(s.State.Added) - read, true
}
