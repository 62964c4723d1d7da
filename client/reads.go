package client

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// ReadPreference says which node of a shard a Router reads from.
type ReadPreference uint8

const (
	// ReadMaster reads what was written last. The default.
	ReadMaster ReadPreference = iota
	// ReadReplica spreads reads over the replicas, which are a little behind their master:
	// see [Router.WithMaxStaleness]. Without a replica that is online it is ReadMaster.
	ReadReplica
	// ReadNearest reads from the local node if that has the slot, as master or replica,
	// otherwise from the shard's node, master or replica, that has lately answered reads
	// soonest. A read every 10 s measures each of them.
	ReadNearest
)

// WithReadPreference returns a Router that reads from the nodes that from names, and
// shares all else with r.
func (r *Router) WithReadPreference(from ReadPreference) *Router {
	other := *r
	other.reads = from
	return &other
}

// WithMaxStaleness returns a Router that reads from a replica only if the replica has all
// that its master held bound ago, and otherwise from the master. 0 is no bound. It is for
// a Router that reads from replicas:
//
//	r.WithReadPreference(client.ReadReplica).WithMaxStaleness(2 * time.Second)
//
// A replica measures how far behind it is by the round trip of a message to its master,
// not by clocks, and claims nothing that it cannot prove: with a bound below a second, the
// first read after a pause goes to the master, and makes the replica measure. A master
// that is cut off from the cluster and has not noticed yet still counts as the master. A
// [Client] rounds bound down to 1, 2 or 5 ms, 10, 20 or 50 ms, and so on. Nodes other than
// those of slotmesh prove nothing, so reads go to their masters.
func (r *Router) WithMaxStaleness(bound time.Duration) *Router {
	if bound > 0 {
		bound = max(bound.Truncate(time.Millisecond), time.Millisecond) // as it travels
	}
	other := *r
	other.maxStaleness = max(0, bound)
	return &other
}

// choose returns the node to ask first; false if no node is known to serve the slot.
func (r *Router) choose(req *request) (Endpoint, bool) {
	if !req.keyed {
		all := r.transport.Masters()
		if len(all) == 0 {
			return Endpoint{}, false
		}
		return all[rand.IntN(len(all))], true
	}
	req.ReadOnly, req.MaxStaleness = false, 0
	owner, ok := r.transport.Owner(req.slot)
	if r.reads == ReadMaster || req.write || req.fromMaster {
		return owner, ok
	}
	list := r.transport.Replicas(req.slot)
	if r.reads == ReadNearest && ok {
		list = append(list, owner)
	}
	if len(list) == 0 {
		return owner, ok
	}
	chosen := r.pick(list)
	if req.ReadOnly = chosen != owner; req.ReadOnly {
		req.MaxStaleness = r.maxStaleness
	}
	return chosen, true
}

// pick returns the node of list to read from.
func (r *Router) pick(list []Endpoint) Endpoint {
	if r.reads != ReadNearest {
		return list[rand.IntN(len(list))]
	}
	if at := r.among(list); at >= 0 {
		return list[at]
	}
	return r.latencies.nearest(time.Now(), list)
}

// ask sends a request to a node. For ReadNearest it also measures how long the answer
// takes.
func (r *Router) ask(ctx context.Context, to Endpoint, req *request) (resp.Reply, error) {
	if err := ctx.Err(); err != nil {
		return resp.Reply{}, err
	}
	if r.reads != ReadNearest || req.write {
		reply, err := r.transport.Send(ctx, to, &req.Request)
		return reply.reply, err
	}
	begin := time.Now()
	reply, err := r.transport.Send(ctx, to, &req.Request)
	if end := time.Now(); ctx.Err() == nil || err == nil {
		r.latencies.record(to, end, end.Sub(begin), classify(err, false) != again)
	}
	return reply.reply, err
}

// among returns the index of the local node in list, -1 if it is not there.
func (r *Router) among(list []Endpoint) int {
	if r.local == nil {
		return -1
	}
	self := r.local.ID()
	for i := range list {
		if list[i].ID == self && self != (slots.NodeID{}) {
			return i
		}
	}
	return -1
}
