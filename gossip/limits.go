package gossip

import "github.com/slotmesh/slotmesh/slots"

// What peers can make this node keep is bounded. A bound lies well above what a cluster
// of the greatest size needs, so that only a peer that lies meets it.
const (
	// maxMembers bounds the members of a cluster, this node included.
	maxMembers = slots.MaxNodes
	// maxHandshakes bounds the Meets under way: to let all members of the greatest cluster
	// in takes a few rounds of them, and each ends within max(T, 1 s).
	maxHandshakes = 1024
	// maxPeerLinks bounds the connections of one member. It needs one, two while both ends
	// dial at once, and more for a moment when it restarts again and again.
	maxPeerLinks = 8
	// maxNews bounds what is passed on at once. What is left out is found by comparing
	// digests, as is everything that gets lost.
	maxNews = 1024
	// maxSummary bounds the entries of a summary, which has one for each member, and the
	// records that a peer asks for after it has read one.
	maxSummary = maxMembers
)

// full reports whether the cluster can take no further member.
func (c *Core) full() bool { return len(c.list) >= maxMembers }

// dropLinks closes the links of a member beyond maxPeerLinks, those that were silent for
// longest first.
func (c *Core) dropLinks(n *node) {
	for len(n.links) > maxPeerLinks {
		oldest := n.links[0]
		for _, l := range n.links {
			if l.heard.Before(oldest.heard) {
				oldest = l
			}
		}
		c.closeLink(oldest)
	}
}
