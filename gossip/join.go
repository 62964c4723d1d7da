package gossip

import (
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// verdict is what becomes of the identities of two clusters that meet.
type verdict int

const (
	sameCluster verdict = iota
	weAdopt
	theyAdopt
	clustersRefuse
)

// vet decides whether this node's cluster and that of a stranger may become one, and
// which id stays. Both ends decide by the same rule:
//
//   - a cluster without slots joins any other;
//   - two that own slots become one only if no slot is owned in both, and at least one of
//     them is a lone node that never had a peer, or neither has ever served clients.
//     `redis-cli --cluster create` hands out the slots before it introduces the nodes;
//   - everything else would mix up two sets of data (docs/spec.md §2.6): refuse.
//
// Of two lone nodes, or two clusters in the making, the smaller id stays, so that both
// choose the same. All members of the other then follow: see agree.
func (c *Core) vet(m *Message) (verdict, string) {
	var theirs Join
	if m.Join != nil {
		theirs = *m.Join
	}
	if m.Self != nil {
		if claimed := m.Self.claimed(); claimed != nil {
			theirs.Slots.Union(claimed) // whatever Join says
		}
	}
	c.resolveClaims()
	ours := !c.assigned.Empty()
	switch {
	case m.Cluster == c.cluster || c.wasOurs(m.Cluster):
		return sameCluster, ""
	case c.cluster.IsZero():
		return weAdopt, ""
	case m.Cluster.IsZero():
		return theyAdopt, ""
	case ours && !theirs.Slots.Empty():
		both := c.assigned
		both.Intersect(&theirs.Slots)
		if theirs.Member { // then its slots include this side's, and those of members of both
			var own slots.Set
			if claimed := m.Self.claimed(); claimed != nil {
				own = *claimed
			}
			both.Intersect(&own)
		}
		switch {
		case c.established && theirs.Established && (c.served || m.Served):
			return clustersRefuse, "both nodes belong to clusters that own slots; to move a node over, CLUSTER RESET it first"
		case !both.Empty():
			return clustersRefuse, "slots " + both.Short() + " are owned on both sides; CLUSTER DELSLOTS them on one"
		case c.established && !theirs.Established:
			return theyAdopt, ""
		case theirs.Established && !c.established:
			return weAdopt, ""
		}
	case ours:
		return theyAdopt, ""
	case !theirs.Slots.Empty():
		return weAdopt, ""
	}
	if smallerCluster(m.Cluster, c.cluster) {
		return weAdopt, ""
	}
	return theyAdopt, ""
}

// wouldTake returns the slots of members that a node which is none would take from them
// if it became one: it claims them under an epoch that is not smaller. The id of a
// cluster is no secret, and a node that was forgotten speaks for the cluster still. A
// node without peers takes what it is told: it may be the one that was forgotten.
func (c *Core) wouldTake(r *Record) (taken slots.Set) {
	claimed := r.claimed()
	if claimed == nil || len(c.list) == 1 || c.nodes[r.ID] != nil {
		return taken
	}
	c.resolveClaims()
	for _, n := range c.list {
		if n.owned != nil && n.rec.ConfigEpoch <= r.ConfigEpoch {
			taken.Union(n.owned)
		}
	}
	taken.Intersect(claimed)
	return taken
}

func smallerCluster(a, b ClusterID) bool { return string(a[:]) < string(b[:]) }

// adopt makes this node a part of the cluster.
func (c *Core) adopt(id ClusterID) {
	if c.cluster == id {
		return
	}
	if !c.cluster.IsZero() {
		c.former = append(c.former, c.cluster)
		c.former = c.former[max(0, len(c.former)-maxFormer):]
	}
	c.cluster = id
	c.dropElectorate()
	c.dirty = true
}

// maxFormer bounds how many earlier cluster ids are remembered. A node changes its id
// only while clusters merge, a few times at most.
const maxFormer = 8

// wasOurs reports whether this node spoke for that cluster earlier. A node that joins
// under that id answers a Meet that this node sent before it joined another cluster: it
// is a member, and will agree on the id.
func (c *Core) wasOurs(id ClusterID) bool { return slices.Contains(c.former, id) }

// mayEnter reports whether a stranger that was told to adopt this cluster may enter, now
// that it speaks for the cluster id. It may if that is this cluster. If it was this
// cluster's id when the stranger was told, it may unless it claims slots that have an
// owner in the cluster that this node has joined since.
func (c *Core) mayEnter(welcome *Record, id ClusterID) bool {
	if id == c.cluster || !c.wasOurs(id) {
		return id == c.cluster
	}
	claimed := welcome.claimed()
	if claimed == nil {
		return true
	}
	c.resolveClaims()
	both := c.assigned
	both.Intersect(claimed)
	return both.Empty()
}

// agree resolves a difference with a member about the cluster's id. Members may disagree
// for a moment when two of them became owners of slots at the same time and each minted
// an id, or when two clusters in the making become one: the smaller one stays.
func (c *Core) agree(id ClusterID) {
	if !id.IsZero() && (c.cluster.IsZero() || smallerCluster(id, c.cluster)) {
		c.adopt(id)
	}
}
