// Package interop drives slotmesh with the clients and tools of Redis Cluster, unchanged:
// what they may rely on is what its tests show. It is a module of its own so that the
// clients' dependencies stay out of the library's go.mod.
package interop
