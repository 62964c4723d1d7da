package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

const (
	// retryAfter is how long to wait after a refusal.
	retryAfter = 100 * time.Millisecond
	// dialAfter and dialAtMost bound the growing pause between attempts to connect.
	dialAfter, dialAtMost = 50 * time.Millisecond, time.Second
	// pingEvery and silence are for connections that die without telling.
	pingEvery, silence = time.Second, 5 * time.Second
)

type linkState uint8

const (
	linkDown linkState = iota
	linkDialling
	linkGreeting // hello is sent
	linkUp
)

// Tick is to be called every 100 ms or so, and whenever it is worth trying again.
func (s *Sender) Tick(now time.Time) {
	if s.over {
		return
	}
	switch {
	case s.link == linkDown && !now.Before(s.dialAt) && s.needsLink():
		s.link = linkDialling
		s.put(Dial{s.job.Target})
	case s.link >= linkGreeting && now.Sub(s.heardAt) > silence:
		s.put(HangUp{})
		s.Disconnected(now, "the target does not answer")
	case s.link == linkUp && now.Sub(s.pingedAt) >= pingEvery:
		s.pingedAt = now
		s.send(Message{typ: msgPing})
	}
	s.advance(now)
}

func (s *Sender) send(m Message) { s.put(Send{m}) }

// needsLink reports whether there is something to tell the target.
func (s *Sender) needsLink() bool {
	for _, w := range s.windows {
		if !w.phase.local() || w.phase == opening {
			return true
		}
	}
	return !s.todo.Empty()
}

// Connected tells that the connection asked for by dial stands.
func (s *Sender) Connected(now time.Time) {
	if s.over || s.link != linkDialling {
		return
	}
	s.link, s.heardAt = linkGreeting, now
	set := s.job.Slots
	hello := Message{typ: msgHello, job: s.job.ID, kind: s.job.Kind, source: s.self, target: s.job.Target, slots: &set}
	if s.job.Kind == KindReturn { // which prepares nothing
		hello.promises = promisesOf(s.told, &set)
	}
	s.send(hello)
}

// Disconnected tells that the connection is lost or could not be made.
func (s *Sender) Disconnected(now time.Time, why string) {
	if s.over || s.link == linkDown {
		return
	}
	s.link, s.delayed = linkDown, false
	s.pause = min(max(2*s.pause, dialAfter), dialAtMost)
	s.dialAt = now.Add(s.pause)
	s.progress.Waiting = why
	for _, w := range s.windows {
		if !w.phase.local() {
			w.asked = false
		}
	}
	s.dropCopies()
	for _, b := range s.batches {
		b.sent, b.acked = 0, 0
		s.put(reject{b.id, true})
	}
}

// Receive takes a message of the target. One that does not fit, perhaps an answer
// to a question of a former connection, is ignored.
func (s *Sender) Receive(now time.Time, m Message) {
	if s.over || s.link < linkGreeting {
		return
	}
	s.heardAt = now
	switch m.typ {
	case msgWelcome:
		s.welcomed(now, m.slots)
	case msgRefuse:
		s.refused(now, m.n, m.text)
	case msgDone:
		if w := s.waiting(m.n); w != nil {
			s.answered(w)
		}
	case msgKeys:
		s.listed(m)
	case msgAck:
		s.acked(now, m.n, m.size, m.held)
	case msgDelay:
		s.delay(m)
	}
	s.advance(now)
}

func (s *Sender) welcomed(now time.Time, keep *slots.Set) {
	if s.link != linkGreeting {
		return
	}
	s.link, s.pause, s.pingedAt, s.progress.Waiting = linkUp, 0, now, ""
	for _, b := range s.batches {
		s.put(reject{b.id, false})
	}
	if s.job.Kind == KindReturn && keep != nil {
		s.lose(keep)
	}
}

func (s *Sender) refused(now time.Time, n uint64, text string) {
	s.progress.Waiting = text
	if s.link == linkGreeting {
		s.put(HangUp{})
		s.Disconnected(now, text)
		return
	}
	if w := s.waiting(n); w != nil {
		s.again(now, w)
	}
	if b := s.batch(n); b != nil {
		s.again(now, b.window)
		if b.copy {
			s.dropCopy(b.window)
		}
		if s.batch(n) != nil {
			s.decide(b, false)
		}
	}
}

// again tries a window once more after a refusal, a little later and from the start,
// because the target may have stopped importing the slots.
func (s *Sender) again(now time.Time, w *window) {
	if s.job.Kind == KindMove && w.phase != abandoning {
		w.enter(preparing)
		s.restartParts(w)
		s.reject(w, true)
		if w.copy != nil && w.copy.frozen {
			s.dropCopy(w)
		}
	}
	w.asked, w.retryAt = false, now.Add(retryAfter)
}
