package memnet

import (
	"sync"
	"time"
)

// bufferSize is how many bytes of one direction of a connection can be on their
// way or unread before its writer waits.
const bufferSize = 64 << 10

// wire is a connection: two streams under one mutex.
type wire struct {
	net     *Network
	way     way // of streams[0]; streams[1] runs back
	mu      sync.Mutex
	streams [2]stream // guarded by mu
	closed  int       // how many ends are closed; guarded by mu
}

// stream is one direction of a wire. All fields are guarded by wire.mu; none of
// its methods blocks.
type stream struct {
	wire  *wire
	cut   bool          // nothing arrives
	delay time.Duration // of what is written from now on

	buf       ring      // all bytes written and not yet read
	ready     int       // how many of them have arrived
	inTransit []segment // what has not arrived, oldest first
	timer     *time.Timer

	// What a reader gets after the last ready byte, nil while the stream lives:
	// io.EOF, ECONNRESET, or net.ErrClosed where its own end is closed.
	readErr error
	// What a writer gets, nil while the stream lives.
	writeErr error
	writing  bool // a Write is under way; another has to wait its turn

	readBy, writeBy           time.Time // deadlines, zero for none
	readTimer, writeTimer     *time.Timer
	readChanged, writeChanged sync.Cond
}

// segment is a number of bytes that arrive together, or the end of the stream.
type segment struct {
	at  time.Time
	n   int
	end error // io.EOF or ECONNRESET: nothing comes after
}

func newWire(n *Network, w way) *wire {
	wr := &wire{net: n, way: w}
	for i := range wr.streams {
		s := &wr.streams[i]
		s.wire = wr
		s.readChanged.L, s.writeChanged.L = &wr.mu, &wr.mu
	}
	return wr
}

// reverse returns the other direction.
func (wr *wire) reverse(s *stream) *stream {
	if s == &wr.streams[0] {
		return &wr.streams[1]
	}
	return &wr.streams[0]
}

// appendLocked takes what fits of b and sends it on its way.
func (s *stream) appendLocked(b []byte) int {
	n := min(len(b), bufferSize-s.buf.len())
	if n == 0 {
		return 0
	}
	s.buf.write(b[:n])
	s.sendLocked(segment{n: n})
	return n
}

// sendLocked makes a segment arrive when the link allows it.
func (s *stream) sendLocked(g segment) {
	if len(s.inTransit) == 0 && !s.cut && s.delay == 0 {
		s.deliverLocked(g)
		return
	}
	g.at = time.Now().Add(s.delay)
	if k := len(s.inTransit) - 1; k >= 0 {
		last := &s.inTransit[k]
		if g.at.Before(last.at) {
			g.at = last.at // the delay was reduced: nothing overtakes
		}
		if last.at.Equal(g.at) && g.end == nil && last.end == nil {
			last.n += g.n
			return
		}
	}
	s.inTransit = append(s.inTransit, g)
	if len(s.inTransit) == 1 {
		s.armLocked()
	}
}

// deliverLocked lets a segment arrive.
func (s *stream) deliverLocked(g segment) {
	s.ready += g.n
	if g.end != nil {
		s.endLocked(g.end)
	}
	s.readChanged.Broadcast()
}

// endLocked tells the receiving end that the sending end is gone: it reads err
// after the last byte, and cannot write any more.
func (s *stream) endLocked(err error) {
	if s.readErr == nil {
		s.readErr = err
	}
	back := s.wire.reverse(s)
	if back.writeErr == nil {
		back.writeErr = writeErrorFor(err)
	}
	s.readChanged.Broadcast()
	back.writeChanged.Broadcast()
}

// armLocked sets the timer for the oldest segment in flight.
func (s *stream) armLocked() {
	if s.cut || len(s.inTransit) == 0 {
		return
	}
	s.timer = resetTimer(s.timer, time.Until(s.inTransit[0].at), s.arrive)
}

// arrive runs when the timer fires.
func (s *stream) arrive() {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	s.arriveLocked()
}

func (s *stream) arriveLocked() {
	if s.cut {
		return
	}
	now, done := time.Now(), 0
	for _, g := range s.inTransit {
		if g.at.After(now) {
			break
		}
		s.deliverLocked(g)
		done++
	}
	s.inTransit = s.inTransit[:copy(s.inTransit, s.inTransit[done:])]
	s.armLocked()
}

// setLinkLocked follows a change of the link. When it heals, what was stalled is
// sent again, so arrives one delay later.
func (s *stream) setLinkLocked(cut bool, delay time.Duration) {
	healed := s.cut && !cut
	s.cut, s.delay = cut, delay
	if !healed {
		return
	}
	again := time.Now().Add(delay)
	for i := range s.inTransit {
		if s.inTransit[i].at.Before(again) {
			s.inTransit[i].at = again
		}
	}
	s.arriveLocked()
}

// dropLocked throws away what nobody will read.
func (s *stream) dropLocked() {
	s.buf, s.ready = ring{}, 0
	s.inTransit = nil
	if s.timer != nil {
		s.timer.Stop()
	}
}

// resetTimer starts or restarts a timer that calls f.
func resetTimer(t *time.Timer, d time.Duration, f func()) *time.Timer {
	if t == nil {
		return time.AfterFunc(d, f)
	}
	t.Reset(d)
	return t
}
