// Package network opens and accepts the connections of nodes and clients. The port for
// clients, the bus, replication and migration all use one [Network], and so does a client
// of the cluster. [TCP] is that of the operating system; package clustertest has one in
// memory.
//
// A host brings its own by implementing two methods: to go through a proxy or a tunnel,
// to count or limit connections, to inject faults. Its connections and listeners must
// keep the contracts of net.Conn and net.Listener: Close ends an Accept, Read or Write
// under way, deadlines work, and all methods may be called by several goroutines.
//
// The package imports nothing of slotmesh.
package network
