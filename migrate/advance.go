package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// advance does whatever can be done now. Every input calls it last, so that no phase
// needs to know which input came.
func (s *Sender) advance(now time.Time) {
	if s.over {
		return
	}
	s.beginWindows()
	for _, w := range append([]*window(nil), s.windows...) {
		s.step(now, w)
	}
	s.collectBatch(now)
	s.sendParts()
	if len(s.windows) == 0 && s.todo.Empty() && len(s.batches) == 0 {
		s.finish()
	}
}

// beginWindows cuts windows from the slots that are still to do, lowest first. Slots for
// which fewer replicas were promised come first, and share no window with the others,
// which may have to wait.
func (s *Sender) beginWindows() {
	for !s.todo.Empty() && len(s.windows) < s.lim.windows && s.ahead() < s.lim.ahead {
		if s.targetIsBare() {
			if len(s.windows) == 0 {
				s.beginFirst()
			}
			return
		}
		var set slots.Set
		estimate, n := 0, 0
		least := s.leastPromised()
		for slot := range s.todo.All() {
			if s.told.Of(slot) > least {
				continue
			}
			k := s.keys(slot)
			if n > 0 && (n == s.lim.windowSlots || estimate+k > s.lim.windowKeys) {
				break
			}
			set.Add(slot)
			estimate += k
			n++
		}
		s.todo.Subtract(&set)
		s.newWindow(set).estimate = estimate
	}
}

// ahead returns how many windows wait for their keys' turn.
func (s *Sender) ahead() int {
	n := 0
	for _, w := range s.windows {
		if w.phase < moving {
			n++
		}
	}
	return n
}

func (s *Sender) newWindow(set slots.Set) *window {
	w := &window{set: set}
	w.lose(new(slots.Set))
	if s.job.Kind == KindReturn {
		w.phase = moving
	}
	s.windows = append(s.windows, w)
	return w
}

// step asks for what the window's phase needs, unless it has asked already or must wait.
func (s *Sender) step(now time.Time, w *window) {
	if s.job.Kind == KindReturn && w.set.Empty() && s.link != linkUp {
		s.keep(w)
	}
	if w.set.Empty() && w.busy == 0 && !w.asked {
		s.letWrite(w)
		s.removeWindow(w)
		return
	}
	if w.phase == moving {
		s.scanned(now, w)
	}
	if w.asked || w.phase == moving || now.Before(w.retryAt) || (!w.phase.local() && s.link != linkUp) {
		return
	}
	switch w.phase {
	case preparing:
		w.told = true
		s.ask(w, msgPrepare)
	case opening:
		if s.mayOpen(w) {
			w.peer = s.job.Target
			s.change(w, Migrating, w.peer)
		}
	case listing:
		s.ask(w, msgList)
	case finalising:
		s.ask(w, msgFinalise)
	case closing:
		if s.job.Kind == KindReturn {
			s.change(w, Stable, slots.NodeID{})
		} else {
			s.change(w, Assign, s.job.Target)
		}
	case abandoning:
		s.ask(w, msgAbandon)
	case reverting:
		s.change(w, Stable, slots.NodeID{})
	}
}

// keep takes the keys of a Return out of flight when its target owns their slots no more,
// and may never answer. A later Return brings them to the next owner.
func (s *Sender) keep(w *window) {
	for _, b := range append([]*batch(nil), s.batches...) {
		if b.window == w {
			s.decide(b, false)
		}
	}
}

func (s *Sender) ask(w *window, t msgType) {
	w.asked, w.n = true, s.nextID()
	m := Message{typ: t, n: w.n, slots: new(slots.Set)}
	*m.slots = w.set
	if t == msgPrepare {
		m.promises = promisesOf(s.told, &w.set)
	}
	s.send(m)
}

func (s *Sender) change(w *window, action Action, peer slots.NodeID) {
	w.asked, w.n = true, s.nextID()
	s.put(SetSlots{w.n, w.set, action, peer})
}

// mayOpen keeps slots open no longer than needed: a window is opened when the keys of
// the one before are about to be through.
func (s *Sender) mayOpen(w *window) bool {
	for _, before := range s.windows {
		if before == w {
			return true
		}
		if before.phase < moving {
			return false
		}
		if before.phase == moving && !before.passDone && before.estimate-before.collected > s.lim.windowKeys {
			return false
		}
	}
	return true
}

// scanned checks whether all keys of a window have moved: they have when a pass that
// began with no batch undecided has met no key. None can have come since, because this
// node creates no key in a slot that is migrating.
func (s *Sender) scanned(now time.Time, w *window) {
	if !w.passDone || w.busy > 0 || w.copy != nil || now.Before(w.retryAt) {
		return
	}
	switch {
	case w.found > 0:
		w.rescan()
	case s.job.Kind == KindReturn:
		s.put(sweep{w.set})
		w.enter(closing)
	default:
		s.put(sweep{w.set})
		w.enter(finalising)
	}
}

// collectBatch collects keys of the oldest window that has some to collect.
func (s *Sender) collectBatch(now time.Time) {
	if s.link != linkUp || s.unacked() >= s.lim.unacked {
		return
	}
	for _, w := range s.windows {
		if w.phase != moving || w.passDone && w.copy == nil {
			continue
		}
		if now.Before(w.retryAt) {
			return
		}
		if w.copy != nil {
			s.copyMore(w)
			return
		}
		if s.job.Kind == KindReturn {
			s.put(ForgetDeletions{w.order})
		}
		s.put(collect{s.nextID(), w.order, w.at, s.lim.batch})
		s.batches = append(s.batches, &batch{id: s.lastID, window: w})
		return
	}
}

// unacked returns the bytes on their way. A batch that is still being collected counts as
// the whole limit, and so does a large value up to its last byte: keys behind it would be
// in flight until it is stored.
func (s *Sender) unacked() uint64 {
	n := uint64(0)
	for _, b := range s.batches {
		if b.size == 0 || b.size > s.lim.unacked {
			return s.lim.unacked
		}
		n += b.size - b.acked
	}
	return n
}

// collected takes the result of collect: a batch, empty perhaps, and how many keys were
// met, those that were in flight already included. The next batch begins at next, after
// the copy of large, unless that is nil.
func (s *Sender) collected(now time.Time, id uint64, c *payload, next position, found int, large *largeKey) {
	b := s.batch(id)
	if s.over || b == nil {
		return
	}
	w := b.window
	w.at, w.passDone = next, next.atEnd(len(w.order))
	w.found += found
	w.collected += c.keys
	if c.keys == 0 {
		s.removeBatch(b)
	} else {
		b.keys, b.size, b.slots = c.keys, c.size, c.slots
		w.busy++
	}
	switch {
	case large != nil:
		s.startCopy(w, large, false)
	case found > c.keys:
		w.retryAt = now.Add(retryAfter / 10) // another export has them in flight: try again a little later
	}
	s.advance(now)
}

// sendParts sends what the bound on unacknowledged bytes allows, in order. A batch larger
// than the bound, a large value, goes on as its parts are acknowledged.
func (s *Sender) sendParts() {
	if s.link != linkUp {
		return
	}
	onWay := uint64(0)
	for _, b := range s.batches {
		onWay += b.sent - b.acked
	}
	for _, b := range s.batches {
		if b.window.phase != moving {
			continue // its target is being replaced
		}
		if b.sent == 0 {
			s.restartOthers(b)
		}
		for b.sent < b.size && onWay < s.lim.unacked {
			n := min(b.size-b.sent, s.lim.part)
			s.put(sendPart{b.id, b.sent, n})
			b.sent += n
			onWay += n
		}
	}
}

// restartOthers makes batches that were sent in part start again behind b, which is sent
// again and takes their place at the target.
func (s *Sender) restartOthers(b *batch) {
	for _, o := range s.batches {
		if o != b && o.sent > 0 && o.sent < o.size {
			o.sent, o.acked = 0, 0
		}
	}
}

// restartParts makes the batches of a window that were sent in part start again, since the
// batches of others may go out in between.
func (s *Sender) restartParts(w *window) {
	for _, b := range s.batches {
		if b.window == w && b.sent < b.size {
			b.sent, b.acked = 0, 0
		}
	}
}

// acked notes that size bytes of a batch have arrived at the target. If these are all,
// the batch is stored there, and held of the target's replicas have it.
func (s *Sender) acked(now time.Time, id, size uint64, held int) {
	b := s.batch(id)
	if b == nil || size <= b.acked || size > b.sent {
		return
	}
	b.acked = size
	if b.acked < b.size {
		s.progress.Waiting = ""
		return
	}
	if want := s.leave(b, held); want > held {
		s.tooFew(now, b, want, held)
		return
	}
	s.progress.Waiting = ""
	s.progress.Keys += int64(b.keys)
	s.progress.Bytes += int64(b.size)
	s.decide(b, true)
	s.onTime()
}

func (s *Sender) decide(b *batch, acked bool) {
	s.put(commit{b.id, acked})
	b.window.busy--
	s.removeBatch(b)
}

func (s *Sender) removeBatch(gone *batch) {
	for i, b := range s.batches {
		if b == gone {
			s.batches = append(s.batches[:i:i], s.batches[i+1:]...)
			return
		}
	}
}
