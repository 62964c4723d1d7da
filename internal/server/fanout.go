package server

import "sync"

// A message to many clients is written by the goroutine that has published it, to one
// client after the other, when it has carried out its batch of commands: what it has
// published in that time leaves in one write for each client, and a publisher is not
// faster than what it publishes. It waits for no client.

// fanOut is the clients that a goroutine has pushed messages to and not yet written to.
// It belongs to that goroutine.
type fanOut struct{ list []*session }

// keepListed is how many places of an empty list are kept.
const keepListed = 1 << 12

// send writes to the clients. No lock may be held.
func (f *fanOut) send() {
	if len(f.list) > 0 {
		f.sendAll()
	}
}

func (f *fanOut) sendAll() {
	for _, s := range f.list {
		s.sendFrom(f)
	}
	clear(f.list)
	if f.list = f.list[:0]; cap(f.list) > keepListed {
		f.list = nil
	}
}

func (s *session) sendFrom(f *fanOut) {
	o := &s.output
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.listedBy == f {
		o.listedBy = nil
	}
	s.sendLocked()
}

// pusher writes what goroutines have pushed that do not write themselves: those of
// replication, of the bus, of timers, and all under the lock of a slot. Its goroutine is
// there while there is something to do.
type pusher struct {
	srv *Server

	mu      sync.Mutex // guards what follows
	due     []*session
	spare   []*session // of due, in turn
	running bool
	closed  bool
}

func (p *pusher) add(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.due = append(p.due, s)
	if !p.running {
		p.running = true
		p.srv.wg.Go(p.run)
	}
}

func (p *pusher) run() {
	for list := p.next(nil); len(list) > 0; list = p.next(list) {
		for _, s := range list {
			o := &s.output
			o.mu.Lock()
			o.due = false
			s.sendLocked()
			o.mu.Unlock()
		}
	}
}

// next returns the sessions that are due, none if the goroutine is to end, and keeps the
// list of those before.
func (p *pusher) next(done []*session) []*session {
	clear(done)
	p.mu.Lock()
	defer p.mu.Unlock()
	if cap(done) > cap(p.spare) && cap(done) <= keepListed {
		p.spare = done[:0]
	}
	list := p.due
	p.due, p.spare = p.spare, nil
	p.running = len(list) > 0
	return list
}

// close keeps the goroutine from starting again.
func (p *pusher) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// scratches are buffers in which small messages are put together.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// sendLocked writes what is in the queue, as far as that goes without waiting, unless
// somebody else writes; a replier goes on from there. o.mu is held, but not meanwhile.
func (s *session) sendLocked() {
	o := &s.output
	if o.state.Load() != stateIdle || o.queue.len() == 0 {
		return
	}
	if s.socket == nil {
		s.startReplierLocked()
		return
	}
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	for o.queue.len() > 0 {
		b, n := o.queue.gather(scratch)
		o.state.Store(statePushing)
		o.mu.Unlock()
		sent := s.socket.send(b)
		o.mu.Lock()
		o.state.Store(stateIdle)
		o.wrote(b, n)
		if sent < len(b) {
			s.sendLaterLocked(b[sent:], n > 1)
			return
		}
	}
}

// sendLaterLocked leaves to a replier what did not fit, b first. lent says that its bytes
// will be used again.
func (s *session) sendLaterLocked(b []byte, lent bool) {
	o := &s.output
	if o.failed {
		return
	}
	if lent {
		b = append([]byte(nil), b...)
	}
	o.queue.putBack(b)
	o.queued += len(b) + replyOverhead
	s.startReplierLocked()
}

// startReplierLocked starts a goroutine that writes what is in the queue. Nobody else
// writes, and the session has not ended.
func (s *session) startReplierLocked() {
	s.output.state.Store(stateReplier)
	s.srv.wg.Go(func() { s.reply(true) })
}
