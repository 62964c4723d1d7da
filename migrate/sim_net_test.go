package migrate

import "github.com/slotmesh/slotmesh/slots"

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
				if e.job.Kind != KindMove {
					break
				}
				n.trust[e.job.ID] = e.job
				n.custody.add(e.job, w.now)
				n.custody.live(e.job.ID, true, w.now)
			case forget:
				n.custody.over(l.r.job, w.now, n.view())
			case setSlots:
				n.changes = append(n.changes, simChange{e, func(err error) {
					if err == nil && e.action != Importing {
						n.custody.closed(l.r.job, &e.set)
					}
					if !l.gone {
						l.r.changed(e.n, err)
						l.run(w)
					}
				}})
			case store:
				_, err := unload(n.engine, e.blob, nil, l.r.kind == KindReturn, func(slot slots.Slot) bool { return l.r.takes(n.view(), slot) })
				if err != nil {
					n.deletions.undone(e.blob)
				}
				l.r.stored(e.n, err)
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
