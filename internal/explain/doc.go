// Package explain says in plain English what one node makes of the cluster: what becomes
// of a request for a slot, why the cluster does not serve, what is on its way to change,
// what a replica waits for, and what two nodes disagree about. The conditions that a host
// waits for stand beside the explanation of what keeps them from being true.
//
// All of it is made of a map, what gossip knows of the other nodes, and the state of
// replication; nothing is asked of another node.
package explain
