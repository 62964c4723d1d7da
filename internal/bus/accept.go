package bus

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// run accepts connections until the bus stops listening.
func (b *Bus) run() {
	const firstDelay, lastDelay = 5 * time.Millisecond, time.Second
	delay := firstDelay
	for {
		conn, err := b.ln.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case err == nil:
			delay = firstDelay
		case b.isStopped() || errors.Is(err, net.ErrClosed):
			return
		case errors.As(err, &passing) && passing.Temporary(): // out of file descriptors, for example
			b.cfg.Logger.Warn("the bus cannot accept a connection, will try again", "error", err, "in", delay)
			select {
			case <-time.After(delay):
			case <-b.stop:
				return
			}
			delay = min(2*delay, lastDelay)
			continue
		default:
			b.cfg.Logger.Error("the bus stopped accepting connections", "error", err)
			return
		}
		if !b.track(conn) {
			conn.Close()
			return
		}
		b.listening.Go(func() { b.greet(conn) })
	}
}

// greet reads the preamble and passes the connection on by its kind.
func (b *Bus) greet(conn net.Conn) {
	head, err := readPreamble(conn)
	if !b.untrack(conn) {
		return // StopListening has closed it
	}
	kind, from, ok := head.decode()
	accept := b.accept[kind]
	if err != nil || !ok || accept == nil {
		b.cfg.Logger.Debug("refused a bus connection", "from", conn.RemoteAddr(), "preamble", fmt.Sprintf("%q", head),
			"error", err)
		conn.Close()
		return
	}
	if err := b.admit(kind, from); err != nil {
		b.cfg.Logger.Debug("refused a bus connection", "from", conn.RemoteAddr(), "kind", kind, "node", from,
			"error", err)
		conn.Close()
		return
	}
	accept(conn, from)
}

// admit asks whether a node may have a connection of a kind.
func (b *Bus) admit(kind Kind, from slots.NodeID) error {
	if b.cfg.Admit == nil {
		return nil
	}
	return b.cfg.Admit(kind, from)
}

func (b *Bus) track(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return false
	}
	b.greeting[conn] = struct{}{}
	return true
}

func (b *Bus) untrack(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.greeting, conn)
	return !b.stopped
}

func (b *Bus) isStopped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped
}
