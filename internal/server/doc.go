// Package server is the client port of a node: it reads commands, runs them and replies,
// as Redis 7 does.
//
// # Vocabulary
//
//   - A session is one client's connection and what the server remembers of it.
//   - A batch is all commands that one read brought. Its replies leave in one
//     write.
//   - A command is a row of the command table: see package commands, which has all of
//     them but those about a session (commands_*.go, and WAIT in writes.go).
//   - Writes are what a client has written, as far as it may ask, or must be told, how
//     many replicas hold it: writes.go has all of that.
//   - A wait is that of a session whose command waits for a key (BLPOP): blocking.go.
//   - A replier is a goroutine that delivers the replies of a client which
//     takes them too slowly, so that its commands can still be read.
//
// # Goroutines
//
// One for each session; it reads, executes and writes. If a write is stuck for longer
// than a tick, the stuck goroutine becomes the session's replier, and a new one carries
// on reading: see output.go. One more goroutine ticks, for idle and stuck clients. All
// end in [Server.Close].
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
// What the commands need of the node are interfaces such as [Cluster], of package
// commands.
package server
