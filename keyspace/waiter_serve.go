package keyspace

import (
	"bytes"
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

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

// readyKey returns the key under which the op brings a value, nil if it brings none. Of a
// stream only entries are waited for.
func (op *Op) readyKey() []byte {
	switch op.Kind {
	case OpPart:
		if op.Type == Stream && (len(op.Part) == 0 || op.Part[0] != streamEntryPart) {
			return nil
		}
		return op.Key
	case OpPut, OpReveal:
		return op.Key
	case OpCopy, OpMove:
		return op.Part
	}
	return nil
}

// goneKey returns the key that the op may take from a waiter whose Gone is set, nil if
// there is none: besides the key of which nothing is left, that of a stream without one of
// its groups.
func (op *Op) goneKey() []byte {
	switch op.Kind {
	case OpDelete, OpMove:
		return op.Key
	case OpCut:
		if p, ok := parseStreamPart(op.Part); op.Type == Stream && ok && p.kind == streamGroupPart &&
			p.of == streamGroupState {
			return op.Key
		}
	}
	return nil
}

// serving is the waiters' part of a transaction.
type serving struct {
	waiter   *Waiter   // is to wait from the end of the transaction on …
	waitKeys [][]byte  // … for these keys
	served   []*Waiter // are to be woken once the lock is released
	applied  bool      // another store has written what is served: see Waiter.Reads
}

// serve lets the waiters have what the commit has brought: key after key in the order in
// which the keys got their values, and what a served waiter brings after that. It ends
// because each waiter is served once at most.
func (tx *Tx) serve(ops []Op) {
	tx.full = false // what is waited for has been paid for
	ws := tx.table.waiters
	ws.round++
	ready := ws.ready(nil, ops)
	for len(ready) > 0 && tx.table.waiters != nil {
		q := ws.queues[ready[0]]
		ready = ready[1:]
		if q != nil {
			q.readyIn = 0
			ready = tx.serveQueue(q, ready)
		}
	}
	tx.forget()
}

// serveGone is serve for what has expired or been evicted.
func (tx *Tx) serveGone() {
	if ws := tx.table.waiters; ws != nil && ws.gone > 0 {
		tx.serve(tx.ops)
	}
}

// serveOutside is serve for ops that were carried out in no transaction; applied says that
// another store has decided on them. The slot's lock is held; the waiters that it returns
// are to be woken without it.
func (s *Store) serveOutside(slot slots.Slot, t *table, lock *slotLock, ops []Op, applied bool) []*Waiter {
	if t.waiters == nil {
		return nil
	}
	tx := s.txs.Get().(*Tx)
	tx.table, tx.lock, tx.slot = t, lock, slot
	tx.writable, tx.exceed = false, false
	tx.mode, tx.now = s.mode.Load()&^eventMask, 0
	tx.applied = applied
	tx.serve(ops)
	served := tx.served
	tx.serving, tx.table = serving{}, nil
	s.txs.Put(tx)
	return served
}

// ready appends the keys that ops bring, or take, and for which there are waiters.
func (ws *waiters) ready(list []string, ops []Op) []string {
	for i := range ops {
		op := &ops[i]
		if key := op.readyKey(); key != nil {
			list = ws.readyQueue(list, key, false)
		}
		if ws.gone == 0 {
			continue
		}
		if key := op.goneKey(); key != nil {
			list = ws.readyQueue(list, key, true)
		} else if op.Kind == OpDrop {
			for key := range ws.queues {
				list = ws.readyQueue(list, []byte(key), true)
			}
		}
	}
	return list
}

// readyQueue appends a key whose waiters are to be looked at, unless it is there; gone says
// that only those are with Gone.
func (ws *waiters) readyQueue(list []string, key []byte, gone bool) []string {
	q := ws.queues[string(key)]
	if q == nil || q.readyIn == ws.round || gone && q.gone == 0 {
		return list
	}
	q.readyIn = ws.round
	return append(list, q.key)
}

// serveQueue serves those that wait for a key until nothing is left there. It appends the
// keys that they bring values under to ready.
func (tx *Tx) serveQueue(q *waitQueue, ready []string) []string {
	name, nothing := []byte(q.key), []byte(nil)
	for p := q.first; p != nil; {
		tx.forget()
		w, next := p.waiter, p.next
		e, there := tx.Peek(name)
		if !there && q.gone == 0 {
			break
		}
		p = next
		if !(there && e.Type == w.Type || w.Gone) || nothing != nil && bytes.Equal(w.Wants, nothing) {
			continue
		}
		served, err := tx.serveOne(w, name)
		if !served && err == nil {
			nothing = w.Wants
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
	if tx.applied && !w.Reads {
		return false, ErrWaitAgain
	}
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
