package client

import (
	"errors"
	"iter"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// ErrNoGroup refuses an operation on a group that a stream does not have.
var ErrNoGroup = errors.New("slotmesh: the stream has no group of this name; see Stream.CreateGroup")

// ErrFields refuses an entry that does not have a value for each field.
var ErrFields = errors.New("slotmesh: an entry of a stream is fields and values in turn, at least one of each")

// Stream is a stream inside a transaction: entries with ascending IDs, each of which is
// fields with values, and groups of consumers that share the entries among them. A key that
// is not there is an empty one; one that has lost its last entry stays. A large stream can
// only be used at the node that owns it: see [Router.Update].
type Stream struct {
	ref keyspace.StreamRef
	of  collectionOf
}

// Stream returns the stream of key. The errors are those of [Tx.Hash].
func (t Tx) Stream(key string) (Stream, error) {
	if err := t.mayUse(key); err != nil {
		return Stream{}, err
	}
	ref, err := t.tx.Stream(bytesOf(key))
	return Stream{ref, collectionOf{t, key, keyspace.StreamEvents}}, err
}

// Len returns the number of entries.
func (s Stream) Len() int { return s.ref.Len() }

// Append adds an entry with an ID that follows all before, of the present time, and returns
// it. fields is a field, its value, the next field and so on. The error is ErrFields, or
// keyspace.ErrOutOfMemory if there is no room.
func (s Stream) Append(fields ...string) (stream.ID, error) {
	if len(fields) == 0 || len(fields)%2 != 0 {
		return stream.ID{}, ErrFields
	}
	id := stream.ID{Ms: uint64(s.of.tx.tx.Now())}
	if last := s.ref.State().Last; !last.Less(id) {
		id, _ = last.Next()
	}
	value := stream.AppendCount(nil, len(fields))
	for _, text := range fields {
		value = stream.AppendString(value, bytesOf(text))
	}
	return id, s.of.changed("xadd", s.ref.Append(id, value))
}

// Get returns the fields of an entry, which are valid until the stream changes.
func (s Stream) Get(id stream.ID) (stream.Fields, bool) { return s.ref.Get(id) }

// From yields the entries from an ID on. The stream must not change meanwhile.
func (s Stream) From(id stream.ID) iter.Seq2[stream.ID, stream.Fields] {
	return func(yield func(stream.ID, stream.Fields) bool) { s.ref.Ascend(id, yield) }
}

// Down yields the entries from an ID down; stream.MaxID begins with the last one. The stream
// must not change meanwhile.
func (s Stream) Down(id stream.ID) iter.Seq2[stream.ID, stream.Fields] {
	return func(yield func(stream.ID, stream.Fields) bool) { s.ref.Descend(id, yield) }
}

// Delete removes an entry and reports whether it was there. The error is that of Append.
func (s Stream) Delete(id stream.ID) (ok bool, err error) {
	if ok, err = s.ref.Delete(id); ok {
		err = s.of.changed("xdel", err)
	}
	return ok, err
}

// Trim removes the first entries until at most keep are left, and returns how many it has
// removed.
func (s Stream) Trim(keep int) (removed int) {
	if removed = s.ref.TrimToLen(keep, false, 0); removed > 0 {
		s.of.changed("xtrim", nil)
	}
	return removed
}

// CreateGroup adds a group that will read the entries behind an ID: the zero ID stands for
// all of them. It reports whether the group is new; one that is there stays as it is. The
// error is that of Append.
func (s Stream) CreateGroup(group string, behind stream.ID) (created bool, err error) {
	if s.ref.Group(bytesOf(group)) != nil {
		return false, nil
	}
	if !s.ref.Exists() {
		if err := s.ref.SetState(stream.State{}); err != nil {
			return false, err
		}
	}
	err = s.ref.SetGroup(bytesOf(group), stream.GroupState{Last: behind, Read: stream.Unknown})
	return err == nil, s.of.changed("xgroup-create", err)
}

// Read makes up to count entries, of those that no consumer of the group has got before,
// pending to a consumer, and returns their IDs. The consumer is added if it is not there.
// The error is ErrNoGroup, or that of Append.
func (s Stream) Read(group, consumer string, count int) (ids []stream.ID, err error) {
	if err := s.see(group, consumer); err != nil {
		return nil, err
	}
	at := s.ref.Group(bytesOf(group)).GroupState
	from, ok := at.Last.Next()
	for id := range s.From(from) {
		if !ok || len(ids) >= count {
			break
		}
		at = s.ref.Advance(at, id)
		ids = append(ids, id)
	}
	if len(ids) > 0 {
		err = s.ref.SetGroup(bytesOf(group), at)
	}
	for i := 0; i < len(ids) && err == nil; i++ {
		err = s.ref.SetPending(bytesOf(group), stream.Pending{ID: ids[i], Consumer: bytesOf(consumer),
			Delivered: s.of.tx.tx.Now(), Count: 1})
	}
	return ids, err
}

// see notes that a consumer does something, and adds it if it is not there.
func (s Stream) see(group, consumer string) error {
	g := s.ref.Group(bytesOf(group))
	if g == nil {
		return ErrNoGroup
	}
	_, there := g.Consumer(bytesOf(consumer))
	err := s.ref.SetConsumer(bytesOf(group), bytesOf(consumer), s.of.tx.tx.Now())
	if !there {
		err = s.of.changed("xgroup-createconsumer", err)
	}
	return err
}

// Pending yields what has been delivered to a consumer of a group, or to any of them if
// consumer is empty, and has not been acknowledged. The stream must not change meanwhile.
func (s Stream) Pending(group, consumer string) iter.Seq[stream.Pending] {
	return func(yield func(stream.Pending) bool) {
		var name []byte // of all
		if consumer != "" {
			name = bytesOf(consumer)
		}
		if g := s.ref.Group(bytesOf(group)); g != nil {
			g.AscendPending(name, stream.ID{}, yield)
		}
	}
}

// Claim makes pending entries pending to another consumer of the group, which is one more
// delivery, and returns how many of them there were. The errors are those of Read.
func (s Stream) Claim(group, consumer string, ids ...stream.ID) (n int, err error) {
	if err := s.see(group, consumer); err != nil {
		return 0, err
	}
	for _, id := range ids {
		p, ok := s.ref.Group(bytesOf(group)).Pending(id)
		if !ok {
			continue
		}
		p.Consumer, p.Delivered, p.Count = bytesOf(consumer), s.of.tx.tx.Now(), p.Count+1
		if err := s.ref.SetPending(bytesOf(group), p); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Acknowledge says that a group is done with entries, and returns how many of them were
// pending.
func (s Stream) Acknowledge(group string, ids ...stream.ID) (n int) {
	for _, id := range ids {
		if s.ref.Acknowledge(bytesOf(group), id) {
			n++
		}
	}
	return n
}
