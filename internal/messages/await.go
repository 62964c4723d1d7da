package messages

import "time"

// maxWait is how long AwaitInterest waits for a member that hangs. A member on a busy
// machine, which is only slow, should be waited for: what is published there before it
// knows is lost.
const maxWait = time.Second

// waiter waits until a position is known.
type waiter struct {
	position uint64
	known    chan struct{} // closed when it is
}

// AwaitInterest returns when the reachable members know what this node wants at the time of
// the call. It returns earlier when done is closed, or when members have not answered for
// maxWait: these are not waited for again until they do.
func (m *Messenger) AwaitInterest(done <-chan struct{}) {
	w := m.newWaiter()
	if w == nil {
		return
	}
	late := time.NewTimer(maxWait)
	defer late.Stop()
	select {
	case <-w.known:
	case <-done:
	case <-m.ctx.Done():
	case <-late.C:
		m.mu.Lock()
		defer m.mu.Unlock()
		m.teller.GiveUp(w.position)
		m.releaseLocked()
	}
}

// newWaiter returns nil if there is nothing to wait for.
func (m *Messenger) newWaiter() *waiter {
	m.mu.Lock()
	defer m.mu.Unlock()
	position := m.teller.Position()
	if len(m.sources) == 0 || m.teller.Known() >= position {
		return nil
	}
	w := &waiter{position, make(chan struct{})}
	m.waiters = append(m.waiters, w)
	return w
}

// releaseLocked ends the waiting for what is known.
func (m *Messenger) releaseLocked() {
	if len(m.waiters) == 0 {
		return
	}
	known := m.teller.Known()
	for len(m.waiters) > 0 && m.waiters[0].position <= known {
		close(m.waiters[0].known)
		m.waiters[0] = nil
		m.waiters = m.waiters[1:]
	}
}
