package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// node is a member, as this node knows it: its own record, and what was seen of it.
type node struct {
	rec   Record
	hash  uint64     // of rec's version
	owned *slots.Set // the claims that won, nil for none; replaced, never changed

	health   slots.Health
	failedAt time.Time
	// failSaidAt is when a member said last that a majority takes the node for failed.
	failSaidAt time.Time
	failSaidBy slots.NodeID
	// pingSent is since when the peer owes an answer, zero if it owes none.
	pingSent  time.Time
	lastHeard time.Time // any message from it, on any link
	data      Data      // what it told last …
	dataAt    time.Time // … and when
	// suspects are the nodes that it takes for down, as it said at suspectsAt.
	suspects   []slots.NodeID
	suspectsAt time.Time

	incarnations, gens allowance // for peers that raise those of rec

	links    []*link
	seenAt   string    // the host at the other end of its latest link
	noAddr   bool      // another node answers at its address (docs/spec.md §2.4)
	dialling bool      // a dial is under way, or its first message unanswered
	nextDial time.Time // not before
	dialWait time.Duration
	nextMeet time.Time // not before: see meetHalf
	nextAsk  time.Time // not before: see ask

	nextVoters time.Time // not before: see compareElectorates

	digest     uint64    // of its view, as it told last
	nextSync   time.Time // not before
	syncWait   time.Duration
	toldWinner time.Time // when it was last told that its claims are stale

	votedAt     time.Time    // when this node last voted for a successor of it …
	votedFor    slots.NodeID // … and for which node
	stoodAt     time.Time    // when it last asked for votes
	askedAt     time.Time    // when a replica first asked to succeed it, since it failed
	hadReplicas bool         // a master that had replicas …
	orphaned    time.Time    // … and lost the last one then
	former      slots.NodeID // the master that this one was a replica of, as far as this node has seen
}

// link returns the link to send on: the one on which the peer was heard last.
func (n *node) link() *link {
	if len(n.links) == 1 {
		return n.links[0]
	}
	var best *link
	for _, l := range n.links {
		if best == nil || l.heard.After(best.heard) {
			best = l
		}
	}
	return best
}

// quiet reports whether nothing is to be done about the node until the next heartbeat.
func (n *node) quiet() bool {
	return n.health == slots.Online && n.pingSent.IsZero() && len(n.links) == 1
}

// hasSlots reports whether the node is a master with slots. Only a master ever owns any.
func (n *node) hasSlots() bool { return n.owned != nil }
