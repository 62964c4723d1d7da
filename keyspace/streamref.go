package keyspace

import (
	"bytes"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// StreamRef is a key in a transaction that holds a stream, or nothing. What its methods
// return aliases the store: it is read only, and valid until the next write to the stream.
// What they are given is copied. The errors of methods that write are those of [Tx.Put].
//
// Methods do what they say and nothing else: to add an entry, for example, does not
// change how far groups have read.
type StreamRef struct {
	tx *Tx
	n  int // of the opened collection
}

// Stream returns the stream at key. The error is ErrWrongType if key holds a value of
// another type.
func (tx *Tx) Stream(key []byte) (StreamRef, error) {
	n, err := tx.open(key, Stream)
	return StreamRef{tx, n}, err
}

// Stream returns the stream, as [Tx.Stream] does. Its methods that write panic.
func (s Snapshot) Stream() (StreamRef, error) { return StreamRef{s.tx, 0}, s.is(Stream) }

// Snapshot returns the stream as it is now. It stays so, as [Snapshot] does; its methods
// that write panic.
func (s StreamRef) Snapshot() StreamRef { return StreamRef{s.tx.detached(s.tx.at(s.n)), 0} }

var noStream stream.Stream

// stream returns the stream as the transaction has left it.
func (s StreamRef) stream() *stream.Stream {
	rec := record{coll: s.tx.at(s.n).coll}
	return rec.stream()
}

// Exists reports whether the key is there; a stream may be without entries.
func (s StreamRef) Exists() bool { return s.tx.at(s.n).size() > 0 }

// Len returns the number of entries.
func (s StreamRef) Len() int { return s.stream().Len() }

// State returns what the stream knows besides its entries and groups.
func (s StreamRef) State() stream.State { return s.stream().State }

// First returns the ID of the first entry, and false if there is none.
func (s StreamRef) First() (stream.ID, bool) { return s.stream().First() }

// Final returns the ID of the last entry that is there, and false if there is none.
func (s StreamRef) Final() (stream.ID, bool) { return s.stream().Final() }

// Nodes returns in how many nodes the entries are.
func (s StreamRef) Nodes() int { return s.stream().Nodes() }

// Get returns the fields of an entry.
func (s StreamRef) Get(id stream.ID) (stream.Fields, bool) { return s.stream().Get(id) }

// Ascend visits the entries from an ID on until visit returns false. The stream must not
// change meanwhile.
func (s StreamRef) Ascend(from stream.ID, visit func(id stream.ID, fields stream.Fields) bool) {
	s.stream().Ascend(from, visit)
}

// Descend visits the entries from an ID down until visit returns false.
func (s StreamRef) Descend(from stream.ID, visit func(id stream.ID, fields stream.Fields) bool) {
	s.stream().Descend(from, visit)
}

// SetState makes the state what it is given, and creates the stream.
func (s StreamRef) SetState(state stream.State) error {
	return s.setSmall(append(s.tx.part[:0], streamStatePart), appendStreamState(s.tx.partValue[:0], state))
}

// set makes a part value. part is in the transaction's buffer.
func (s StreamRef) set(part, value []byte) error {
	s.tx.keepPartBuffer(part)
	_, err := s.tx.setPart(s.n, part, value, 0)
	return err
}

// setSmall is set for a value that is in the transaction's buffer, too.
func (s StreamRef) setSmall(part, value []byte) error {
	if cap(value) <= maxKey {
		s.tx.partValue = value
	}
	return s.set(part, value)
}

// cut removes a part, whose name is in the transaction's buffer.
func (s StreamRef) cut(part []byte) bool {
	s.tx.keepPartBuffer(part)
	return s.tx.cutPart(s.n, part)
}

func (tx *Tx) keepPartBuffer(part []byte) {
	if cap(part) <= maxKey {
		tx.part = part
	}
}

// Delete removes an entry and reports whether it was there. The greatest deleted ID
// follows.
func (s StreamRef) Delete(id stream.ID) (ok bool, err error) {
	n, err := s.DeleteAll([]stream.ID{id})
	return n == 1, err
}

// DeleteAll removes several entries and returns how many were there. The greatest deleted
// ID follows, once for all of them.
func (s StreamRef) DeleteAll(ids []stream.ID) (deleted int, err error) {
	state := s.State()
	greatest := state.MaxDeleted
	for _, id := range ids {
		if s.cut(appendEntryPart(s.tx.part[:0], id)) {
			deleted++
			if greatest.Less(id) {
				greatest = id
			}
		}
	}
	if greatest != state.MaxDeleted {
		state.MaxDeleted = greatest
		err = s.SetState(state)
	}
	return deleted, err
}

// TrimToLen removes the first entries until at most keep are left. whole removes only whole
// nodes, as `XTRIM ~` does; limit, unless it is 0, bounds how many entries go. It returns
// how many have gone.
func (s StreamRef) TrimToLen(keep int, whole bool, limit int) int {
	return s.trim(s.stream().TrimPoint(max(keep, 0), stream.ID{}, whole, limit))
}

// TrimBefore is TrimToLen for the entries before an ID.
func (s StreamRef) TrimBefore(from stream.ID, whole bool, limit int) int {
	return s.trim(s.stream().TrimPoint(-1, from, whole, limit))
}

func (s StreamRef) trim(last stream.ID, count int, ok bool) int {
	if ok {
		var buf [2][1 + stream.IDLen]byte
		s.tx.cutRange(s.n, appendEntryPart(buf[0][:0], stream.ID{}), appendEntryPart(buf[1][:0], last), count)
	}
	return count
}

// Groups returns the number of groups.
func (s StreamRef) Groups() int { return s.stream().Groups() }

// GroupAt returns a group by its number in the order of names.
func (s StreamRef) GroupAt(i int) *stream.Group { return s.stream().GroupAt(i) }

// Group returns a group, nil if there is none of that name.
func (s StreamRef) Group(name []byte) *stream.Group { return s.stream().Group(name) }

// Advance returns how far a group has read once an entry has been delivered to it, as
// [stream.Stream.Advance] does.
func (s StreamRef) Advance(g stream.GroupState, id stream.ID) stream.GroupState {
	return s.stream().Advance(g, id)
}

// Lag returns how many entries a group has still to read; ok is false if that cannot be
// told.
func (s StreamRef) Lag(g stream.GroupState) (lag int64, ok bool) { return s.stream().Lag(g) }

// SetGroup says how far a group has read; it is added if it is not there.
func (s StreamRef) SetGroup(name []byte, at stream.GroupState) error {
	return s.setSmall(appendGroupPart(s.tx.part[:0], name, streamGroupState), appendGroupState(s.tx.partValue[:0], at))
}

// DeleteGroup removes a group with its consumers and pending entries, and reports whether it
// was there.
func (s StreamRef) DeleteGroup(name []byte) bool {
	g := s.Group(name)
	if g == nil {
		return false
	}
	first, behind := appendGroupPart(nil, name, streamGroupState), appendGroupPart(nil, name, streamGroupBehind)
	s.tx.cutRange(s.n, first, behind, 1+g.Consumers()+g.PendingLen())
	return true
}

// SetConsumer says when a consumer was seen, in Unix milliseconds; it is added if it is not
// there. Its group must be there.
func (s StreamRef) SetConsumer(group, name []byte, seen int64) error {
	return s.setSmall(appendConsumerPart(s.tx.part[:0], group, name), appendSeen(s.tx.partValue[:0], seen))
}

// DeleteConsumer removes a consumer and its pending entries. It returns how many those were.
func (s StreamRef) DeleteConsumer(group, name []byte) (pending int, ok bool) {
	g := s.Group(group)
	if g == nil {
		return 0, false
	}
	if _, ok := g.Consumer(name); !ok {
		return 0, false
	}
	pending = s.releasePending(g, name)
	return pending, s.cut(appendConsumerPart(s.tx.part[:0], group, name))
}

// releasePending makes what is pending to a consumer no longer so, run by run of entries
// between which none is pending to another, and returns how many there were.
func (s StreamRef) releasePending(g *stream.Group, consumer []byte) (total int) {
	type run struct {
		first, last stream.ID
		count       int
	}
	var runs []run
	open := false
	c, _ := g.Consumer(consumer)
	from := stream.ID{}
	g.AscendPending(consumer, from, func(p stream.Pending) bool { from = p.ID; return false })
	g.AscendPending(nil, from, func(p stream.Pending) bool {
		switch {
		case !bytes.Equal(p.Consumer, consumer):
			open = false
			return true
		case !open:
			runs, open = append(runs, run{first: p.ID}), true
		}
		r := &runs[len(runs)-1]
		r.last, r.count, total = p.ID, r.count+1, total+1
		return total < c.Pending
	})
	group := bytes.Clone(g.Name)
	if total > fewCut {
		s.tx.rememberAll(s.tx.at(s.n))
	}
	for _, r := range runs {
		if r.count == 1 {
			s.Acknowledge(group, r.first)
			continue
		}
		first, last := appendPendingPart(nil, group, r.first), appendPendingPart(nil, group, r.last)
		s.tx.cutRange(s.n, first, last, r.count)
	}
	return total
}

// SetPending makes an entry pending, or changes its consumer and its delivery. Its group and
// its consumer must be there.
func (s StreamRef) SetPending(group []byte, p stream.Pending) error {
	return s.setSmall(appendPendingPart(s.tx.part[:0], group, p.ID), appendPending(s.tx.partValue[:0], p))
}

// Acknowledge makes an entry no longer pending, and reports whether it was.
func (s StreamRef) Acknowledge(group []byte, id stream.ID) bool {
	return s.cut(appendPendingPart(s.tx.part[:0], group, id))
}
