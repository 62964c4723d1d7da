// Package keyspace is the store of one node: keys and values, partitioned by slot.
package keyspace
