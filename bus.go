package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/slotmesh/slotmesh/slots"
)

// A bus connection starts with a preamble: "SMB", the version of the bus, and
// what the connection is for. Each purpose has connections of its own, so
// that a heartbeat never queues behind data.
const (
	busMagic        = "SMB\x01"
	preambleTimeout = 5 * time.Second
)

type busKind byte

const (
	busGossip      busKind = 'g'
	busReplication busKind = 'r'
	busMigration   busKind = 'm'
	busCalls       busKind = 'q'
)

// bus accepts the connections of other nodes and hands each to whoever
// it is for.
type bus struct {
	ln     net.Listener
	log    hclog.Logger
	accept map[busKind]func(net.Conn) // set before run, then only read
	stop   chan struct{}              // closed by close

	mu       sync.Mutex // guards greeting and closed
	closed   bool
	greeting map[net.Conn]struct{} // connections whose preamble is awaited
	wg       sync.WaitGroup
}

func newBus(ln net.Listener, log hclog.Logger, accept map[busKind]func(net.Conn)) *bus {
	return &bus{ln: ln, log: log, accept: accept, stop: make(chan struct{}), greeting: make(map[net.Conn]struct{})}
}

func (b *bus) start() { b.wg.Go(b.run) }

func (b *bus) run() {
	const firstDelay, lastDelay = 5 * time.Millisecond, time.Second
	delay := firstDelay
	for {
		conn, err := b.ln.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case err == nil:
			delay = firstDelay
		case b.isClosed() || isClosedErr(err):
			return
		case errors.As(err, &passing) && passing.Temporary(): // out of file descriptors, for example
			b.log.Warn("the bus cannot accept a connection, will try again", "error", err, "in", delay)
			select {
			case <-time.After(delay):
			case <-b.stop:
				return
			}
			delay = min(2*delay, lastDelay)
			continue
		default:
			b.log.Error("the bus stopped accepting connections", "error", err)
			return
		}
		if !b.track(conn) {
			conn.Close()
			return
		}
		b.wg.Go(func() { b.greet(conn) })
	}
}

// greet reads the preamble and passes the connection on.
func (b *bus) greet(conn net.Conn) {
	var head [len(busMagic) + 1]byte
	conn.SetReadDeadline(time.Now().Add(preambleTimeout))
	_, err := io.ReadFull(conn, head[:])
	conn.SetReadDeadline(time.Time{})
	if !b.untrack(conn) {
		return // closed meanwhile
	}
	accept := b.accept[busKind(head[len(busMagic)])]
	if err != nil || string(head[:len(busMagic)]) != busMagic || accept == nil {
		b.log.Debug("refused a bus connection", "from", conn.RemoteAddr(), "preamble", fmt.Sprintf("%q", head), "error", err)
		conn.Close()
		return
	}
	accept(conn)
}

func (b *bus) track(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.greeting[conn] = struct{}{}
	return true
}

func (b *bus) untrack(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.greeting, conn)
	return !b.closed
}

func (b *bus) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// close ends the listener and connections still greeting, and waits.
func (b *bus) close() {
	b.mu.Lock()
	b.closed = true
	close(b.stop)
	for conn := range b.greeting {
		conn.Close()
	}
	b.mu.Unlock()
	b.ln.Close()
	b.wg.Wait()
}

// dialBus opens a bus connection of the given kind.
func dialBus(ctx context.Context, network Network, addr slots.Addr, kind busKind) (net.Conn, error) {
	conn, err := network.Dial(ctx, addr.Bus())
	if err != nil {
		return nil, err
	}
	conn.SetWriteDeadline(time.Now().Add(preambleTimeout))
	if _, err := conn.Write(append([]byte(busMagic), byte(kind))); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetWriteDeadline(time.Time{})
	return conn, nil
}
