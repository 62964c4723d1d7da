// Package follow is the replica's end of Redis' own replication protocol, for moving away
// from a Redis without a stop: the shake of hands, the snapshot of a full sync, and the
// stream of commands after it, with offsets counted in bytes as the master counts them.
//
// A [Link] is one connection as a passive state machine: bytes that have arrived go in by
// Fill, Next says what they mean, and Output is what is to be sent. It has no goroutine,
// socket or clock. Package follower runs links one after the other: where one ended, the
// next goes on, by the Position.
//
//	link := follow.NewLink(follow.Config{Port: 6380}, follow.Position{}) // no position: a full sync
//	for {
//		e, err := link.Next()
//		conn.Write(link.Output())
//		if e.Kind == follow.Wait {
//			link.Fill(conn)
//		} else { … }
//	}
//
// [Analyze] says which keys a command of such a stream touches, so that the stream can be
// divided among the nodes of a cluster.
package follow
