package slotmesh

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

// A server with cluster-preferred-endpoint-type hostname names nodes without one
// slots.NoHostname. Its CLUSTER SLOTS has the address beside it, its redirects have not.

// locate finds the host of a redirect that has none: the map tells the slot's owner, the
// port which node it is otherwise.
func (r *clientTransport) locate(ctx context.Context, err error, from endpoint) error {
	switch e := err.(type) {
	case *slots.MovedError:
		if e.Addr.Host != slots.NoHostname {
			break
		}
		if r.load(ctx, from) == nil {
			if owner, ok := r.owner(e.Slot); ok && owner.addr.Port == e.Addr.Port {
				e.Addr.Host = owner.addr.Host
				break
			}
		}
		e.Addr.Host = r.hostAt(e.Addr.Port, from)
	case *slots.AskError:
		if e.Addr.Host == slots.NoHostname {
			e.Addr.Host = r.hostAt(e.Addr.Port, from)
		}
	}
	return err
}

// hostAt returns the host of a known node with that port, the one asked if there is none.
func (r *clientTransport) hostAt(port uint16, from endpoint) string {
	for master, replicas := range r.view.Load().replicas {
		for _, p := range append([]endpoint{master}, replicas...) {
			if p.addr.Port == port {
				return p.addr.Host
			}
		}
	}
	return from.addr.Host
}
