package keyspace

import "github.com/slotmesh/slotmesh/keyspace/stream"

// streamEvent names what an OpPart or OpCut does to a stream, "" if it is a part of
// something that another op tells of, or no command tells of it: reading in a group and
// acknowledging are silent. XGROUP SETID is, too, since reading does the same.
func (op *Op) streamEvent(rec *record) string {
	p, ok := parseStreamPart(op.Part)
	s := rec.stream()
	switch {
	case !ok:
		return ""
	case op.Kind == OpCut:
		return p.cutEvent(len(op.Value) > 0)
	case p.kind == streamEntryPart:
		return "xadd"
	case p.kind == streamStatePart:
		return stateEvent(s, op.Value)
	}
	g := s.Group(p.group)
	switch {
	case p.of == streamGroupState && g == nil:
		return "xgroup-create"
	case p.of == streamConsumer && g != nil:
		if _, there := g.Consumer(p.consumer); !there {
			return "xgroup-createconsumer"
		}
	}
	return ""
}

func (p *streamPart) cutEvent(isRange bool) string {
	switch {
	case p.kind == streamEntryPart && isRange:
		return "xtrim"
	case p.kind == streamEntryPart:
		return "xdel"
	case p.of == streamGroupState && isRange:
		return "xgroup-destroy"
	case p.of == streamConsumer:
		return "xgroup-delconsumer"
	}
	return ""
}

// stateEvent is about the stream's own part: XSETID, unless it is what an entry that comes or
// goes changes, or a stream that comes into being.
func stateEvent(s *stream.Stream, value []byte) string {
	next, ok := parseStreamState(value)
	was := s.State
	switch {
	case !ok || was == stream.State{}:
		return ""
	case next.Last == was.Last && next.Added == was.Added:
		return "" // an entry was deleted
	case next.MaxDeleted == was.MaxDeleted && next.Added == was.Added+1:
		return "" // an entry was added
	}
	return "xsetid"
}

// stream returns the stream of a record, an empty one if it has none.
func (r *record) stream() *stream.Stream {
	if r.coll != nil {
		if o, ok := r.coll.object.(*streamObject); ok {
			return o.stream
		}
	}
	return &noStream
}
