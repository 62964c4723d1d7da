package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Join makes this node a member of a cluster. seeds are client addresses, "host:port", of
// some of its nodes: they are tried in their order, until one lets this node in. Where
// its bus listens, each seed tells itself, asked with this node's own password; of one
// that turns this node away as a client it is taken to be 10,000 above the client port.
//
// When Join returns nil, this node and the seed are members of one cluster; [Node.Ready]
// tells when it serves. The error says of each seed why it came to nothing: nobody
// listens there, what listens there is no node (gossip.ErrNoBus), the two clusters must
// not become one (gossip.ErrRefused), it is this node itself (gossip.ErrMetSelf), nobody
// answered within the node timeout (gossip.ErrNoAnswer), or ctx ended.
func (n *Node) Join(ctx context.Context, seeds ...string) error {
	if n.gossip == nil {
		return n.absent()
	}
	if len(seeds) == 0 {
		return errors.New(`slotmesh: Join without seeds: name at least one node of the cluster by its client address, "host:port"`)
	}
	var errs []error
	for _, seed := range seeds {
		err := n.joinAt(ctx, seed)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("slotmesh: joining at %s: %w", seed, err))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (n *Node) joinAt(ctx context.Context, seed string) error {
	host, port, err := splitAddr("seed", seed)
	if err != nil || host == "" || port == 0 {
		return errors.New(`it is no client address: use "host:port"`)
	}
	at := slots.Addr{Host: host, Port: uint16(port)}
	if at.Client() == n.Addr().Client() || at.Client() == n.announced().Client() {
		return gossip.ErrMetSelf // in protected mode it would not tell
	}
	id, busPort, err := n.askBusPort(ctx, at.Client())
	var denied resp.Error
	switch {
	case errors.As(err, &denied) && hidesBus(denied):
		if err := n.meet(ctx, at); err != nil {
			return fmt.Errorf("%w (it does not tell this node the port of its bus: %s)", err, denied.Code())
		}
		return nil
	case err != nil:
		return err
	case id == n.ID():
		return gossip.ErrMetSelf
	}
	at.BusPort = busPort
	return n.meet(ctx, at)
}

// hidesBus reports whether a node refuses this one as a client, which says nothing about
// the bus.
func hidesBus(e resp.Error) bool {
	switch e.Code() {
	case "DENIED", "NOAUTH", "WRONGPASS", "NOPERM":
		return true
	}
	return false
}

// askBusPort asks a node at its client port for its id and the port of its bus.
func (n *Node) askBusPort(ctx context.Context, addr string) (id slots.NodeID, busPort uint16, err error) {
	ctx, cancel := context.WithTimeout(ctx, peer.DialTimeout)
	defer cancel()
	conn, err := n.cfg.Network.Dial(ctx, addr)
	if err != nil {
		return id, 0, err
	}
	var text string
	err = peer.Handshake(ctx, conn, func() (err error) {
		text, err = nodesText(conn, n.values().Clients.Password)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return id, 0, fmt.Errorf("asking it for the port of its bus: %w", err)
	}
	conn.Close()
	members, err := clusterproto.ParseNodes(text)
	if err != nil {
		return id, 0, err
	}
	for i := range members {
		if m := &members[i]; m.Has("myself") && m.Addr.BusPort > 0 {
			return m.ID, m.Addr.BusPort, nil
		}
	}
	return id, 0, fmt.Errorf("%w: its CLUSTER NODES does not tell the port of its bus", gossip.ErrNoBus)
}

// nodesText returns the answer to CLUSTER NODES.
func nodesText(conn net.Conn, password string) (string, error) {
	c := resp.NewConn(conn)
	if password != "" {
		if _, err := c.Do("AUTH", password); err != nil {
			return "", err
		}
	}
	reply, err := c.Do("CLUSTER", "NODES")
	if err != nil {
		return "", err
	}
	return reply.Text(), nil
}

// MeetAndWait is Meet, but returns when both nodes are members of one cluster, or with
// the reason why they are not: see [Node.Join], which takes client addresses. It gives up
// after the node timeout, at least a second.
func (n *Node) MeetAndWait(ctx context.Context, addr slots.Addr) error {
	if err := n.meet(ctx, addr); err != nil {
		return fmt.Errorf("slotmesh: meeting %s: %w", addr, err)
	}
	return nil
}

func (n *Node) meet(ctx context.Context, addr slots.Addr) error {
	if addr.BusPort == 0 && addr.Port <= 65535-busPortOffset {
		addr.BusPort = addr.Port + busPortOffset // as gossip.MeetNode does
	}
	outcome, forget := n.signals.meets.await(addr)
	defer forget()
	if err := n.Meet(ctx, addr); err != nil {
		return err
	}
	select {
	case err := <-outcome:
		return err
	case <-n.life.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
	}
	if err := n.gossip.MeetErr(addr); err != nil {
		return fmt.Errorf("%w; so far: %w", ctx.Err(), err)
	}
	return ctx.Err()
}

// meets are the callers that wait for the outcome of a Meet.
type meets struct {
	mu      sync.Mutex // guards waiting
	waiting map[slots.Addr][]chan error
}

// await returns a channel that receives the outcome of the next Meet of addr, once;
// forget gives it up.
func (m *meets) await(addr slots.Addr) (outcome <-chan error, forget func()) {
	ch := make(chan error, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == nil {
		m.waiting = make(map[slots.Addr][]chan error)
	}
	m.waiting[addr] = append(m.waiting[addr], ch)
	return ch, func() { m.forget(addr, ch) }
}

func (m *meets) forget(addr slots.Addr, ch chan error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.waiting[addr]
	for i := range list {
		if list[i] == ch {
			list = append(list[:i], list[i+1:]...)
			break
		}
	}
	if m.waiting[addr] = list; len(list) == 0 {
		delete(m.waiting, addr)
	}
}

// end tells the outcome of a Meet. It does not wait.
func (m *meets) end(addr slots.Addr, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ch := range m.waiting[addr] {
		ch <- err
	}
	delete(m.waiting, addr)
}
