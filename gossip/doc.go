// Package gossip tells the nodes of a cluster of each other: which nodes are members, at
// which addresses, which of them work, and which slots each owns.
//
// [Core] is the protocol as a passive state machine: messages, commands and time go in;
// messages, a state to save, a new [slots.Map] and events come out. Package gossip/member
// runs one on real connections and a disk.
//
// # Vocabulary
//
//   - T, the node timeout: how long a peer may owe an answer.
//   - A node is suspected (PFAIL) by those it owes an answer for longer than T, and
//     failed (FAIL) once a majority of the voters say so.
//   - The voters are the masters with slots where these are three or more; else a set that
//     the cluster agrees on, the [Electorate].
//   - The config epoch of a master orders its slot claims: the greatest wins a slot. The
//     current epoch is the greatest the cluster has used.
//   - A [Record] is what a node says about itself. Only its subject writes it, in ever
//     newer versions, so any node can pass records on, in any order.
//   - The digest of a view is the XOR of the hashes of its records: equal digests mean
//     equal views.
//
// # How knowledge travels
//
// One connection joins each pair of nodes, and one exchange of heartbeats in T/2 serves
// both ends. A heartbeat is some 80 bytes: no gossip section, no slot bitmap, only the
// digest and the nodes that the sender takes for down. A node pushes its own news at once
// to all linked peers, and a node that hears news for the first time passes it on to two
// more. Where two digests still differ, the nodes compare a summary of 16 bytes a record
// and exchange what differs. Slot sets travel inside records, as ranges where those are
// shorter than the bitmap of 2 KiB.
//
// # Membership
//
// Every message names the cluster (16 random bytes), the sender, and the sender's
// incarnation, which grows with each start. The first node that owns slots founds the
// cluster; nodes that join adopt its id. Only a MEET lets a stranger in (docs/spec.md
// §2.3), and not if it would mix two sets of data (docs/spec.md §2.6):
//
//   - a cluster that owns no slots may join any other;
//   - if both own slots, no slot may be owned on both sides, and at least one must be a
//     lone node that never had a peer, or neither may ever have served clients. This lets
//     `redis-cli --cluster create` work, which assigns the slots before it introduces the
//     nodes, in whatever order and pattern it does that;
//   - everything else is refused, with a [MeetFailed] event on the side that met and a
//     [Warning] on the other.
//
// The side that has to change its id commits first. The other lets it in only when it
// speaks for the common cluster, so a node that is met by two clusters at once joins one
// of them.
//
// A forgotten node stays forgotten until it is met again: each membership has a number,
// [Record.Gen], and a membership that ended never comes back, however long some peer was
// cut off from the news. The forgotten node is told, and forgets its peers.
//
// # Elections
//
// Replicas stand for election (docs/spec.md §6). A request for votes also says that the
// master failed, and the replicas of a shard tell each other their [Data] once it did, so
// the one with the most asks at once instead of after half a second to a second. The wait
// of docs/spec.md §6.3 remains where a sibling does not answer. A voter that hears a
// sibling with more than the candidate waits two seconds for that one, and as long as
// that one asks itself. A voter that denies says so, and a candidate that cannot win any
// more tries again soon. A replica that is new to its shard, and has none of its data,
// does not stand: the master that is away may have the only copy.
//
// In a manual failover the host program plays a part: on [WritesPaused] it stops writes
// and answers with [ConfirmPause]; the replica's host tells its offset by SetData; on
// [WritesResumed] writes go on, or meet a redirect.
//
// # One or two masters
//
// Most of one or two masters are not left when one fails. There, replicas vote, and
// witnesses ([Config.Witness]): members without data. Who votes is agreed on by votes, one
// member at a time, and durable (electorate.go says why no two elections succeed in one
// epoch). A cluster of three masters or more has no electorate and sends nothing for it.
//
// A cluster forms its first electorate once all slots have an owner and clients were
// served; a member is added once it is heard, and left out when it was failed for a minute
// (or 4T) or was forgotten. With fewer than three that could vote, nothing can be decided
// by those that are left: the masters remain the voters, and a [Warning] says so.
//
// # Restart fencing
//
// A master that restarts before it was missed, but without its data or with an old
// snapshot, does not serve at once. It is fenced ([Fenced], [Record.Fenced]): it serves
// nothing until its replicas have told their Data, but it is alive: it votes, and counts
// for the majority. If no replica holds more than [Config.Data], it serves 2 s after its
// start. If one does, that one stands for election at once, however old its data, and the
// master votes for it; this takes less than a second, in a cluster of one or two masters
// too.
//
// If the replicas that hold more, or have not told, fail meanwhile, the master stands for
// election itself, and serves what it has, under a new config epoch. That is the case
// when a majority holds them for failed, within 2T of their last word; for a replica that
// never answered the master waits 2T at most, even if others still hear it. The event and
// the log name these replicas and what they told: the writes that only they hold are
// lost. A replica that must not stand for election (NoFailover) is not waited for.
//
// As long as a replica that holds more is alive, the master stays fenced: the replica
// needs a majority of the masters to succeed it. Where connections between them stay
// broken, a takeover by command ends the wait, or shutting that replica down.
//
// # One winner an epoch
//
// What docs/spec.md §6.5 asks of a voter is not enough for one winner an epoch. Here, a
// vote counts only if voter and candidate know the same masters with slots: a candidate
// that missed an election would take the masters that lost it for a majority. They
// exchange what they know instead, and it asks again. And a node that takes an epoch for
// itself, by winning an election or otherwise, does not vote in it.
//
// A voter learns a moment later which node won the election that it voted in. If a
// partition falls into that moment, and the master that was succeeded comes back on the
// voter's side, both sides could count a voter for the same slots, and two elections
// succeed side by side. So a voter remembers the elections that it voted in until it knows
// the outcome ([Undecided], durable), and its votes tell of them; the vote of a master that
// may have been succeeded counts in no election. A voter asks the candidate for the outcome,
// and a candidate that has lost says so. undecided.go shows that this is enough.
//
// So if a candidate stops for good in the middle of its election, the vote of the master
// that it wanted to succeed does not count in elections, as if it had won and then failed.
// That ends when the candidate is forgotten, or when the slots have an owner with a config
// epoch of that election or a later one: another replica that won, or CLUSTER BUMPEPOCH at
// the master. For failures, and for the state of the cluster, the master counts as ever.
//
// Limits:
//
//   - Nodes of a release that knows no Undecided neither tell nor ask. While a cluster has
//     any, two elections may succeed as described.
//   - Masters that gain their first slots or give up their last ones change the majority
//     without a vote. If that happens to two or more while a part of the cluster is cut
//     off, either side may find a majority of the masters that it knows.
//   - What is done without votes may use an epoch that an election uses at the same time:
//     the end of an import, a takeover, the resolution of a collision (docs/spec.md §4.4,
//     §4.5, §6.7). The last waits until 2T after this node heard again of one that it had
//     missed: until then an election of its own successor may be under way.
//
// In all three the greater config epoch wins when the sides meet, of equal ones the
// smaller id, on all nodes alike. A slot that is being imported is not protected from a
// greater claim (docs/spec.md §4.2 has such a rule): the owner of a slot follows from the
// records alone, so that all nodes agree.
//
// # What is not believed
//
// A peer can lie, but what it says is bounded before it is used: the number of members
// ([slots.MaxNodes]), of handshakes and of connections of a peer; how far it raises
// epochs, incarnations and membership numbers (2^32 an hour, far more than a cluster does
// by itself and far too little to get to their end, where nothing could be greater). What
// is beyond is left out, and a [Warning] says so, once a minute for each kind. A node that
// asks to be a member is refused if it would take slots from members at once.
//
// A member is believed about itself. About another member that this node hears, what it
// says counts only as a reason to ask that one, unless it gives slots of its own to it. So
// a lie about the incarnation, the slots, the role or the address of a member that works
// changes nothing. That such a member has failed is believed when a second master with
// slots says so. Only a replica of a master is heard as a candidate for its place.
//
// That is no protection against a member that means harm: it may forget others, take slots
// under a greater epoch, or make itself a replica and take over, as a command of an
// operator at it would; and what it says of a member that this node does not hear is
// believed. Who may be a member is decided before, where connections are accepted.
//
// # What is durable
//
// Epochs, votes, the own claims and the cluster's id are saved before any message that
// relies on them leaves; what was heard of others within half a second. A node that
// cannot save falls silent.
package gossip
