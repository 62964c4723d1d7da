package server

import (
	"iter"
	"slices"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// aside is a reply that is made later, with the replies that leave before it. While there
// is one the session executes nothing: the goroutine that sends it may become a replier
// between two pieces, as after any other reply, and another one goes on with the next.
type aside struct {
	before []byte       // of earlier commands
	later  func() error // nil: before is all
	resp3  bool

	measured bool // its bytes are those of a slot: see slotuse.go
	slot     slots.Slot

	next func() (struct{}, bool) // makes a piece; nil: none has been made yet
	stop func()
}

// mark is a place in the session's replies.
type mark struct{ asides, bytes int }

func (s *session) mark() mark { return mark{len(s.asides), len(s.Out.B)} }

// rewind takes back the replies since m was taken.
func (s *session) rewind(m mark) {
	if len(s.asides) > m.asides {
		s.Out.B = s.asides[m.asides].before
		s.dropAsides(m.asides)
	}
	s.Out.B = s.Out.B[:m.bytes]
}

// dropAsides forgets the replies that are made later but the first n.
func (s *session) dropAsides(n int) {
	for i := range s.asides[n:] {
		if stop := s.asides[n+i].stop; stop != nil {
			stop()
		}
	}
	clear(s.asides[n:])
	s.asides = s.asides[:n]
}

// putAside takes over the reply that a command makes later. err is the command's.
func (s *session) putAside(err error) {
	if err == nil {
		s.asides = append(s.asides, aside{before: s.Out.B, later: s.Later, resp3: s.Out.RESP3})
		s.Out.B = nil
	}
	s.Later = nil
}

// outLen returns the bytes of replies that wait.
func (s *session) outLen() int {
	n := len(s.Out.B)
	for i := range s.asides {
		n += len(s.asides[i].before)
	}
	return n
}

// sendAside sends the next piece.
func (s *session) sendAside() (alive, taken bool) {
	if last := len(s.asides) - 1; s.asides[last].later != nil {
		s.asides = append(s.asides, aside{before: s.Out.B}) // of the commands after it
		s.Out.B = nil
	}
	a := &s.asides[0]
	if a.before != nil {
		s.Out.B, a.before = a.before, nil
	}
	if a.later != nil && s.makePiece(a) {
		return s.flush()
	}
	if s.asides = slices.Delete(s.asides, 0, 1); len(s.asides) == 0 {
		return s.flush()
	}
	s.asides[0].before = append(s.Out.B, s.asides[0].before...)
	s.Out.B = nil
	return true, false
}

// makePiece appends the next piece of a reply, and reports whether there are more.
func (s *session) makePiece(a *aside) bool {
	if a.next == nil {
		a.next, a.stop = iter.Pull(s.pieces(a.later))
	}
	resp3, start := s.Out.RESP3, len(s.Out.B)
	s.Out.RESP3 = a.resp3
	_, more := a.next()
	s.Out.RESP3 = resp3
	if a.measured {
		s.srv.engine.Store().CountUse(a.slot, keyspace.SlotUse{BytesOut: uint64(max(0, len(s.Out.B)-start))})
	}
	return more
}

// pieces is a reply as a sequence: at each of its steps s.Out is to be sent.
func (s *session) pieces(later func() error) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		start, first := len(s.Out.B), true
		s.Yield = func(struct{}) bool {
			first = false
			return yield(struct{}{})
		}
		defer func() { s.Yield = nil }()
		if err := later(); err != nil && first {
			s.Out.B = s.Out.B[:start]
			s.fail(err)
		}
	}
}

// makeAside makes the whole of a reply, for a caller that takes no pieces.
func (s *session) makeAside() error {
	a := s.asides[0]
	s.dropAsides(0)
	s.Out.B = a.before
	return a.later()
}
