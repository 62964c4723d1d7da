// Package sender serves stock Redis servers and tools that replicate a node: it writes an RDB
// file and then commands to their connection, as package psync translates them. A server
// starts a Sender when a client says SYNC or PSYNC, and tells it what the client says from then
// on:
//
//	f := sender.New(sender.Config{Store: store, Log: backlog}, sender.Request{EOF: true})
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
// They count the bytes of the commands sent, and belong to one connection with a history of
// its own: nobody else has the same bytes, since keys are sent as a whole at moments that
// depend on the connection. So a follower that comes back gets a new file. Status tells
// which place of the node's own stream an acknowledged offset stands for.
//
// # Memory
//
// A Sender holds some hundred KB, the names of dirty keys (64 MiB at most, then it stops
// reading the stream) and a library of functions' names. What the follower does not take stays
// in the node's backlog, up to client-output-buffer-limit for replicas; then the Sender ends.
//
// # Goroutines
//
// None of its own: Run is to be called on one.
package sender
