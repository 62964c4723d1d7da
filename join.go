package slotmesh

import (
	"context"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/join"
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
	id, busPort, err := join.AskBusPort(ctx, n.cfg.Network, at.Client(), n.values().Clients.Password)
	code, hidden := join.HidesBus(err)
	switch {
	case hidden:
		if err := n.meet(ctx, at); err != nil {
			return fmt.Errorf("%w (it does not tell this node the port of its bus: %s)", err, code)
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
	outcome, forget := n.signals.meets.Await(addr)
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
