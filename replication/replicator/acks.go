package replicator

// ackTable holds the offset up to which each connected replica has the stream, and the
// callers that wait for a number of replicas (docs/spec.md §9.3).
type ackTable struct {
	held    map[uint64]int64 // by link
	waiters []*waiter
}

// waiter waits until want replicas hold the stream up to offset. wake is called once,
// when they do or when the table is given up.
type waiter struct {
	offset int64
	want   int
	wake   func()
	err    error // why it will never happen
}

// count returns how many replicas hold the stream up to offset.
func (t *ackTable) count(offset int64) int {
	n := 0
	for _, held := range t.held {
		if held >= offset {
			n++
		}
	}
	return n
}

// ack notes that the replica on link holds the stream up to offset, and wakes the waiters
// that this satisfies. An ack never lowers what a replica is known to hold.
func (t *ackTable) ack(link uint64, offset int64) {
	if t.held == nil {
		t.held = make(map[uint64]int64)
	}
	if was, ok := t.held[link]; ok && offset <= was {
		return
	}
	t.held[link] = offset
	kept := t.waiters[:0]
	for _, w := range t.waiters {
		if w.offset <= offset && t.count(w.offset) >= w.want {
			w.wake()
		} else {
			kept = append(kept, w)
		}
	}
	t.keep(kept)
}

// seal ends the table of a master that becomes a replica: its stream ends at offset end,
// and no replica acknowledges it any more. What was acknowledged until then stays true
// and is remembered. The waiters that wait for more are given err.
func (t *ackTable) seal(end int64, err error) (last sealedAcks) {
	last.end = end
	for _, held := range t.held {
		last.held = append(last.held, held)
	}
	t.abandon(err)
	return last
}

// sealedAcks is what replicas held of a master's stream when it ceased to be one.
type sealedAcks struct {
	end  int64
	held []int64
}

// count returns how many replicas held the stream up to offset, or up to its end if that
// is before.
func (s *sealedAcks) count(offset int64) int {
	n := 0
	offset = min(offset, s.end)
	for _, held := range s.held {
		if held >= offset {
			n++
		}
	}
	return n
}

// copies is how far replicas hold this node's stream in one way: in memory, or on disk.
type copies struct {
	acks   ackTable
	sealed sealedAcks // of the time as a master that ended with the last Follow
}

// seal is [ackTable.seal].
func (c *copies) seal(end int64, err error) { c.sealed = c.acks.seal(end, err) }

// gone forgets a link that has ended.
func (t *ackTable) gone(link uint64) { delete(t.held, link) }

// wait registers w, unless it is satisfied already.
func (t *ackTable) wait(w *waiter) (registered bool) {
	if t.count(w.offset) >= w.want {
		return false
	}
	t.waiters = append(t.waiters, w)
	return true
}

// leave takes back a wait.
func (t *ackTable) leave(w *waiter) {
	for i := range t.waiters {
		if t.waiters[i] == w {
			t.keep(append(t.waiters[:i], t.waiters[i+1:]...))
			return
		}
	}
}

// abandon wakes all waiters with err: this node's stream ends here.
func (t *ackTable) abandon(err error) {
	for _, w := range t.waiters {
		w.err = err
		w.wake()
	}
	t.keep(t.waiters[:0])
}

// keep replaces the waiters by list, which is a prefix of their slice, and clears the
// rest for the garbage collector.
func (t *ackTable) keep(list []*waiter) {
	clear(t.waiters[len(list):])
	t.waiters = list
}
