// Package slotmesh makes a Go program a whole node of a Redis-style cluster.
//
// Keys hash to 16 384 slots ([github.com/slotmesh/slotmesh/slots]); masters own slots;
// nodes find each other by gossip. Stock Redis Cluster clients and tools drive a node
// over the network; the host program uses it by direct calls:
//
//	node, err := slotmesh.New(slotmesh.Config{Addr: "127.0.0.1:7001", Dir: "/var/lib/mesh"})
//	if err != nil { … }
//	if err := node.Start(ctx); err != nil { … }
//	defer node.Close()
//	err = node.Set(ctx, "key", []byte("value"), time.Minute)
//
// # Vocabulary
//
//   - slot: one of 16 384 parts of the key space, the unit of ownership, locking and
//     moving.
//   - master: a node that owns slots and takes their writes.
//   - map: a node's present view of who owns what ([Node.Map]). It is a value.
//   - epoch: a number that only grows and orders claims to slots.
//   - router: the way from any node to every key ([Node.Router]).
//   - function: a function of the host that runs at a key's owner ([Node.RegisterFunc],
//     [client.Router.Call]).
//   - bus: the connections between nodes, on a port of their own.
//
// # Which node serves a key
//
// [Node.Get], [Node.Set], [Node.Update] and so on reach every key from every node,
// whatever moves or fails meanwhile: they are those of the node's [Router], which has
// more of them. A [Client] is a Router for programs that are no nodes.
//
// [Node.Local] serves the slots that the node owns. For a key of another slot its methods
// return a *slots.MovedError that names the owner, or another error of package slots, as
// a Redis Cluster node answers MOVED.
//
// The check whether a slot is this node's stands inside the slot's lock, together with
// the command it protects: when a slot has changed hands, no write can slip through on
// the old map.
//
// # Scripts
//
// With Config.Scripts, an engine of package script, a node runs scripts in Lua and libraries
// of functions as Redis does: from clients by EVAL and FCALL, from Go by [Node.Eval]. A script
// is a transaction on one slot.
//
// # Messages
//
// [Node.Publish] sends a message to all that have subscribed to a channel: clients of the
// Redis protocol, at whatever node, and loops over [Node.Subscribe]. A message is sent at
// most once; it is not stored.
//
// # What a node runs
//
// Start begins one goroutine for the cluster's state (every message, command and tick
// passes through it, in one order), one accepting on each port, one or two for each
// connection, and one that looks for expired keys ten times a second; while there are
// slots to tell of, one for the hooks ([Node.OnSlots]). Close ends them all. A loop over
// [Node.Events] or [Node.Subscribe] runs on the host's own goroutine.
//
// A panic on one of them, by a bug or by what a peer sent, does not end the host program:
// the node logs it with its stack, ends as on Close, its keys saved, and closes
// [Node.Done]; [Node.Err] then returns a *[PanicError]. A host that must go on starts
// another Node on the same Dir.
package slotmesh
