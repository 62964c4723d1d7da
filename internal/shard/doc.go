// Package shard is a node's part in its shard: a master and its replicas, which hold the
// same data. It turns what gossip decides about roles into what replication does, and
// knows no Node: each part has a configuration of the few functions that it needs.
//
//   - [Shard] follows the master that the map names, promotes this node, and tells
//     elections how far its data is. [Lineage] tells whose data that is.
//   - [Acks] waits for replicas on behalf of writers, and keeps what these were told where
//     their slots move to; it refuses writes while too few replicas are there.
//   - [Pauser] pauses writes during a manual failover, [HandOver] lets a replica take over
//     before a master ends.
//   - [Snapshots] writes the keys to disk by rules, and loads them.
//   - [Commits] passes what the store commits on to the stream, and to migrations.
package shard
