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

// tick is to be called every 100 ms or so, and whenever it is worth trying again.
func (s *sender) tick(now time.Time) {
	if s.over {
		return
	}
	switch {
	case s.link == linkDown && !now.Before(s.dialAt) && s.needsLink():
		s.link = linkDialling
		s.put(dial{s.job.Target})
	case s.link >= linkGreeting && now.Sub(s.heardAt) > silence:
		s.put(hang{})
		s.disconnected(now, "the target does not answer")
	case s.link == linkUp && now.Sub(s.pingedAt) >= pingEvery:
		s.pingedAt = now
		s.send(message{Type: msgPing})
	}
	s.advance(now)
}

func (s *sender) send(m message) { s.put(send{m}) }

// needsLink reports whether there is something to tell the target.
func (s *sender) needsLink() bool {
	for _, w := range s.windows {
		if !w.phase.local() || w.phase == opening {
			return true
		}
	}
	return !s.todo.Empty()
}

// connected tells that the connection asked for by dial stands.
func (s *sender) connected(now time.Time) {
	if s.over || s.link != linkDialling {
		return
	}
	s.link, s.heardAt = linkGreeting, now
	set := s.job.Slots
	hello := message{Type: msgHello, Job: s.job.ID, Kind: s.job.Kind, Source: s.self, Target: s.job.Target, Slots: &set}
	if s.job.Kind == KindReturn { // which prepares nothing
		hello.Promises = promisesOf(s.told, &set)
	}
	s.send(hello)
}

// disconnected tells that the connection is lost or could not be made.
func (s *sender) disconnected(now time.Time, why string) {
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
	for _, b := range s.batches {
		b.sent, b.acked = 0, 0
		s.put(reject{b.id, true})
	}
}

// receive takes a message of the target. One that does not fit, perhaps an answer
// to a question of a former connection, is ignored.
func (s *sender) receive(now time.Time, m message) {
	if s.over || s.link < linkGreeting {
		return
	}
	s.heardAt = now
	switch m.Type {
	case msgWelcome:
		s.welcomed(now, m.Slots)
	case msgRefuse:
		s.refused(now, m.N, m.Text)
	case msgDone:
		if w := s.waiting(m.N); w != nil {
			s.answered(w)
		}
	case msgKeys:
		s.listed(m)
	case msgAck:
		s.acked(now, m.N, m.Size, m.Held)
	case msgDelay:
		s.delay(m)
	}
	s.advance(now)
}

func (s *sender) welcomed(now time.Time, keep *slots.Set) {
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

func (s *sender) refused(now time.Time, n uint64, text string) {
	s.progress.Waiting = text
	if s.link == linkGreeting {
		s.put(hang{})
		s.disconnected(now, text)
		return
	}
	if w := s.waiting(n); w != nil {
		s.again(now, w)
	}
	if b := s.batch(n); b != nil {
		s.again(now, b.window)
		s.decide(b, false)
	}
}

// again tries a window once more after a refusal, a little later and from the start: it
// may be that the target does not import the slots any more, by whatever accident.
func (s *sender) again(now time.Time, w *window) {
	if s.job.Kind == KindMove && w.phase != abandoning {
		w.enter(preparing)
		s.restartParts(w)
		s.reject(w, true)
	}
	w.asked, w.retryAt = false, now.Add(retryAfter)
}
