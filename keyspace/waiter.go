package keyspace

import (
	"errors"
	"fmt"
	"slices"
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
}

// waitQueue is the waiters for one key, by their tickets.
type waitQueue struct {
	key         string
	first, last *position
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
func (s *Store) endWaits(slot slots.Slot) (ended []*Waiter) {
	t := s.lockAs(slot, endNow)
	defer s.unlock(slot)
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

// endWaitsFor is endWaits for the keys that some ops have brought. The slot's lock is held.
func (s *Store) endWaitsFor(t *table, ops []Op) (ended []*Waiter) {
	for i := 0; i < len(ops) && t.waiters != nil; i++ {
		for q := t.waiters.queues[string(ops[i].readyKey())]; q != nil && q.first != nil; {
			w := q.first.waiter
			s.stopWaiting(t, w, ErrWaitAgain)
			ended = append(ended, w)
		}
	}
	return ended
}

func wakeAll(list []*Waiter) {
	for _, w := range list {
		w.Wake()
	}
}

// readyKey returns the key under which the op brings a value, nil if it brings none.
func (op *Op) readyKey() []byte {
	switch op.Kind {
	case OpPut, OpPart:
		return op.Key
	case OpCopy, OpMove:
		return op.Part
	}
	return nil
}

// serving is the waiters' part of a transaction.
type serving struct {
	waiter   *Waiter   // is to wait from the end of the transaction on …
	waitKeys [][]byte  // … for these keys
	served   []*Waiter // are to be woken once the lock is released
}

// serve lets the waiters have what the commit has brought: key after key in the order in
// which the keys got their values, and what a served waiter brings after that. It ends
// because each waiter is served once at most.
func (tx *Tx) serve() {
	tx.full = false // what is waited for has been paid for
	ready := tx.table.waiters.ready(nil, tx.ops)
	for len(ready) > 0 && tx.table.waiters != nil {
		key := ready[0]
		ready = ready[1:]
		ready = tx.serveKey(key, ready)
	}
	tx.forget()
}

// ready appends the keys that ops bring and for which there are waiters.
func (ws *waiters) ready(list []string, ops []Op) []string {
	for i := range ops {
		if key := ops[i].readyKey(); key != nil {
			if q := ws.queues[string(key)]; q != nil && !slices.Contains(list, q.key) {
				list = append(list, q.key)
			}
		}
	}
	return list
}

// serveKey serves those that wait for key until nothing is left there. It appends the keys
// that they bring values under to ready.
func (tx *Tx) serveKey(key string, ready []string) []string {
	q := tx.table.waiters.queues[key]
	if q == nil {
		return ready
	}
	name := []byte(key)
	for p := q.first; p != nil; {
		tx.forget()
		w, next := p.waiter, p.next
		e, ok := tx.Peek(name)
		if !ok {
			break
		}
		p = next
		if e.Type != w.Type {
			continue
		}
		served, err := tx.serveOne(w, name)
		if !served && err == nil {
			continue
		}
		if served && len(tx.ops) > 0 {
			tx.commit()
		}
		tx.store.stopWaiting(tx.table, w, err)
		tx.served = append(tx.served, w)
		if tx.table.waiters == nil {
			return nil
		}
		if served {
			ready = tx.table.waiters.ready(ready, tx.ops)
		}
	}
	return ready
}

// serveOne calls Serve. A panic there must not reach the transaction that has been
// committed just before, which is another client's.
func (tx *Tx) serveOne(w *Waiter, key []byte) (served bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			served, err = false, fmt.Errorf("keyspace: serving a waiter panicked: %v", p)
		}
		if err != nil {
			served = false
			tx.forget()
		}
	}()
	return w.Serve(tx, key)
}
