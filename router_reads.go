package slotmesh

import (
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// ReadPreference says which node of a shard a Router reads from.
type ReadPreference uint8

const (
	// ReadMaster reads what was written last. The default.
	ReadMaster ReadPreference = iota
	// ReadReplica spreads reads over the replicas, which are a little behind their master. Without a
	// replica that is online it is ReadMaster.
	ReadReplica
	// ReadNearest reads from this node if it has the slot, as master or replica, otherwise as ReadReplica over replicas and master.
	ReadNearest
)

// Reading returns a Router that reads from other nodes of a shard and shares all else with r.
func (r *Router) Reading(from ReadPreference) *Router {
	return &Router{reach: r.reach, reads: from}
}

// choose returns the node to ask first; false if nobody serves the slot.
func (r *Router) choose(req *request) (place, bool) {
	if !req.keyed {
		all := r.reach.masters()
		if len(all) == 0 {
			return place{}, false
		}
		return all[rand.IntN(len(all))], true
	}
	req.ReadOnly = false
	owner, ok := r.reach.owner(req.slot)
	if r.reads == ReadMaster || req.write {
		return owner, ok
	}
	list := r.reach.replicas(req.slot)
	if r.reads == ReadNearest {
		if ok {
			list = append(list, owner)
		}
		if at := r.among(list); at >= 0 {
			list = list[at : at+1]
		}
	}
	if len(list) == 0 {
		return owner, ok
	}
	chosen := list[rand.IntN(len(list))]
	req.ReadOnly = chosen != owner
	return chosen, true
}

// among returns the index of this node in list, -1 if it is not there.
func (r *Router) among(list []place) int {
	local := r.reach.local()
	if local == nil {
		return -1
	}
	self := local.ID()
	for i := range list {
		if list[i].id == self && self != (slots.NodeID{}) {
			return i
		}
	}
	return -1
}
