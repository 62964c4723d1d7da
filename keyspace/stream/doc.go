// Package stream is the data structure of a stream: entries with ascending IDs, and groups
// of consumers with what has been delivered to them and not been acknowledged.
//
// It keeps what it is told and derives nothing: adding an entry does not change the last ID,
// and deleting one does not change the greatest deleted ID. Who writes says so explicitly,
// because each change travels to replicas as a statement of its own.
package stream
