// Package stream is the data structure of a stream: entries with ascending IDs, and groups
// of consumers with what has been delivered to them and not been acknowledged.
//
// It keeps what it is told and derives nothing: adding an entry does not change the last ID,
// and deleting one does not change the greatest deleted ID. Who writes says so explicitly,
// because each change travels to replicas as a statement of its own.
//
// # Nodes and pages
//
// Entries stand in nodes, packed without pointers: IDs by their distance from the one
// before, the names of fields once if they are those of the node's first entry, integers in
// binary. A node ends where a node of Redis ends ([Limits]): it knows the size that the
// listpack would have there, in which entries that were removed still count. So trimming by
// whole nodes removes what it removes in Redis.
//
// Nodes are listed in the order of IDs in pages of 128; so are the pending entries of a
// group, and again, by ID only, those of each of its consumers. What is done to one of them
// takes O(log n). Adding at the end and trimming at the front do not depend on n.
//
// [Stream.Clone] takes constant time. Afterwards both sides share nodes and pages; the
// first change on either side copies one, and the list of pages.
package stream
