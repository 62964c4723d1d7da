package messages

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// mesh is some members of one cluster, on a network in memory.
type mesh struct {
	t       *testing.T
	net     *memnet.Network
	members []*member
}

// member is a Messenger, and what it has been handed.
type member struct {
	*Messenger
	mesh        *mesh
	id          slots.NodeID
	host        string
	addr        slots.Addr
	ln          net.Listener
	accepting   sync.WaitGroup
	topology    atomic.Pointer[slots.Map]
	incarnation uint64

	mu      sync.Mutex // guards got
	got     []string
	deliver func() // called with each message; may be nil
}

func newMesh(t *testing.T, n int) *mesh {
	c := &mesh{t: t, net: memnet.New()}
	for i := range n {
		x := &member{mesh: c, host: fmt.Sprintf("10.0.0.%d", i+1)}
		x.id[0] = byte(i + 1)
		x.addr = slots.Addr{Host: x.host, Port: 7000, BusPort: 17000}
		c.members = append(c.members, x)
	}
	c.publish(nil)
	for _, x := range c.members {
		x.start(Config{})
	}
	t.Cleanup(func() {
		for _, x := range c.members {
			x.end()
		}
	})
	return c
}

// publish gives every member a map, changed by edit, without telling the Messengers.
func (c *mesh) publish(edit func(n *slots.Node)) {
	for _, x := range c.members {
		top := slots.Topology{Self: x.id, State: slots.OK}
		for _, y := range c.members {
			n := slots.Node{ID: y.id, Addr: y.addr}
			if edit != nil {
				edit(&n)
			}
			top.Nodes = append(top.Nodes, n)
		}
		m, err := slots.NewMap(top)
		if err != nil {
			c.t.Fatal(err)
		}
		x.topology.Store(m)
	}
}

// changeMap gives every member a map, changed by edit.
func (c *mesh) changeMap(edit func(n *slots.Node)) {
	c.publish(edit)
	for _, x := range c.members {
		x.MapChanged()
	}
}

// start makes the member's Messenger and listens.
func (x *member) start(cfg Config) {
	x.incarnation++
	incarnation := x.incarnation
	cfg.Map = x.topology.Load
	cfg.Incarnation = func() uint64 { return incarnation }
	cfg.Dial = func(ctx context.Context, addr slots.Addr) (net.Conn, error) {
		conn, err := x.mesh.net.Host(x.host).Dial(ctx, addr.Bus())
		if err == nil {
			_, err = conn.Write(x.id[:]) // in the place of the bus' preamble
		}
		return conn, err
	}
	cfg.Deliver = x.keep
	x.Messenger = New(cfg)
	x.listen()
}

func (x *member) listen() {
	ln, err := x.mesh.net.Host(x.host).Listen(x.addr.Bus())
	if err != nil {
		x.mesh.t.Fatal(err)
	}
	x.ln = ln
	to := x.Messenger
	x.accepting.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			var from slots.NodeID
			if _, err := conn.Read(from[:]); err != nil {
				conn.Close()
				continue
			}
			to.Accept(conn, from)
		}
	})
}

// end stops the member as Close of a node does.
func (x *member) end() {
	x.ln.Close()
	x.accepting.Wait()
	x.Close()
}

func (x *member) keep(kind interest.Kind, channel, payload []byte) {
	x.mu.Lock()
	x.got = append(x.got, fmt.Sprintf("%s=%s", channel, payload))
	deliver := x.deliver
	x.mu.Unlock()
	if deliver != nil {
		deliver()
	}
}

// taken returns what the member has been handed since the last call.
func (x *member) taken() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	got := x.got
	x.got = nil
	return got
}

// wantTaken waits until all is quiet, and wants these messages to have arrived.
func (x *member) wantTaken(want ...string) {
	x.mesh.t.Helper()
	synctest.Wait()
	if got := x.taken(); !slices.Equal(got, want) {
		x.mesh.t.Errorf("%s got %q, want %q", x.host, got, want)
	}
}

// subscribe wants a channel, and waits until the others know.
func (x *member) subscribe(channel string) {
	x.Want(interest.Channel, channel, true)
	x.AwaitInterest(nil)
}
