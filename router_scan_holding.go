package slotmesh

import (
	"context"
	"errors"
	"slices"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/slots"
)

// holding is what a node says it owns, and which of that is migrating, and to which node.
type holding struct {
	owns    slots.Set
	leaving map[slots.Slot]endpoint
}

func (s *scan) holdingOf(ctx context.Context, node endpoint) (holding, error) {
	reply, err := s.askNode(ctx, node, "CLUSTER", "NODES")
	var refused ReplyError
	switch {
	case errors.As(err, &refused): // not in a cluster
		return holding{owns: slots.Full()}, nil
	case err != nil:
		return holding{}, err
	}
	members, err := clusterproto.ParseNodes(reply.Text())
	if err != nil {
		return holding{}, err
	}
	return holdingIn(members, s.endpointOf), nil
}

// holdingIn takes only what the node that answers says about itself: that is true while
// it says so, and no other node tells which slots are migrating.
func holdingIn(members []clusterproto.Member, endpointOf func(*clusterproto.Member) endpoint) holding {
	h := holding{leaving: make(map[slots.Slot]endpoint)}
	for i := range members {
		if !members[i].Has("myself") {
			continue
		}
		h.owns = members[i].Slots()
		for _, open := range members[i].Open {
			at := slices.IndexFunc(members, func(m clusterproto.Member) bool { return m.ID == open.Peer })
			if !open.Importing && at >= 0 {
				h.leaving[open.Slot] = endpointOf(&members[at])
			}
		}
	}
	return h
}

// endpointOf returns how to reach a node: a node calls others by id, on the bus.
func (s *scan) endpointOf(m *clusterproto.Member) endpoint {
	if s.transport.local() != nil {
		return endpoint{id: m.ID, addr: m.Addr}
	}
	return endpoint{addr: slots.Addr{Host: m.Addr.Host, Port: m.Addr.Port}}
}
