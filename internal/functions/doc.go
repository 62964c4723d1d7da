// Package functions keeps the libraries of functions that FUNCTION LOAD brings to a node.
//
// # What is kept where
//
// The sources of the libraries are the truth. They are in a [Store], by the name of the
// library: notes of the node's replication stream, so that they are in full syncs and
// snapshots, reach replicas in order with the writes around them, and stay whatever becomes
// of the node's role. No engine is needed to keep them: a node that runs no scripts passes
// them on all the same.
//
// A [Registry] is what runs: a cache of the store. It has a [Set] of libraries that an
// engine has loaded, which never changes. The version of the store tells, by one atomic
// load for each call, whether the Set is still what the store says. If not, another one is
// made: libraries whose sources have not changed go over into it, the others are loaded.
//
// # Changes
//
// A change is worked out on a Set and written by Store.Update if the store still has the
// version of that Set, otherwise it is worked out again. So nothing is locked while a
// library is loaded, which runs its code.
//
// # Bounds
//
// A client's library may take half a second to load, as in Redis. One that is in the store
// already was loaded in that time elsewhere, and gets ten times as much here. If it cannot
// be loaded all the same it stays in the store, its functions are missing, and the log says
// why. The Store bounds the sources.
package functions
