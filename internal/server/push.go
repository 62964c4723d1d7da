package server

import "time"

// A message that a client has not asked for in this moment (of pub/sub, an invalidation, a
// line of MONITOR) comes from another goroutine than its session's. A session that may get
// some is in push mode: all that goes to its client passes through the queue of its output,
// in the order of the queue.
//
// Clients' caches depend on that order. What is pushed while the session carries out a
// batch of commands is held back until the replies of that batch are in the queue: so the
// reply of a GET comes before the invalidation by a write that came after it, and the
// confirmation of SUBSCRIBE before the first message.
//
// A socket takes most messages at once. So the goroutine that has pushed one writes to it,
// without waiting, when it holds no lock any more: see fanout.go. What does not fit, and
// what goes to other kinds of connections, is left to a replier, which ends when it has
// caught up.

// startPushing puts the session into push mode. Only the session's goroutine calls it.
func (s *session) startPushing() {
	if s.pushing {
		return
	}
	s.pushing, s.corked = true, true // the command under way belongs to a batch
	o := &s.output
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pushing, o.corked = true, true
}

// letPush puts the session into push mode from another goroutine: what is pushed is kept at
// once, and sent when the session's own goroutine, which is woken, has gone into the mode.
func (s *session) letPush() {
	o := &s.output
	o.mu.Lock()
	already := o.pushing
	if !already {
		o.pushing, o.corked = true, true
		s.shared.mustPush.Store(true)
	}
	o.mu.Unlock()
	if !already {
		s.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// obeyPush goes into push mode if letPush has asked for it, and reports whether it has. Its
// deadline has broken off a read, or will.
func (s *session) obeyPush() bool {
	if !s.shared.mustPush.Swap(false) {
		return false
	}
	s.conn.SetReadDeadline(time.Time{})
	s.startPushing()
	if len(s.asides) == 0 {
		s.uncork()
	}
	return true
}

// stopPushing ends push mode; what has been pushed is still written.
func (s *session) stopPushing() {
	if !s.pushing {
		return
	}
	s.pushing, s.corked = false, false
	o := &s.output
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pushing = false
	o.release()
	for o.state.Load() == statePushing {
		o.cond.Wait()
	}
	if o.queue.len() > 0 {
		s.startReplierLocked()
	}
}

// push sends the client a message that it has not asked for in this moment. It does not
// wait, and does not write: any goroutine may call it, under any lock, but the session's
// own, which uses pushSelf. b must not be changed afterwards; many sessions may share it.
// What a session that is not in push mode is sent is lost, as what one is sent that ends.
func (s *session) push(b []byte) {
	o := &s.output
	o.mu.Lock()
	due := s.pushLocked(b) && !o.due
	o.due = o.due || due
	o.mu.Unlock()
	if due {
		s.srv.pusher.add(s)
	}
}

// pushFrom is push for the goroutine of a session that writes what is in f soon.
func (s *session) pushFrom(f *fanOut, b []byte) {
	o := &s.output
	o.mu.Lock()
	due := s.pushLocked(b) && o.listedBy != f
	if due {
		o.listedBy = f
	}
	o.mu.Unlock()
	if due {
		f.list = append(f.list, s)
	}
}

// pushLocked reports whether b is in the queue and nobody sees to it.
func (s *session) pushLocked(b []byte) (due bool) {
	o := &s.output
	if !o.pushing || o.failed {
		return false
	}
	o.queued += len(b) + replyOverhead
	if s.overLimitLocked(s.srv.limits.Load()) {
		s.cutOffLocked()
		return false
	}
	s.shard.netOut.Add(int64(len(b)))
	if o.corked {
		o.held = append(o.held, b)
		o.heldSize += len(b) + replyOverhead
		return false
	}
	o.queue.add(b)
	return o.state.Load() == stateIdle
}

// pushSelf is push for the session's own goroutine, which carries out a command: the
// message goes where the replies are now. CLIENT REPLY has no say in it.
func (s *session) pushSelf(b []byte) {
	if s.replies != repliesOn {
		s.loud = append(s.loud, b...)
		return
	}
	s.Out.B = append(s.Out.B, b...)
}

// cork holds back what is pushed, until uncork. In push mode every command is carried out
// with pushes held back.
func (s *session) cork() {
	if s.pushing && !s.corked {
		s.setCorked()
	}
}

func (s *session) setCorked() {
	s.corked = true
	s.output.mu.Lock()
	s.output.corked = true
	s.output.mu.Unlock()
}

// uncork lets what was pushed meanwhile follow the replies that were sent.
func (s *session) uncork() {
	if !s.corked {
		return
	}
	s.corked = false
	o := &s.output
	o.mu.Lock()
	defer o.mu.Unlock()
	o.release()
	s.sendLocked()
}

// release ends the time in which what is pushed is held back. o.mu is held.
func (o *output) release() {
	for _, b := range o.held {
		o.queue.add(b)
	}
	clear(o.held)
	if o.held = o.held[:0]; cap(o.held) > keepPieces {
		o.held = nil
	}
	o.heldSize, o.corked = 0, false
}

// finish ends push mode of a session that ends when what waits has been written.
func (o *output) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pushing = false
}

// flushPushing is flushReplies in push mode.
func (s *session) flushPushing(b []byte) (alive, taken bool) {
	o := &s.output
	o.mu.Lock()
	o.makeRoom()
	switch {
	case o.failed:
		o.mu.Unlock()
		return false, false
	case o.state.Load() == stateIdle && o.queue.len() == 0:
		o.state.Store(stateWriting)
		o.mu.Unlock()
		return s.writeSelf(b)
	}
	s.Out.B = nil // b belongs to the queue now
	o.addLocked(b)
	s.sendLocked()
	o.mu.Unlock()
	return true, false
}

// burstPushing writes the replies of a batch as burst does, and then what was pushed
// meanwhile. It returns false if that has to wait.
func (s *session) burstPushing() bool {
	o := &s.output
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.state.Load()
	switch {
	case o.failed || state == stateReplier:
		return false
	case len(s.Out.B) == 0:
	case state == stateIdle && o.queue.len() == 0:
		o.state.Store(statePushing)
		o.mu.Unlock()
		done := s.writeBurst()
		o.mu.Lock()
		o.state.Store(stateIdle)
		o.cond.Broadcast()
		if !done {
			return false
		}
	default:
		s.shard.netOut.Add(int64(len(s.Out.B)))
		o.addLocked(s.Out.B)
		s.Out.B = nil
	}
	s.corked = false
	o.release()
	s.sendLocked()
	return true
}
