package bus

import (
	"errors"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/guard"
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
		evicted, ok := b.arrivals.add(conn)
		if !ok {
			conn.Close()
			return
		}
		if evicted != nil {
			evicted.Close() // its goroutine ends soon
		}
		b.listening.Go(func() {
			defer guard.Recover("a bus connection", b.cfg.OnPanic) // of the host's functions in a tls.Config
			b.greet(conn)
		})
	}
}

// admit asks whether a node may have a connection of a kind.
func (b *Bus) admit(kind Kind, from slots.NodeID) error {
	if b.cfg.Admit == nil {
		return nil
	}
	return b.cfg.Admit(kind, from)
}

func (b *Bus) isStopped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped
}
