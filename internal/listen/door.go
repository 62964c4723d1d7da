package listen

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// Door is a port that can be moved while it is in use. Who came in by it stays. Its fields
// are set before it is used; it is safe for concurrent use.
type Door struct {
	Listen func(addr string) (net.Listener, error)
	// Serve serves who comes in, on a goroutine of its own, until the listener is closed. It
	// reports false, and does nothing, if it is too late for that.
	Serve func(net.Listener) bool

	port atomic.Uint32

	mu sync.Mutex // guards what follows
	ln net.Listener
}

// Port returns where the door is, 0 if it is shut.
func (d *Door) Port() uint16 { return uint16(d.port.Load()) }

// Open takes over a listener. The door was shut.
func (d *Door) Open(ln net.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setLocked(ln)
}

// setLocked returns the listener before.
func (d *Door) setLocked(ln net.Listener) (old net.Listener) {
	old, d.ln = d.ln, ln
	port := 0
	if ln != nil {
		port = portOf(ln.Addr())
	}
	d.port.Store(uint32(port))
	return old
}

// Move opens the door at addr and shuts it where it was. If nobody can listen at addr, it
// stays where it was.
func (d *Door) Move(addr string) error {
	ln, err := d.Listen(addr)
	if err != nil {
		return err
	}
	if !d.Serve(ln) {
		ln.Close()
		return net.ErrClosed
	}
	d.replace(ln)
	return nil
}

// Shut closes the door; nobody comes in until it is moved.
func (d *Door) Shut() { d.replace(nil) }

func (d *Door) replace(ln net.Listener) {
	d.mu.Lock()
	old := d.setLocked(ln)
	d.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

func portOf(addr net.Addr) int {
	_, port, _ := net.SplitHostPort(addr.String())
	n, _ := strconv.Atoi(port) // 0 for an address that has none
	return n
}
