// Package sender serves stock Redis servers and tools that replicate a node: it writes an RDB
// file and then commands to their connection, as package psync translates them. A server
// starts a Sender when a client says SYNC or PSYNC, and tells it what the client says from then
// on:
//
//	streams := sender.NewStreams(sender.Config{Store: store, Log: backlog, Spawn: spawn})
//	f := streams.Sender(sender.Request{EOF: true})
//	err := f.Run(ctx, conn) // until the connection or ctx ends
//	f.Heard(offset)         // REPLCONF ACK
//
// # The file
//
// It is made while it is sent: the slots' keys one after the other, in moments under the
// slot's lock. So it is of no single moment; what follows it makes up for that (package
// psync). A follower that asked for the file alone (redis-cli --rdb) gets each key as it was
// at some moment between the beginning and the end.
//
// The file is sent between two marks of 40 random bytes if the client has said "capa eof".
// For others, who must be told its length before, it is written to a temporary file.
//
// # Offsets
//
// They count the bytes of the commands sent, and belong to one follower with a history of its
// own: nobody else has the same bytes, since keys are sent as a whole at moments that depend
// on the follower. Status tells which place of the node's own stream an acknowledged offset
// stands for.
//
// When the connection of a follower that has the file ends, its stream goes on: it is
// translated, and the last bytes of it are kept, as [Limits] says. A follower that comes back
// by PSYNC with the id of a stream, and an offset that is kept, goes on there. That may be
// another server which replicated the first. A stream has one reader: while its follower is
// there, and says so, nobody else gets it, and one that asks is sent a file with another id.
// A follower whose connection ends before it has acknowledged the file gets another one.
//
// # Memory
//
// A Sender holds some hundred KB, the names of dirty keys (64 MiB at most, then it stops
// reading the stream) and a library of functions' names. What the follower does not take stays
// in the node's backlog, up to client-output-buffer-limit for replicas; then the Sender ends.
// A stream holds the bytes that are kept beside this, 1 MiB by default; 16 streams at most
// have no follower.
//
// # Goroutines
//
// Run is to be called on one. Each stream without a follower has one, by Config.Spawn.
package sender
