package migrate

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func (l *simLink) push(m message) { l.there = append(l.there, appendMessage(nil, &m)) }

// break_ ends a connection: what was on its way is lost.
func (l *simLink) break_(w *world) {
	if l.gone {
		return
	}
	l.gone, l.there, l.back = true, nil, nil
	if l.r.greeted && l.r.kind == KindMove {
		l.to.custody.live(l.r.job, false, w.now)
	}
}

// deliverThere hands the oldest message to the target.
func (l *simLink) deliverThere(w *world) {
	b := l.there[0]
	l.there = l.there[1:]
	m, err := decodeMessage(b)
	if err != nil {
		panic(err)
	}
	w.tracef("%d->%d job %d: %d n=%d %v", l.from.index, l.to.index, l.job.s.job.ID[0], m.Type, m.N, m.Slots)
	if m.Type == msgHello {
		// A later connection of a job ends the earlier ones.
		for _, o := range w.links {
			if o != l && o.to == l.to && !o.gone && o.r.greeted && o.r.job == m.Job {
				o.break_(w)
			}
		}
	}
	if err := l.r.receive(m); err != nil {
		w.fail("%v", err)
	}
	l.run(w)
}

// run carries out the effects of the receiver.
func (l *simLink) run(w *world) {
	n := l.to
	for out := l.r.output(); len(out) > 0; out = l.r.output() {
		for _, e := range out {
			switch e := e.(type) {
			case send:
				l.back = append(l.back, appendMessage(nil, &e.m))
			case save:
				n.trust[e.job.ID] = e.job
				n.custody.add(e.job, w.now)
				n.custody.live(e.job.ID, true, w.now)
			case forget:
				n.custody.over(l.r.job, w.now)
			case setSlots:
				n.changes = append(n.changes, simChange{e, func(err error) {
					if !l.gone {
						l.r.changed(e.n, err)
						l.run(w)
					}
				}})
			case store:
				err := unload(n.store, e.blob, l.r.kind == KindReturn, func(slot slots.Slot) bool { return l.r.takes(n.view(), slot) })
				l.r.stored(e.n, err)
			case list:
				listKeys(n.store, e, 30, func(m message) error {
					l.back = append(l.back, appendMessage(nil, &m))
					return nil
				})
			}
		}
	}
}

// simEngine is an engine without a router: flights as internal/engine has them.
type simEngine struct {
	store   *keyspace.Store
	flights [simSlots + 2][]*simFlight
	last    uint64
}

type simFlight struct {
	id             uint64
	keys           map[string]bool
	whole, stalled bool
}

func (e *simEngine) Store() *keyspace.Store { return e.store }

func (e *simEngine) NewFlight() uint64 {
	e.last++
	return e.last
}

func (e *simEngine) flight(slot slots.Slot, id uint64) *simFlight {
	for _, f := range e.flights[slot] {
		if f.id == id {
			return f
		}
	}
	f := &simFlight{id: id, keys: map[string]bool{}}
	e.flights[slot] = append(e.flights[slot], f)
	return f
}

// carrying returns the flight that key is on.
func (e *simEngine) carrying(slot slots.Slot, key []byte) *simFlight {
	for _, f := range e.flights[slot] {
		if f.whole || f.keys[string(key)] {
			return f
		}
	}
	return nil
}

func (e *simEngine) Board(slot slots.Slot, id uint64, key []byte) bool {
	if f := e.carrying(slot, key); f != nil && f.id != id {
		return false
	}
	e.flight(slot, id).keys[string(key)] = true
	return true
}

func (e *simEngine) BoardAll(slot slots.Slot, id uint64) {
	f := e.flight(slot, id)
	f.whole, f.stalled = true, true
}

func (e *simEngine) Stall(slot slots.Slot, id uint64, stalled bool) {
	for _, f := range e.flights[slot] {
		if f.id == id {
			f.stalled = stalled
		}
	}
}

func (e *simEngine) Land(slot slots.Slot, id uint64, keys [][]byte) error {
	for i, f := range e.flights[slot] {
		if f.id == id {
			e.flights[slot] = append(e.flights[slot][:i:i], e.flights[slot][i+1:]...)
			break
		}
	}
	return e.store.Update(slot, func(tx *keyspace.Tx) error {
		for _, key := range keys {
			tx.Delete(key)
		}
		return nil
	})
}
