// Package storage is where a node keeps what must outlive it: named files in a folder
// ([Dir]), or in memory ([Memory]) for nodes that keep nothing and for tests. A file
// appears whole and durable, or not at all: a crash while it is written leaves the
// version before.
//
// A host brings its own [Disk] by implementing three methods, and [Locker] if two nodes
// could ever be given the same files. A node that keeps a log on disk needs a [LogDisk],
// whose files also grow. What a Disk promises is what the cluster's safety
// rests on: once File.Commit has returned, the content survives a crash of the machine.
// Votes and epochs are committed before the messages that rely on them leave.
//
// The package imports nothing of slotmesh.
package storage
