package replication

// Reader reads a Backlog's stream on behalf of one replica or snapshot. It is for
// one goroutine, apart from Wake.
type Reader struct {
	log *Backlog
	cur *cursor
	// Wake receives a value when there is something to read after Next returned nothing.
	Wake   chan struct{}
	asleep bool // guarded by log.mu
}

// join decides how a replica is brought here, and opens its Reader in the same moment.
// An empty why means a partial resync from the Reader's place on.
//
// answer is what the replica is told first: the decision, and for a full sync the notes.
func (b *Backlog) join(wanted []Position, keys int) (r *Reader, answer []byte, why string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.follower {
		return nil, nil, "", errNotMaster
	}
	b.startLocked(keys)
	b.keep = true
	h := b.historyLocked()
	at, partial, why := h.decide(wanted, b.ring.start())
	if partial {
		answer = appendMessage(nil, &message{kind: kindResume, hist: h, offset: at})
	} else {
		at = h.Offset
		answer = b.appendMetadataLocked(appendMessage(nil, &message{kind: kindFull, hist: h, offset: at, keys: uint64(keys)}))
	}
	return b.openLocked(at), answer, why, nil
}

// open opens a Reader for a snapshot, see use; head is the snapshot's beginning. Its
// history has no name if nobody else can know it.
func (b *Backlog) open(keys int) (r *Reader, head []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.historyLocked()
	if !b.keep || b.diverged {
		h = History{Offset: h.Offset}
	}
	head = appendMessage([]byte(snapshotMagic), &message{kind: kindFull, hist: h, offset: h.Offset, keys: uint64(keys)})
	return b.openLocked(h.Offset), b.appendMetadataLocked(head)
}

func (b *Backlog) openLocked(at int64) *Reader {
	r := &Reader{log: b, cur: b.ring.open(at), Wake: make(chan struct{}, 1)}
	b.readers = append(b.readers, r)
	return r
}

// Next returns at most n bytes that follow what was read before, none if there are none
// yet. They are valid until the next call and must not be written. An error is final: the
// Reader has been cut off.
func (r *Reader) Next(n int) ([]byte, error) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	b, err := r.log.ring.read(r.cur, n)
	if len(b) == 0 && err == nil && !r.asleep {
		r.asleep = true
		r.log.asleep++
	}
	return b, err
}

// Offset returns the offset of the next byte to be read.
func (r *Reader) Offset() int64 {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.cur.at
}

// Close gives up the Reader's claim on the Backlog's memory.
func (r *Reader) Close() {
	b := r.log
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ring.close(r.cur)
	for i := range b.readers {
		if b.readers[i] == r {
			b.readers = append(b.readers[:i], b.readers[i+1:]...)
			break
		}
	}
	if r.asleep {
		r.asleep = false
		b.asleep--
	}
}

// wakeLocked wakes the readers that have read everything.
func (b *Backlog) wakeLocked() {
	if b.asleep == 0 {
		return
	}
	for _, r := range b.readers {
		if r.asleep {
			r.asleep = false
			b.asleep--
			select {
			case r.Wake <- struct{}{}:
			default:
			}
		}
	}
}

// cutLocked ends all readers: their next read returns err.
func (b *Backlog) cutLocked(err error) {
	for _, c := range b.ring.readers {
		if c.err == nil {
			c.err = err
		}
	}
	b.wakeLocked()
}
