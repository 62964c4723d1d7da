package stream

import "testing"

// made returns a stream to which IDs 1 to added were added, of which the first ones were
// trimmed and others deleted.
func made(added, trimmed uint64, deleted ...uint64) *Stream {
	s := new(Stream)
	for ms := uint64(1); ms <= added; ms++ {
		s.Set(ID{Ms: ms}, AppendCount(nil, 0))
		s.State.Last, s.State.Added = ID{Ms: ms}, ms
	}
	for _, ms := range deleted {
		s.Cut(ID{Ms: ms})
		s.State.MaxDeleted = ID{Ms: max(ms, s.State.MaxDeleted.Ms)}
	}
	s.CutRange(ID{}, ID{Ms: trimmed})
	return s
}

// What a group has read, and its lag, before and after it was given an entry: as
// redis-server 7.0.15 says.
func TestProgressIsRedis(t *testing.T) {
	const noLag = -1
	for _, test := range []struct {
		name       string
		stream     *Stream
		group      GroupState
		lag        int64
		next       uint64 // the entry that is delivered
		read, lag2 int64
	}{
		{"new", made(4, 0), GroupState{ID{}, Unknown}, 4, 1, 1, 3},
		{"last", made(4, 0), GroupState{ID{Ms: 4}, Unknown}, 0, 4, Unknown, 0},
		{"arbitrary", made(4, 0), GroupState{ID{Ms: 2}, Unknown}, noLag, 3, Unknown, noLag},
		{"counted", made(4, 0), GroupState{ID{Ms: 2}, 2}, 2, 3, 3, 1},
		{"trimmed", made(4, 2, 2), GroupState{ID{}, Unknown}, 2, 3, 3, 1},
		{"counted and trimmed", made(4, 2, 2), GroupState{ID{}, 0}, 4, 3, 1, 3},
		{"deleted behind", made(4, 0, 3), GroupState{ID{Ms: 1}, 1}, noLag, 2, Unknown, noLag},
		{"deleted before", made(4, 0, 2), GroupState{ID{Ms: 2}, 2}, noLag, 3, 3, 1},
		{"empty", made(0, 0), GroupState{ID{}, Unknown}, 0, 1, Unknown, 0},
		{"all trimmed", made(4, 4), GroupState{ID{Ms: 2}, Unknown}, 0, 4, 4, 0},
	} {
		lagOf := func(g GroupState) int64 {
			if lag, ok := test.stream.Lag(g); ok {
				return lag
			}
			return noLag
		}
		if got := lagOf(test.group); got != test.lag {
			t.Errorf("%s: the lag is %d, want %d", test.name, got, test.lag)
		}
		g := test.stream.Advance(test.group, ID{Ms: test.next})
		if lag := lagOf(g); g.Read != test.read || lag != test.lag2 {
			t.Errorf("%s: then read is %d and the lag %d, want %d and %d", test.name, g.Read, lag, test.read, test.lag2)
		}
	}
}

// A consumer without a name is none the less one: AscendPending takes nil for all.
func TestConsumerWithoutName(t *testing.T) {
	s := new(Stream)
	g := []byte("g")
	s.SetPending(g, Pending{ID: ID{Ms: 1}, Consumer: []byte{}, Count: 1})
	s.SetPending(g, Pending{ID: ID{Ms: 2}, Consumer: []byte("other"), Count: 1})
	visited := 0
	s.Group(g).AscendPending(s.Group(g).ConsumerAt(0).Name, ID{}, func(Pending) bool {
		visited++
		return true
	})
	if visited != 1 {
		t.Errorf("%d entries are pending to the consumer without a name, want 1", visited)
	}
}
