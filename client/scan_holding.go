package client

import (
	"context"
	"errors"
	"slices"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/slots"
)

// holding is which slots a node says it owns, and which of them are migrating to which
// node.
type holding struct {
	owns    slots.Set
	leaving map[slots.Slot]Endpoint
}

func (s *scan) holdingOf(ctx context.Context, node Endpoint) (holding, error) {
	reply, err := s.askNode(ctx, node, "CLUSTER", "NODES")
	var refused ReplyError
	switch {
	case errors.As(err, &refused): // the node is in no cluster
		return holding{owns: slots.Full()}, nil
	case err != nil:
		return holding{}, err
	}
	members, err := clusterproto.ParseNodes(reply.Text())
	if err != nil {
		return holding{}, err
	}
	return holdingIn(members), nil
}

// holdingIn returns what the answering node says about itself. What it says about others
// may be out of date, and only the owner knows which slots are migrating.
func holdingIn(members []clusterproto.Member) holding {
	h := holding{leaving: make(map[slots.Slot]Endpoint)}
	for i := range members {
		if !members[i].Has("myself") {
			continue
		}
		h.owns = members[i].Slots()
		for _, open := range members[i].Open {
			at := slices.IndexFunc(members, func(m clusterproto.Member) bool { return m.ID == open.Peer })
			if !open.Importing && at >= 0 {
				h.leaving[open.Slot] = Endpoint{ID: members[at].ID, Addr: members[at].Addr}
			}
		}
	}
	return h
}
