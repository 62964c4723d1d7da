// Package bus connects the nodes of a cluster with each other. A node listens on one port
// for all others; every connection there serves one purpose, its kind: gossip,
// replication, migration, or calls.
//
// # Vocabulary
//
//   - The kind of a connection says what it carries. Each kind has connections of its
//     own, so that a heartbeat never queues behind data.
//   - The preamble is what the dialling end says first: "SMB", the version of the bus,
//     the kind, and its own node id. Nothing else is decoded before it. Both ends of it are
//     in preamble.go.
//   - A call is a request that one node sends to another one (package peer). Its connection
//     begins, after the preamble, with the id of the node that is wanted; only that node
//     accepts, so that no request reaches a stranger that has taken over an address.
//
// # Example
//
//	b := bus.New(ctx, bus.Config{Network: network.TCP{}, Logger: log, ID: self, Answer: answer})
//	b.Handle(bus.Gossip, func(conn net.Conn, from slots.NodeID) { driver.Accept(conn) })
//	addr, err := b.Listen("10.0.0.1:17000")
//	b.Start()
//	conn, err := b.Dial(ctx, other, bus.Gossip)
//	reply, err := b.Call(ctx, otherID, other, &peer.Request{Args: args})
package bus
