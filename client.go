package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// DialConfig says which cluster to be a client of.
type DialConfig struct {
	// Addrs are the client addresses, "host:port", of some of its nodes: the others are
	// found by them.
	Addrs []string
	// Password is the one that the nodes ask of clients.
	Password string
	// Network is how they are reached. Default: TCP{}.
	Network Network
	// Silence is how long a node may owe a reply without saying anything before its
	// connection is given up. Default 15 s.
	Silence time.Duration
}

// Client is a Router of a program that is no node: it knows only addresses, speaks the
// Redis protocol to the nodes' client ports, and learns the map from them. Functions
// ([Router.Call]) are not to be had there.
type Client struct {
	Router
	transport *clientTransport
}

// Dial returns a client once one of the nodes has told the map. It keeps one connection
// to each node, which all callers share.
func Dial(ctx context.Context, cfg DialConfig) (*Client, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("slotmesh: DialConfig.Addrs is empty: name at least one node")
	}
	if cfg.Network == nil {
		cfg.Network = TCP{}
	}
	if cfg.Silence <= 0 {
		cfg.Silence = defaultSilence
	}
	r := newClientTransport(cfg)
	for _, addr := range cfg.Addrs {
		host, port, err := splitAddr("Addrs", addr)
		if err != nil {
			return nil, fmt.Errorf(`slotmesh: DialConfig.Addrs has %q: use "host:port"`, addr)
		}
		r.seeds = append(r.seeds, endpoint{addr: slots.Addr{Host: host, Port: uint16(port)}})
	}
	if err := r.load(ctx); err != nil {
		r.close()
		return nil, err
	}
	return &Client{Router: Router{transport: r}, transport: r}, nil
}

const defaultSilence = 15 * time.Second

// Close ends the client's connections, and calls under way with an error.
func (c *Client) Close() error {
	c.transport.close()
	return nil
}

// connect opens a connection to a node's client port.
func (r *clientTransport) connect(ctx context.Context, to peer.Target) (*peer.Pipe, error) {
	conn, err := r.cfg.Network.Dial(ctx, to.Addr.Client())
	if err != nil {
		return nil, err
	}
	if err := peer.Handshake(ctx, conn, func() error { return r.introduce(conn, to) }); err != nil {
		return nil, err
	}
	return peer.NewPipe(conn, r.cfg.Silence), nil
}

// stepContext rounds a bound down to 1, 2 or 5 times a power of ten of milliseconds: each
// has a connection of its own to a replica, and a caller may compute its bounds.
func stepContext(bound time.Duration) time.Duration {
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
func (r *clientTransport) introduce(conn net.Conn, to peer.Target) error {
	c := resp.NewConn(conn)
	hello := []string{"HELLO", "3"}
	if r.cfg.Password != "" {
		hello = append(hello, "AUTH", "default", r.cfg.Password)
	}
	if _, err := c.Do(hello...); err != nil {
		return err
	}
	var err error
	var refused resp.Error
	switch {
	case to.ReadOnly && to.MaxStaleness > 0:
		// Who does not know this command sends us to its master.
		if _, err = c.Do("MESH.READONLY", string(milliseconds(to.MaxStaleness))); errors.As(err, &refused) {
			err = nil
		}
	case to.ReadOnly:
		_, err = c.Do("READONLY")
	}
	return err
}
