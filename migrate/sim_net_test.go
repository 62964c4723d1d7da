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
		l.to.registry.live(l.r.job, false, w.now)
	}
}

// store takes a batch, and answers when the target's replica has it.
func (l *simLink) store(e store) {
	n, k := l.to, 0
	accepts := func(slot slots.Slot) bool { return accepts(e.kind, n.view(), slot, l.r.returning) }
	_, err := importBatch(n.engine, e.blob, nil, e.kind == KindReturn, accepts, func(ops []keyspace.Op) error {
		k = promisedTo(e.told, ops)
		if want, good := n.Standing(k); want > good && !here(n.store, ops) {
			return lacking(n.id, want, good)
		}
		return nil
	})
	if err != nil {
		n.deletions.undone(e.blob)
	}
	if err == nil && n.w.acks != nil {
		l.hold = &simHold{e.n, k}
		return
	}
	l.r.stored(e.n, 0, err)
}

// simHold is a batch that waits for replicas.
type simHold struct {
	n uint64
	k int
}

// held answers it, if the replicas have it.
func (l *simLink) held(w *world) (done bool) {
	if l.hold == nil || l.gone {
		return false
	}
	want, good := l.to.Standing(l.hold.k)
	if want > good {
		l.back = append(l.back, appendMessage(nil, &message{Type: msgDelay, N: l.hold.n, Text: "too few replicas"}))
		return false
	}
	n := l.hold.n
	l.hold = nil
	l.r.stored(n, good, nil)
	l.run(w)
	return true
}

// ready reports whether the target can take a message.
func (l *simLink) ready() bool { return len(l.there) > 0 && l.hold == nil }

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
				if e.job.Kind != KindMove {
					break
				}
				n.trust[e.job.ID] = e.job
				n.registry.add(e.job, w.now)
				n.registry.live(e.job.ID, true, w.now)
			case forget:
				n.registry.over(l.r.job, w.now, n.view())
			case setSlots:
				n.changes = append(n.changes, simChange{e, func(err error) {
					if err == nil && e.action != Importing {
						n.registry.closed(l.r.job, &e.set)
					}
					if !l.gone {
						l.r.changed(e.n, err)
						l.run(w)
					}
				}})
			case store:
				l.store(e)
			case promised:
				n.Raise(&e.slots, e.replicas)
			case remember:
				n.deletions.begin(l.r.job, e.set)
			case list:
				listKeys(n.store, n.deletions.of, e, 30, func(m message) error {
					l.back = append(l.back, appendMessage(nil, &m))
					return nil
				})
			}
		}
	}
}
