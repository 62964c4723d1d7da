// Package peer carries calls between nodes: a command for the keys of a slot, or a
// function that the host program offers. Many calls share one connection; each has a
// number, so that answers come in any order.
//
// # Vocabulary
//
//   - A request names what to do; its answer is a reply, an error, or a redirect to another
//     node (MOVED, ASK).
//   - A Conn is the calling end between nodes, a Pipe that to a client port. A Pool keeps
//     one of them open to each node. A Conn tells for a call that failed whether the
//     request can have reached the other end: [ErrNotSent] or [ErrLost].
//   - [Serve] is the answering end. Short requests run one after the other on the
//     goroutine that reads; one that has to wait goes on on a goroutine of its own.
//
// # On the wire
//
// Frames (internal/frame) of msgpack arrays, the first element being the kind:
//
//	[request, id, flags, milliseconds left or 0, sync + 1, function, argument …]
//	[cancel, id]           the caller does not wait any longer
//	[ping]                 asks for [pong], to tell a slow node from a silent one
//	[reply, id, bytes]     a command's reply is RESP3, a function's is its own
//	[failure, id, refused, text]   refused: nothing has been done
//	[moved or ask, id, slot, node, host, port, bus port]
//
// # Example
//
//	c := peer.NewConn(conn, 5*time.Second)
//	defer c.Close()
//	reply, err := c.Call(ctx, &peer.Request{Args: [][]byte{[]byte("GET"), []byte("key")}})
package peer
