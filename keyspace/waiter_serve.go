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

// readyKey returns the key whose waiters the op may serve, nil if there is none.
func (op *Op) readyKey() []byte {
	switch op.Kind {
	case OpPart, OpCut:
		if op.Type == Stream && !op.readiesStream() || op.Type != Stream && op.Kind == OpCut {
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

// readiesStream reports whether the op on a part brings an entry, begins a stream or ends a
// group: as in Redis, all readers are looked at then, and nothing else serves one whose ID
// lies before the last ID already. Other ops that set a state of zeros seem to begin a
// stream, but have nothing for any reader.
func (op *Op) readiesStream() bool {
	p, ok := parseStreamPart(op.Part)
	switch {
	case !ok:
		return false
	case op.Kind == OpCut:
		return p.kind == streamGroupPart && p.of == streamGroupState
	case p.kind == streamStatePart:
		return len(bytes.Trim(op.Value, "\x00")) == 0
	}
	return p.kind == streamEntryPart
}

// goneKey returns the key of which the op leaves nothing. That may serve waiters with Gone;
// and one that comes again has, as in Redis, its place among the keys that are ready.
func (op *Op) goneKey() []byte {
	if op.Kind == OpDelete || op.Kind == OpMove {
		return op.Key
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

// ready appends the keys whose waiters ops may serve.
func (ws *waiters) ready(list []string, ops []Op) []string {
	for i := range ops {
		op := &ops[i]
		if key := op.goneKey(); key != nil {
			list = ws.readyQueue(list, key)
		}
		if key := op.readyKey(); key != nil {
			list = ws.readyQueue(list, key)
		}
		if op.Kind == OpDrop && ws.gone > 0 {
			for key := range ws.queues {
				list = ws.readyQueue(list, []byte(key))
			}
		}
	}
	return list
}

// readyQueue appends a key, unless nobody waits for it or it is there.
func (ws *waiters) readyQueue(list []string, key []byte) []string {
	q := ws.queues[string(key)]
	if q == nil || q.readyIn == ws.round {
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
