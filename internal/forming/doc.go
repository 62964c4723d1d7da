// Package forming makes one cluster of a set of fresh nodes that start with the same list
// of addresses. It decides, once in the life of the nodes, on a Value: the cluster's id,
// its founders, and which slots and role each of them has. It is the pure part: messages
// and time go in; messages, state to save and the decision come out.
//
// # Vocabulary
//
// A node is fresh while it is in no cluster. The Terms are what must be configured alike
// at all nodes: the cluster's name, the list of addresses, how many nodes to Expect, and
// Replicas. The node that answers at an address of the list is the acceptor of that
// address; nodes that are in no list take part as founders only.
//
//   - Each fresh node says hello to every address of the list again and again. So every
//     node at an address of the list knows which fresh nodes there are.
//   - Such a node proposes a Value when Expect fresh nodes are there: those with smaller
//     ids first.
//   - Acceptors promise and accept, durably. When a quorum of the addresses has accepted
//     a Value it is decided, and told in the answer to every hello.
//   - A node that hears of a member of a cluster of this name, which has slots, joins that.
//
// # How a driver uses it
//
// One connection to each address of the list is enough. The driver dials it, writes
// requests and reads the replies; at the other end, which takes connections from
// strangers, Handle answers them. Several requests can be under way on a connection.
//
//	core, err := forming.New(cfg, state, now) // state: what was saved, or nil
//	for {
//		select {
//		case now := <-ticker.C: // every TickEvery
//			core.Tick(now)
//		case in := <-replies: // its From.Addr.Host was filled in with that of in.address, if it was empty
//			core.Answer(now, in.address, in.reply)
//		case in := <-failures: // could not be dialled, or sent, or the connection ended
//			core.Failed(now, in.address, in.request.Seq)
//		case in := <-requests: // its From.Addr.Host was filled in with that of its connection, if it was empty
//			reply = core.Handle(now, in.request) // leaves after the Save of the Output below
//		case addresses := <-resolved: // only for a list that is Dynamic: all addresses that it names now
//			core.SetAddresses(now, addresses)
//		case in := <-membership: // the node is a member of a cluster now, or its slots have owners now
//			core.SetCluster(now, in.cluster, in.serving)
//		}
//		out := core.Output()
//		// 1. out.Save: durable, or stop. 2. the reply. 3. out.Sends.
//		// 4. out.Decision: found the cluster as Value.Founder says, again after each restart until that is done.
//		// 5. out.Join: meet that member; comes again until SetCluster.
//		// 6. out.Refused: tell people, at most once a minute each.
//	}
//
// A Core goes on answering when its node is a member of a cluster: it tells fresh nodes
// so. It has nothing to send then.
//
// # Why exactly one decision comes out
//
// This is Paxos with one decision (L. Lamport, Paxos Made Simple, 2001). Four rules hold,
// and TestSimulation checks what follows from them at each step:
//
//  1. A ballot has one value. It bears the id of the node that proposes, and that node
//     promises its own ballot, durably, before anybody hears of it; after a restart it
//     begins above what it has promised.
//  2. An acceptor accepts nothing under a ballot smaller than one that it has promised.
//     Promises and acceptances are durable before the reply leaves.
//  3. Any two quorums have an acceptor in common. See below.
//  4. A proposer whose quorum of promises tells of accepted values proposes the one with
//     the greatest ballot, whatever it would have planned itself.
//
// Let a quorum have accepted value v under ballot b, and let c be the smallest greater
// ballot that was proposed with another value. The quorum that promised c has, by 3, an
// acceptor that accepted v under b; by 2 it did so before it promised c, and told so. What
// the proposer of c found to be the greatest is therefore b or a ballot between b and c,
// whose value is v because c is the smallest with another one, and by 4 the value of c is v
// too. So there is no c: all that is ever decided is v.
//
// It comes out some time because the nodes propose one after the other by their ids, and
// after a failure wait a random and growing time; a node that has accepted something
// proposes it even if fewer nodes than Expect are there now.
//
// # Quorums of static and dynamic lists, and their limits
//
// Of a static list, whose entries are addresses, a majority is a quorum, also of those
// that do not answer. The votes of a quorum are those of different nodes. A node votes only
// as the acceptor of the address at which it has found itself, after it has tried all: so
// two entries that are one node (localhost and 127.0.0.1) have no vote, and the refusal
// says so. A name that is another node from each host therefore does not break rule 3; it
// only keeps the nodes from founding anything.
//
// Of a dynamic list (dns:name:port, or what a function returns) all addresses that it names
// at this moment are the quorum, so that two nodes which see other addresses still agree if
// one node is in both. Two nodes whose lists have nothing in common could found two
// clusters. A name that has an address which never answers founds none.
//
// A node that starts with an empty disk at an address of the list is a new acceptor, which
// has promised nothing. Within a proposal it does not count in the place of the former one.
// But if it makes a quorum with nodes that have not accepted anything, while all others
// that have are not to be reached, they can decide a second time; Expect fresh nodes must
// then be there too. The same is true of a node without a disk that restarts, and of a list
// that is changed while a cluster forms. A node that knows the decision, or a member, tells
// them as soon as it can be reached.
//
// A node that has accepted something under other Terms does not start. One that has only
// promised may: it refuses all proposals of the old terms.
package forming
