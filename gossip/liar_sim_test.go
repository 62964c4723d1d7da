package gossip

import (
	"math"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestLyingMember lets one member of a cluster say, several times a second, whatever may
// harm the others, while nothing else is wrong and then while a master dies. As long as the
// others hear each other, no lie changes what any of them thinks of another; the failover
// takes as long as ever; and the lies leave nothing behind.
func TestLyingMember(t *testing.T) {
	eachSeed(t, 3, func(t *testing.T, seed uint64) {
		const T = 2 * time.Second
		s := newShards(t, seed, 5, 1, T)
		s.maxDelay = 20 * time.Millisecond
		l := &lies{s: s, liar: s.nodes[4]}
		was := s.views(l.liar, nil)
		l.until(s.now.Add(10*time.Second), func() {
			for i, now := range s.views(l.liar, nil) {
				if now != was[i] {
					s.fatalf("after %q:\n%s\nbefore:\n%s", l.last, now, was[i])
				}
			}
		})
		dead := s.nodes[0]
		dead.crash(false)
		l.dead = dead
		began := s.now
		for s.owner(0) == nil || s.owner(0) == dead {
			if s.now.Sub(began) > T+2*time.Second {
				s.fatalf("no new master %v after the old one died", s.now.Sub(began))
			}
			l.until(s.now.Add(10*time.Millisecond), func() {})
		}
		if w := s.owner(0); w != s.nodes[5] {
			s.fatalf("node %d took the slots", w.i)
		}
		l.until(s.now.Add(5*time.Second), func() {})
		dead.start()
		s.until(10*T, "equal views", func() bool { return converged(s.nodes) })
		for _, n := range s.nodes {
			// Each outnumbers the lies about itself that it hears.
			if n.core.currentEpoch > 1000 || n.core.self.rec.Incarnation > 1000 || n.core.self.rec.Gen > 0 {
				s.fatalf("node %d: epoch %d, own record %+v", n.i, n.core.currentEpoch, n.core.self.rec)
			}
		}
	})
}

// views returns what each node thinks of the members but those two.
func (s *sim) views(liar, dead *simNode) []string {
	var list []string
	for _, n := range s.nodes {
		if n == liar || n == dead {
			continue
		}
		var text string
		n.core.resolveClaims()
		for _, o := range n.core.list {
			if o.rec.ID != liar.id && (dead == nil || o.rec.ID != dead.id) {
				owned := "none"
				if o.owned != nil {
					owned = o.owned.String()
				}
				text += o.rec.ID.Short() + " " + o.rec.Addr.String() + " " + o.rec.Master.Short() + " " + o.health.String() +
					" " + owned + "\n"
			}
		}
		list = append(list, text)
	}
	return list
}

// lies are what a member says beside the truth.
type lies struct {
	s    *sim
	liar *simNode
	dead *simNode // about which it does not lie: nobody could say otherwise
	last string
}

// until runs the simulation, with lies, and checks it all the time.
func (l *lies) until(end time.Time, check func()) {
	for l.s.now.Before(end) {
		if l.s.rng.IntN(10) == 0 {
			l.tell()
		}
		l.s.run(10 * time.Millisecond)
		check()
	}
}

// tell says one lie about one node to some others.
func (l *lies) tell() {
	s, c := l.s, l.liar.core
	victim := s.nodes[s.rng.IntN(len(s.nodes))]
	if victim == l.liar || victim == l.dead {
		return
	}
	m := l.lie(victim, c.nodes[victim.id].rec)
	ends := make([]*simEnd, 0, len(l.liar.links))
	for id := range l.liar.next + 1 {
		if end := l.liar.links[id]; end != nil && s.rng.IntN(2) == 0 {
			ends = append(ends, end)
		}
	}
	for _, end := range ends {
		s.transmit(end, m)
	}
}

func (l *lies) lie(victim *simNode, r Record) *Message {
	s, c := l.s, l.liar.core
	r.Seq += uint64(s.rng.IntN(3))
	r.Incarnation += uint64(s.rng.IntN(3))
	far := []uint64{maxJump * 2, maxCounter + 1, math.MaxUint64}[s.rng.IntN(3)]
	news := func(what string, change func()) *Message {
		l.last = what
		change()
		m := c.message(TypeNews)
		m.Records = []Record{r}
		return m
	}
	vote := func(what string, forced bool) *Message {
		l.last = what
		m := c.message(TypeVoteRequest)
		m.Subject, m.Slots, m.Forced, m.Epoch = victim.id, r.Slots, forced, c.currentEpoch
		m.ConfigEpoch, m.Electorate = math.MaxUint64, c.electorate()
		return m
	}
	all := slots.Full()
	switch s.rng.IntN(14) {
	case 0:
		return news("it has no slots", func() { r.Slots = nil })
	case 1:
		return news("it is my replica", func() { r.Master, r.Slots = l.liar.id, nil })
	case 2:
		return news("it has all slots", func() { r.Master, r.Slots, r.ConfigEpoch = slots.NodeID{}, &all, c.currentEpoch })
	case 3:
		return news("it lives elsewhere", func() { r.Addr.Host = "10.9.9.9" })
	case 4:
		return news("it has a great incarnation", func() { r.Incarnation = far })
	case 5:
		return news("it has a great epoch", func() { r.ConfigEpoch = far })
	case 6:
		return news("it was forgotten for ever", func() { r.Gone, r.Gen = true, far })
	case 7:
		return news("it is of a great membership", func() { r.Gen = far })
	case 8:
		return vote("vote for me", false)
	case 9:
		return vote("vote for me, by command", true)
	case 10:
		l.last = "the epoch is great"
		m := c.message(TypePong)
		m.Epoch = far
		return m
	case 11:
		l.last = "my data is great"
		m := c.message(TypePong)
		m.Term, m.Offset = far, far
		return m
	case 12:
		l.last = "all have failed"
		m := c.message(TypeSuspect)
		for _, n := range c.list {
			if n != c.self {
				m.Suspects = append(m.Suspects, n.rec.ID)
			}
		}
		return m
	default:
		l.last = "it has failed"
		m := c.message(TypeFail)
		m.Subject = victim.id
		return m
	}
}
