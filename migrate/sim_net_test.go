package migrate

func (l *simLink) push(m Message) { l.there = append(l.there, AppendMessage(nil, &m)) }

// break_ ends a connection: what was on its way is lost.
func (l *simLink) break_(w *world) {
	if l.gone {
		return
	}
	l.gone, l.there, l.back = true, nil, nil
	if l.r.greeted && l.to.alive {
		l.r.DropStaged(l.to.engine, nil)
	}
	if l.r.greeted && l.r.kind == KindMove {
		l.to.registry.SetLive(l.r.job, false, w.now)
	}
}

// store takes a batch, and answers when the target's replica has it.
func (l *simLink) store(w *world, e StoreBatch) {
	n := l.to
	_, k, err := e.Import(n.engine, nil)
	if err != nil {
		n.deletions.Undone(e.Batch)
	}
	if err == nil && w.acks != nil {
		l.hold = &simHold{e.N, k}
		return
	}
	l.stored(w, e.N, 0, err)
}

func (l *simLink) stored(w *world, n uint64, held int, err error) {
	if err := l.r.Stored(n, held, err); err != nil {
		w.fail("%v", err)
	}
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
		l.back = append(l.back, AppendMessage(nil, &Message{typ: msgDelay, n: l.hold.n, text: "too few replicas"}))
		return false
	}
	n := l.hold.n
	l.hold = nil
	l.stored(w, n, good, nil)
	l.run(w)
	return true
}

// ready reports whether the target can take a message.
func (l *simLink) ready() bool { return len(l.there) > 0 && l.hold == nil }

// deliverThere hands the oldest message to the target.
func (l *simLink) deliverThere(w *world) {
	b := l.there[0]
	l.there = l.there[1:]
	m, err := DecodeMessage(b)
	if err != nil {
		panic(err)
	}
	w.tracef("%d->%d job %d: %d n=%d %v", l.from.index, l.to.index, l.job.s.job.ID[0], m.typ, m.n, m.slots)
	if m.typ == msgHello {
		// A later connection of a job ends the earlier ones.
		for _, o := range w.links {
			if o != l && o.to == l.to && !o.gone && o.r.greeted && o.r.job == m.job {
				o.break_(w)
			}
		}
	}
	if err := l.r.Receive(w.now, m); err != nil {
		w.fail("%v", err)
	}
	l.run(w)
}

// run carries out the effects of the receiver.
func (l *simLink) run(w *world) {
	n := l.to
	for e, ok := l.r.Next(); ok; e, ok = l.r.Next() {
		switch e := e.(type) {
		case Send:
			l.back = append(l.back, AppendMessage(nil, &e.Message))
		case SaveJob:
			if l.r.greeted && !l.joined {
				l.joined = true
				n.staging.DropAbandoned(n.engine, &e.Job.Slots, nil)
			}
			if e.Job.Kind != KindMove {
				break
			}
			n.trust[e.Job.ID] = e.Job
			n.registry.Add(e.Job, w.now)
			n.registry.SetLive(e.Job.ID, true, w.now)
		case ForgetJob:
			n.registry.Over(l.r.job, w.now, n.view())
		case SetSlots:
			n.changes = append(n.changes, simChange{e, func(err error) {
				if err == nil && e.Action != Importing {
					n.registry.Closed(l.r.job, &e.Set)
				}
				if !l.gone {
					l.r.Changed(e.N, err)
					l.run(w)
				}
			}})
		case StoreBatch:
			l.store(w, e)
		case RaisePromise:
			n.Raise(&e.Set, e.Replicas)
		case RememberDeletions:
			n.deletions.Begin(l.r.job, e.Set)
		case ListKeys:
			listKeys(n.store, n.deletions.Of, e, 30, func(m Message) error {
				l.back = append(l.back, AppendMessage(nil, &m))
				return nil
			})
		}
	}
}
