package replication

// Cursor reads a Stream on behalf of one replica or snapshot. It implements Source.
type Cursor struct {
	stream *Stream
	at     int64  // offset of the next byte
	blk    *block // the block that holds it, or that ends there
	err    error  // why the reader is cut off
	kept   bool   // of a LogCursor: neither renaming nor being slow cuts it off
}

// Join decides how a replica that knows the places in wanted is brought up to date, and
// opens the Cursor from which it gets the stream. keys is how many keys the store has.
//
// An empty why means a partial resync from the Cursor's place on; otherwise why says why
// a full sync is needed. answer is what the replica is told first: the decision, and for
// a full sync the metadata. A replica refuses replicas.
func (s *Stream) Join(wanted []Position, keys int) (c *Cursor, answer []byte, why string, err error) {
	if s.follower {
		return nil, nil, "", ErrNotMaster
	}
	s.start(keys)
	s.keep = true
	h := s.History()
	at, partial, why := h.decide(wanted, s.ring.start())
	if partial {
		answer = AppendMessage(nil, &Message{Kind: KindResume, History: h, Offset: at})
	} else {
		at = h.Offset
		answer = s.appendMetadata(AppendMessage(nil,
			&Message{Kind: KindFull, History: h, Offset: at, Keys: uint64(keys)}))
	}
	return s.open(at), answer, why, nil
}

// Snapshot opens the Cursor for a snapshot of a store with so many keys, between Hold and
// Release. head is the beginning of the file. shard names the shard whose data it is, nil
// for none.
func (s *Stream) Snapshot(keys int, shard []byte) (c *Cursor, head []byte) {
	h := s.History()
	if !s.keep || s.diverged {
		h = History{Offset: h.Offset} // no other node can know a name for it
	}
	head = AppendMessage([]byte(snapshotMagic),
		&Message{Kind: KindFull, History: h, Offset: h.Offset, Keys: uint64(keys)})
	head = s.appendMetadata(head)
	if len(shard) > 0 {
		head = AppendMessage(head, &Message{Kind: KindShard, Data: shard})
	}
	return s.open(h.Offset), head
}

func (s *Stream) open(at int64) *Cursor {
	c := s.ring.open(at)
	c.stream = s
	return c
}

// Next implements Source. The bytes may be used without the Stream's lock, if it has one,
// until the next call.
func (c *Cursor) Next(n int) ([]byte, error) { return c.stream.ring.read(c, n) }

// Offset returns the offset of the next byte to be read.
func (c *Cursor) Offset() int64 { return c.at }

// Close gives up the Cursor's claim on the Stream's memory.
func (c *Cursor) Close() { c.stream.ring.close(c) }

// Tail opens a Cursor at the end of the stream of a store with so many keys, for a reader that
// is no replica. The Stream is active until Release. A replica's stream is not its own to
// tell: the error is ErrNotMaster.
func (s *Stream) Tail(keys int) (*Cursor, error) {
	if s.follower {
		return nil, ErrNotMaster
	}
	s.Hold(keys)
	return s.open(s.ring.end), nil
}
