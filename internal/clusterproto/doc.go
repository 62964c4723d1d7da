// Package clusterproto reads what the nodes of a Redis Cluster tell their clients about
// the cluster: the replies to CLUSTER NODES and CLUSTER SLOTS and the redirects MOVED and
// ASK (docs/spec.md §10, §11). Redis 3 to 7, Valkey and slotmesh itself are understood.
//
//	members, err := clusterproto.ParseNodes(reply.Text())
//	ranges, err := clusterproto.ParseSlots(reply, asked.Host)
//	if err, ok := clusterproto.ParseRedirect("MOVED 93 10.0.0.2:7001", asked.Host); ok { … }
//
// A node that does not know its own host leaves it out; it is the host that was asked.
package clusterproto
