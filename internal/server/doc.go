// Package server is the client port of a node: it reads commands, runs them
// and replies, as Redis 7 does.
//
// # Vocabulary
//
//   - A session is one client's connection and what the server remembers of it.
//   - A batch is all commands that one read brought. Its replies leave in one
//     write.
//   - A command is a row of the command table: name, arity, flags, which of its
//     arguments are keys, and the function that runs it. One with keys runs inside
//     a transaction on their slot, after the engine has checked, under the slot's
//     lock, that this node may serve it.
//   - A migrate connection (migrateConn) is one that MIGRATE brings keys to another
//     server on.
//   - A replier is a goroutine that delivers the replies of a client which
//     takes them too slowly, so that its commands can still be read.
//
// # Goroutines
//
// One for each session; it reads, executes and writes. If a write is stuck for
// longer than a tick, the stuck goroutine becomes the session's replier, and a new
// one carries on reading: see output.go. One more goroutine ticks, for idle and
// stuck clients. All end in [Server.Close].
//
// # Example
//
//	srv, err := server.New(server.Config{Engine: engine.New(keyspace.New(keyspace.Config{}))})
//	if err != nil {
//		return err
//	}
//	defer srv.Close()
//	return srv.Serve(listener)
//
// What the CLUSTER commands need of the node is the interface [Cluster].
package server
