package dump

import (
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// eachStreamPart calls fn with the parts of a stream until it returns an error.
func eachStreamPart(s keyspace.StreamRef, fn func(*rdb.Element) error) error {
	w := streamParts{fn: fn}
	state := s.State()
	if !w.give(rdb.StreamPart{Kind: rdb.StreamSelf, ID: rdb.StreamID(state.Last), Deleted: rdb.StreamID(state.MaxDeleted),
		Added: state.Added}) {
		return w.err
	}
	s.Ascend(stream.ID{}, func(id stream.ID, fields stream.Fields) bool {
		return w.give(rdb.StreamPart{Kind: rdb.StreamEntry, ID: rdb.StreamID(id), Strings: w.copyStrings(fields)})
	})
	for i := 0; i < s.Groups() && w.err == nil; i++ {
		w.group(s.GroupAt(i))
	}
	return w.err
}

// streamParts gives out parts, one at a time.
type streamParts struct {
	fn      func(*rdb.Element) error
	part    rdb.StreamPart
	e       rdb.Element
	err     error
	strings [][]byte // of an entry …
	bytes   []byte   // … which are in here
}

func (w *streamParts) give(p rdb.StreamPart) bool {
	w.part = p
	w.e.Stream = &w.part
	w.err = w.fn(&w.e)
	return w.err == nil
}

// copyStrings copies the strings of an entry, of which each is valid until the next is read.
func (w *streamParts) copyStrings(fields stream.Fields) [][]byte {
	w.strings, w.bytes = w.strings[:0], w.bytes[:0]
	for s, ok := fields.Next(); ok; s, ok = fields.Next() {
		start := len(w.bytes)
		w.bytes = append(w.bytes, s...) // the former ones stay in the array that it may leave
		w.strings = append(w.strings, w.bytes[start:len(w.bytes):len(w.bytes)])
	}
	return w.strings
}

func (w *streamParts) group(g *stream.Group) {
	ok := w.give(rdb.StreamPart{Kind: rdb.StreamGroup, Group: g.Name, ID: rdb.StreamID(g.Last), Read: g.Read})
	for i := 0; i < g.Consumers() && ok; i++ {
		c := g.ConsumerAt(i)
		ok = w.give(rdb.StreamPart{Kind: rdb.StreamConsumer, Group: g.Name, Consumer: c.Name, Time: c.Seen})
	}
	if !ok {
		return
	}
	g.AscendPending(nil, stream.ID{}, func(p stream.Pending) bool {
		return w.give(rdb.StreamPart{Kind: rdb.StreamPending, Group: g.Name, Consumer: p.Consumer, ID: rdb.StreamID(p.ID),
			Time: p.Delivered, Deliveries: p.Count})
	})
}

// collectStream builds the stream that a payload holds. Its error is rdb.ErrFormat also if
// a group or a consumer of it is there twice.
func collectStream(v rdb.Value, nodes stream.Limits) (*keyspace.Collection, error) {
	s := new(stream.Stream)
	s.SetLimits(&nodes)
	var value []byte
	err := v.Each(func(e *rdb.Element) error {
		p := e.Stream
		id := stream.ID(p.ID)
		added := true
		switch p.Kind {
		case rdb.StreamSelf:
			s.State = stream.State{Last: id, MaxDeleted: stream.ID(p.Deleted), Added: p.Added}
		case rdb.StreamEntry:
			value = stream.AppendCount(value[:0], len(p.Strings))
			for _, one := range p.Strings {
				value = stream.AppendString(value, one)
			}
			added = s.Set(id, value)
		case rdb.StreamGroup:
			if added = s.Group(p.Group) == nil; added {
				s.SetGroup(p.Group, stream.GroupState{Last: id, Read: p.Read})
			}
		case rdb.StreamConsumer:
			added = s.SetConsumer(p.Group, p.Consumer, p.Time)
		case rdb.StreamPending:
			added = s.SetPending(p.Group, stream.Pending{ID: id, Consumer: p.Consumer, Delivered: p.Time, Count: p.Deliveries})
		}
		if !added {
			return rdb.ErrFormat
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return keyspace.NewStream(s), nil
}
