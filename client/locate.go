package client

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

// locate fills in the host of a redirect that has none. With
// cluster-preferred-endpoint-type hostname, a server names a node that has no host name
// slots.NoHostname; its CLUSTER SLOTS gives the address too, its redirects do not. The map
// tells the slot's owner; otherwise the port tells which node is meant.
func (t *respTransport) locate(ctx context.Context, err error, from Endpoint) error {
	switch e := err.(type) {
	case *slots.MovedError:
		if e.Addr.Host != slots.NoHostname {
			break
		}
		if t.load(ctx, from) == nil {
			if owner, ok := t.Owner(e.Slot); ok && owner.Addr.Port == e.Addr.Port {
				e.Addr.Host = owner.Addr.Host
				break
			}
		}
		e.Addr.Host = t.hostAt(e.Addr.Port, from)
	case *slots.AskError:
		if e.Addr.Host == slots.NoHostname {
			e.Addr.Host = t.hostAt(e.Addr.Port, from)
		}
	}
	return err
}

// hostAt returns the host of a known node with that port, or that of the node which sent
// the redirect if there is none.
func (t *respTransport) hostAt(port uint16, from Endpoint) string {
	for master, replicas := range t.view.Load().replicas {
		for _, p := range append([]Endpoint{master}, replicas...) {
			if p.Addr.Port == port {
				return p.Addr.Host
			}
		}
	}
	return from.Addr.Host
}
