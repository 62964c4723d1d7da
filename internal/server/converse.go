package server

import "errors"

// errNothingYet is what a read without waiting says when it would have to wait.
var errNothingYet = errors.New("nothing to read yet")

// converse serves a client on its bare socket until something has to be done that may
// wait: then it returns, and turn goes the usual way. It returns false if the client is
// gone.
//
// The usual way, net.Conn, costs a command at a time three system calls: the read that
// brings it, the write of the reply, and a read that brings nothing, because net.Conn
// asks before it waits. Here a read that did not fill the buffer is followed by waiting
// at once. The poller tells of whatever arrives after that read, so no data are missed;
// an end of the stream that came together with data, and so without an event of its own,
// is found by the ticker: see socket.wakeIfEnded.
func (s *session) converse() (alive bool) {
	alive = true
	err := s.socket.poll(func() (done bool) {
		for {
			switch err := s.fillFrom(s.socket); {
			case err == errNothingYet:
				return false
			case err != nil:
				alive = s.hangUp
				return true
			}
			if !s.burst() {
				return true
			}
			if s.parser.Drained() {
				s.socket.resting.Store(true)
				return false
			}
		}
	})
	return alive && err == nil
}

// burst executes the commands that have arrived and writes their replies as far as that
// goes without waiting. It returns false if anything is left that turn has to see to.
func (s *session) burst() (done bool) {
	for {
		args := s.next()
		if s.hangUp {
			return false
		}
		if args == nil {
			break
		}
		s.cork()
		if s.execute(args) {
			s.held = args
			return false
		}
		if s.hangUp || s.wait != nil || len(s.Out.B) >= flushAt || len(s.asides) > 0 || s.follower.pending {
			return false
		}
	}
	if s.writes.unconfirmed || s.awaitInterest || s.follower.sender != nil || s.srv.cfg.Disk.Behind() {
		return false // flush waits, or looks closer
	}
	if s.pushing {
		done = s.burstPushing()
	} else {
		done = s.writeBurst()
	}
	s.fanOut.send()
	return done
}

// writeBurst writes the replies as far as that goes without waiting. It returns false if
// any are left.
func (s *session) writeBurst() bool {
	b := s.Out.B
	if len(b) == 0 {
		return true
	}
	n := s.socket.write(b)
	s.shard.netOut.Add(int64(n))
	s.Out.B = b[:copy(b, b[n:])]
	return len(s.Out.B) == 0
}
