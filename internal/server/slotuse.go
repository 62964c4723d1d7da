package server

import (
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// With cluster-slot-stats-enabled the store counts what commands on a slot take: the time
// that they had the slot, the bytes of what clients said as a request of RESP has them, and
// of the replies. What has been redirected is not counted, nor is what waits for a key
// while it waits, and what it does when it is served.

// usage is what the command under way has used of its slot.
type usage struct {
	ran  bool // it has had the slot
	slot slots.Slot
	in   int
	time time.Duration
}

// ran notes that a request has had a slot since began. It is called under the slot's lock.
func (s *session) ran(slot slots.Slot, began time.Time, in int) {
	u := &s.usage
	u.ran, u.slot, u.in = true, slot, in
	u.time += s.srv.cfg.Now().Sub(began)
}

// countUsage counts what the command has used whose reply begins at m.
func (s *session) countUsage(m mark) {
	out := len(s.Out.B) - m.bytes
	for i := m.asides; i < len(s.asides); i++ {
		a := &s.asides[i]
		out += len(a.before)
		a.measured, a.slot = true, s.usage.slot // the rest is counted when it has been made
	}
	s.addUsage(max(0, out))
}

// countCall is countUsage for a call, which uses no network that clients use.
func (s *session) countCall() {
	s.usage.in = 0
	s.addUsage(0)
}

func (s *session) addUsage(out int) {
	u := &s.usage
	s.srv.engine.Store().CountUse(u.slot, keyspace.SlotUse{CPU: u.time, BytesIn: uint64(u.in), BytesOut: uint64(out)})
	*u = usage{}
}

// requestSize returns the bytes of a request with these arguments.
func requestSize(args [][]byte) int {
	n := headSize(len(args))
	for _, arg := range args {
		n += headSize(len(arg)) + len(arg) + len("\r\n")
	}
	return n
}

// multiSize returns the bytes of the requests from MULTI to EXEC.
func (s *session) multiSize() int {
	n := len("*1\r\n$5\r\nMULTI\r\n") + len("*1\r\n$4\r\nEXEC\r\n")
	for _, q := range s.multi.queue {
		n += requestSize(q.args)
	}
	return n
}

// headSize returns the bytes of a line such as "*3\r\n".
func headSize(n int) int {
	size := len("*0\r\n")
	for ; n > 9; n /= 10 {
		size++
	}
	return size
}
