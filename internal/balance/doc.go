// Package balance decides what a cluster should do next so that its shards have equal
// shares of the slots and as many replicas as they want. It is passive: package balancer
// runs it in a node.
//
// # Vocabulary
//
//   - A [View] is what is known of the cluster: nodes, owners, health, the jobs that move
//     slots.
//   - A [Step] is one thing that one node does: it moves slots to another master, follows a
//     master, or claims slots that have no owner.
//   - A spare is a master without slots and without replicas in a cluster whose shards want
//     replicas. It becomes a replica where one is missing, or a part of a new shard once
//     there are 1 + Replicas of them.
//   - The coordinator is the node that orders steps. It has a lease for a term, granted by
//     a majority of the masters with slots.
//
// # The plan
//
// [Plan] is a pure function: the same view gives the same steps on every node. It moves
// nothing while all masters are within the threshold of their shares, and then the least
// number of slots. Each step brings a master that has too much nearer to its share, and one
// that has too little, and none beyond. So steps that are carried out in part, twice or by
// another coordinator never undo each other.
//
// # The lease
//
// A [Lease] is one node's part of it, as a voter and as a candidate. Only a node whose plan
// has steps asks for the lease, so a cluster in balance sends nothing. A voter grants a
// term once, to one node, for [LeaseTime], and nobody else before that is over; one that
// has started grants nothing for as long, since it may have granted before. As in elections
// (package gossip), a grant counts only if the voter and the candidate know the same
// masters with slots. A holder that dies is followed by another node after LeaseTime.
//
// # Why two coordinators do no harm
//
// The lease makes one coordinator at a time the rule, not a condition of safety: masters
// that come or go change the majority without a vote, so two nodes may hold a lease for
// some seconds. A node refuses orders of a term below one that it has seen. And every step
// is safe by itself, no matter which node orders it: a move is the source's own migration
// job, which hands over each slot once and durably; a node follows a master only if it has
// no slots; slots without an owner that two nodes claim belong to the greater config epoch.
// Two coordinators waste work at worst.
package balance
