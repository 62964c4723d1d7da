package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// Calls between nodes have connections of their own on the bus. Whoever dials says, after the
// preamble, which node he wants; only that one says yes. So a request never reaches a stranger that has
// taken over an address.

// callAccepted is what the node that was wanted answers.
const callAccepted = 'y'

// dialCallTimeout bounds the making of a connection, whoever waits for it.
const dialCallTimeout = 5 * time.Second

// acceptCalls serves a connection on which another node calls.
func (n *Node) acceptCalls(conn net.Conn) {
	n.wg.Go(func() {
		stop := context.AfterFunc(n.life, func() { conn.Close() })
		defer stop()
		var wanted slots.NodeID
		conn.SetDeadline(time.Now().Add(preambleTimeout))
		_, err := io.ReadFull(conn, wanted[:])
		if err == nil && wanted == n.ID() {
			_, err = conn.Write([]byte{callAccepted})
		} else if err == nil {
			err = fmt.Errorf("it wants node %s", wanted)
		}
		if err != nil {
			n.log.Debug("refused a connection for calls", "from", conn.RemoteAddr(), "error", err)
			conn.Close()
			return
		}
		conn.SetDeadline(time.Time{})
		peer.Serve(n.life, conn, n.answerPeer)
	})
}

// calls holds the connections to other nodes.
type calls struct {
	life  context.Context // of the node
	dial  func(ctx context.Context, addr slots.Addr) (net.Conn, error)
	quiet time.Duration // how long a node may be silent while it owes an answer

	mu     sync.Mutex // guards the fields below; not held across I/O
	links  map[place]*callLink
	closed bool
	wg     sync.WaitGroup // dialling
}

// callLink is the connection to one node, or the attempt to make it.
type callLink struct {
	ready chan struct{} // closed when conn or err is set
	conn  *peer.Conn
	err   error
}

func (n *Node) newCalls() *calls {
	return &calls{
		life:  n.life,
		quiet: max(n.cfg.NodeTimeout/2, time.Second),
		links: make(map[place]*callLink),
		dial: func(ctx context.Context, addr slots.Addr) (net.Conn, error) {
			return dialBus(ctx, n.cfg.Network, addr, busCalls)
		},
	}
}

// call sends a request to another node. Nothing has been done if the error matches peer.ErrNotSent.
func (c *calls) call(ctx context.Context, to place, r *peer.Request) ([]byte, error) {
	link, err := c.link(to)
	if err != nil {
		return nil, err
	}
	select {
	case <-link.ready:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", peer.ErrNotSent, ctx.Err())
	}
	if link.err != nil {
		return nil, fmt.Errorf("%w: %w", peer.ErrNotSent, link.err)
	}
	return link.conn.Call(ctx, r)
}

// link returns the connection to a node, begun if there is none.
func (c *calls) link(to place) (*callLink, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("%w: %w", peer.ErrNotSent, ErrClosed)
	}
	if link := c.links[to]; link != nil && !link.broken() {
		return link, nil
	}
	for at, link := range c.links { // others that have ended in the meantime
		if link.broken() {
			delete(c.links, at)
		}
	}
	link := &callLink{ready: make(chan struct{})}
	c.links[to] = link
	c.wg.Go(func() {
		ctx, cancel := context.WithTimeout(c.life, dialCallTimeout)
		defer cancel()
		if conn, err := c.connect(ctx, to); err != nil {
			link.err = fmt.Errorf("slotmesh: connecting to node %s at %s: %w", to.id.Short(), to.addr.Bus(), err)
		} else {
			link.conn = peer.NewConn(conn, c.quiet)
		}
		close(link.ready)
	})
	return link, nil
}

// broken reports whether the link is of no more use.
func (l *callLink) broken() bool {
	select {
	case <-l.ready:
	default:
		return false
	}
	if l.err != nil {
		return true
	}
	select {
	case <-l.conn.Broken():
		return true
	default:
		return false
	}
}

func (c *calls) connect(ctx context.Context, to place) (net.Conn, error) {
	conn, err := c.dial(ctx, to.addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var answer [1]byte
	if _, err = conn.Write(to.id[:]); err == nil {
		_, err = io.ReadFull(conn, answer[:])
	}
	if err == nil && answer[0] != callAccepted {
		err = errors.New("it is another node")
	}
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// close ends all connections, and the calls on them.
func (c *calls) close() {
	c.mu.Lock()
	c.closed = true
	links := c.links
	c.links = nil
	c.mu.Unlock()
	c.wg.Wait() // life has ended
	for _, link := range links {
		if link.conn != nil {
			link.conn.Close()
		}
	}
}
