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
// # Static and dynamic lists
//
// Of a static list, whose entries are addresses, a majority is a quorum, also of those
// that do not answer. Of a dynamic list (dns:name:port, or what a function returns) all
// addresses that it names at this moment are the quorum, so that two nodes that see other
// addresses at one moment still agree if they have one address in common.
package forming
