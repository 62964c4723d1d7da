package client

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
	"github.com/slotmesh/slotmesh/slots"
)

// respTransport is how a Client reaches the nodes: by the Redis protocol (RESP), at their
// client ports. It learns which node owns which slots from CLUSTER SLOTS and from
// redirects.
type respTransport struct {
	cfg   DialConfig
	seeds []Endpoint // only set before use
	life  context.Context
	end   context.CancelFunc
	pool  *peer.Pool[*peer.Pipe]
	view  atomic.Pointer[respView]
	specs sync.Map       // name of a command → commandKeys
	wg    sync.WaitGroup // loads that no caller waits for

	mu      sync.Mutex // guards the fields below, and is held while view is replaced
	closed  bool
	loading chan struct{} // closed when the map has been loaded; nil while nothing loads it
	loaded  time.Time     // when that was tried last
}

func newRESPTransport(cfg DialConfig) *respTransport {
	t := &respTransport{cfg: cfg}
	t.life, t.end = context.WithCancel(context.Background())
	t.pool = peer.NewPool(t.life, t.connect)
	t.view.Store(&respView{})
	return t
}

func (t *respTransport) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.end()
	t.pool.Close()
	t.wg.Wait()
}

// Done implements Transport.
func (t *respTransport) Done() <-chan struct{} { return t.life.Done() }

// Send implements Transport.
func (t *respTransport) Send(ctx context.Context, to Endpoint, r *Request) (Reply, error) {
	if r.Func != "" {
		return Reply{}, errors.New("slotmesh: only a node's Router can call functions")
	}
	pipe, err := t.pool.Get(ctx, peer.Target{
		Addr:     slots.Addr{Host: to.Addr.Host, Port: to.Addr.Port},
		ReadOnly: r.ReadOnly, MaxStaleness: roundStaleness(r.MaxStaleness), Sync: r.Sync > 0,
	})
	if err != nil {
		return Reply{}, err
	}
	reply, err := pipe.Call(ctx, (*peer.Request)(r))
	if err == nil && reply.Kind == resp.ErrorMsg {
		err = t.locate(ctx, clientError(string(reply.Str), to), to)
	}
	if err == nil && r.Sync > 0 {
		err = t.awaitSync(ctx, pipe, r.Sync)
	}
	return Reply{reply}, err
}

// clientError turns an error reply into the error it stands for.
func clientError(text string, from Endpoint) error {
	if redirect, ok := clusterproto.ParseRedirect(text, from.Addr.Host); ok {
		return redirect
	}
	return ParseError(text)
}

// connect opens a connection to a node's client port.
func (t *respTransport) connect(ctx context.Context, to peer.Target) (*peer.Pipe, error) {
	conn, err := t.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	return peer.NewPipe(conn, t.cfg.Silence), nil
}

// dial opens a connection on which the protocol is agreed.
func (t *respTransport) dial(ctx context.Context, to peer.Target) (net.Conn, error) {
	conn, err := tlsdial.Dial(ctx, t.cfg.Network.Dial, to.Addr.Client(), t.cfg.TLS)
	if err != nil {
		return nil, err
	}
	if err := peer.Handshake(ctx, conn, func() error { return t.introduce(conn, to) }); err != nil {
		return nil, err
	}
	return conn, nil
}

// roundStaleness rounds a bound down to 1, 2 or 5 times a power of ten of milliseconds:
// each has a connection of its own to a replica, and a caller may compute its bounds.
func roundStaleness(bound time.Duration) time.Duration {
	step := time.Duration(0)
	for unit := time.Millisecond; unit <= min(bound, time.Hour); unit *= 10 {
		for _, n := range []time.Duration{1, 2, 5} {
			if n*unit <= bound {
				step = n * unit
			}
		}
	}
	return step
}

// introduce agrees on the protocol.
func (t *respTransport) introduce(conn net.Conn, to peer.Target) error {
	c := resp.NewConn(conn)
	hello := []string{"HELLO", "3"}
	if t.cfg.Password != "" {
		hello = append(hello, "AUTH", cmp.Or(t.cfg.User, "default"), t.cfg.Password)
	}
	if _, err := c.Do(hello...); err != nil {
		if t.cfg.TLS == nil {
			err = tlsdial.Plain(err)
		}
		return asReplyError(err)
	}
	switch {
	case to.ReadOnly && to.MaxStaleness > 0:
		_, err := c.Do("MESH.READONLY", string(milliseconds(to.MaxStaleness)))
		if _, refused := err.(resp.Error); refused {
			return nil // a node that does not know this command answers reads with MOVED to its master
		}
		return err
	case to.ReadOnly:
		_, err := c.Do("READONLY")
		return asReplyError(err)
	}
	return nil
}

// asReplyError gives an error reply the type that callers know.
func asReplyError(err error) error {
	if e, ok := err.(resp.Error); ok {
		return ReplyError(e)
	}
	return err
}
