package keyspace

import (
	"errors"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/slots"
)

// Waiter waits for a value under one of some keys of a slot, for a client that has found
// none (BLPOP and its like). [Tx.Wait] makes it wait. The commit that brings a value of
// its Type serves it, under the same hold of the slot's lock: those that wait for a key
// are served in the order in which they came, each in a transaction of its own.
//
// So nobody takes the value between the commit and the waiter, and what Serve takes and
// that the waiter has it are one write.
type Waiter struct {
	Type Type // of the value

	// Reads says that Serve only reads. Then what a replica gets from its master serves the
	// waiter, too.
	Reads bool

	// Gone says that Serve is to be called as well when the key is gone or has got a value of
	// another type, and when a stream has lost one of its groups: for those that are to be
	// told, by Serve's error, that there is nothing to wait for any more.
	Gone bool

	// Wants, if it is not nil, says what of the value is waited for: the name of a stream's
	// group. When a waiter has found that it is not there, those behind it that want the same
	// are not asked.
	Wants []byte

	// Ticket is the waiter's place in the order: the lowest is served first. Wait gives one
	// out if it is 0. One that waits again, after ErrWaitAgain, keeps its place by it.
	Ticket uint64

	// Serve takes what has come under key, under the slot's lock. If it returns false, the
	// waiter goes on waiting; after an error it does not, and nothing has happened. What it
	// returns otherwise is committed.
	Serve func(tx *Tx, key []byte) (served bool, err error)

	// Wake is called once when the wait is over, unless by Cancel: without a lock, on the
	// goroutine that ended the wait. It must not wait.
	Wake func()

	slot      slots.Slot
	positions []position // one for each key; none: it does not wait
	err       error
}

// ErrWaitAgain ends a wait because what it relied on has changed: the slot may have
// another owner by now, or a key has come that no transaction has written. The client's
// command has to be run again.
var ErrWaitAgain = errors.New("keyspace: the wait is over: run the command again")

// Err returns, after Wake, nil if the waiter has been served, the error of Serve, or
// ErrWaitAgain.
func (w *Waiter) Err() error { return w.err }

// waiters are those of one slot, whose lock guards them.
type waiters struct {
	queues map[string]*waitQueue // by key; none is empty
	gone   int                   // positions of waiters with Gone
	round  uint64                // of serving
}

// waitQueue is the waiters for one key, by their tickets.
type waitQueue struct {
	key         string
	first, last *position
	gone        int    // of them, of waiters with Gone
	readyIn     uint64 // the round in which it is among the keys to serve
}

// position is a waiter's position in a queue.
type position struct {
	waiter     *Waiter
	queue      *waitQueue // nil: the waiter has named the key twice
	prev, next *position
}

// waiting is what a Store knows of all its waiters.
type waiting struct {
	count   atomic.Int64 // of those that wait
	tickets atomic.Uint64
}

// Wait makes w wait for keys of the slot once the transaction has ended well; a
// transaction has one Wait at most. w must not be waiting already.
func (tx *Tx) Wait(w *Waiter, keys [][]byte) {
	if len(keys) == 0 || len(w.positions) > 0 {
		panic("keyspace: Wait for no keys, or of a waiter that waits")
	}
	tx.waiter, tx.waitKeys = w, keys
}

// startWaiting enters the transaction's waiter into the queues of its keys.
func (tx *Tx) startWaiting() {
	w, all := tx.waiter, &tx.store.waiting
	w.slot, w.err = tx.slot, nil
	if w.Ticket == 0 {
		w.Ticket = all.tickets.Add(1)
	}
	all.count.Add(1)
	if tx.table.waiters == nil {
		tx.table.waiters = &waiters{queues: make(map[string]*waitQueue)}
	}
	w.positions = make([]position, len(tx.waitKeys))
	for i, key := range tx.waitKeys {
		w.positions[i].waiter = w
		tx.table.waiters.enter(&w.positions[i], key)
	}
}

// enter puts p into the queue of a key, unless its waiter is there already.
func (ws *waiters) enter(p *position, key []byte) {
	q := ws.queues[string(key)]
	if q == nil {
		q = &waitQueue{key: string(key)}
		ws.queues[q.key] = q
	}
	before := q.last
	for before != nil && before.waiter.Ticket > p.waiter.Ticket {
		before = before.prev
	}
	if before != nil && before.waiter == p.waiter {
		return
	}
	if p.waiter.Gone {
		q.gone++
		ws.gone++
	}
	p.queue, p.prev = q, before
	if before == nil {
		p.next, q.first = q.first, p
	} else {
		p.next, before.next = before.next, p
	}
	if p.next == nil {
		q.last = p
	} else {
		p.next.prev = p
	}
}

// leave takes p out of its queue.
func (ws *waiters) leave(p *position) {
	q := p.queue
	if q == nil {
		return
	}
	if p.prev == nil {
		q.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		q.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	if p.waiter.Gone {
		q.gone--
		ws.gone--
	}
	if q.first == nil {
		delete(ws.queues, q.key)
	}
}

// stopWaiting takes w out of all its queues, false if it does not wait. The slot's lock is
// held.
func (s *Store) stopWaiting(t *table, w *Waiter, err error) bool {
	if len(w.positions) == 0 {
		return false
	}
	for i := range w.positions {
		t.waiters.leave(&w.positions[i])
	}
	w.positions, w.err = nil, err
	if len(t.waiters.queues) == 0 {
		t.waiters = nil
	}
	s.waiting.count.Add(-1)
	return true
}

// Cancel ends a wait, and reports whether it has: false means that it had ended already,
// and that Wake has been called or will be at once. A served waiter has what it got.
func (s *Store) Cancel(w *Waiter) bool {
	t := s.lock(w.slot)
	defer s.unlock(w.slot)
	return s.stopWaiting(t, w, nil)
}

// WakeWaiters ends the waits in some slots with ErrWaitAgain.
func (s *Store) WakeWaiters(set *slots.Set) {
	if s.waiting.count.Load() == 0 {
		return
	}
	for slot := range set.All() {
		if !s.unused(slot) {
			wakeAll(s.endWaits(slot))
		}
	}
}

// endWaits ends the waits in a slot, and returns those that are to be woken.
func (s *Store) endWaits(slot slots.Slot) []*Waiter {
	t := s.lockAs(slot, endNow)
	defer s.unlock(slot)
	return s.endAllWaits(t)
}

// endAllWaits is endWaits for those that hold the slot's lock.
func (s *Store) endAllWaits(t *table) (ended []*Waiter) {
	for t.waiters != nil {
		for _, q := range t.waiters.queues {
			w := q.first.waiter
			s.stopWaiting(t, w, ErrWaitAgain)
			ended = append(ended, w)
			break
		}
	}
	return ended
}
