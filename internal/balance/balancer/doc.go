// Package balancer runs package balance in a node: it asks the other members, carries out
// what a coordinator orders, and is the coordinator while it has the lease.
//
// Members ask each other by calls (package bus), under the name [Call]. An idle cluster in
// balance sends nothing: a node asks for the lease only when its map gives it a reason.
//
// # Pauses
//
// A pause is known to a node by its version, and kept on its disk. Who pauses asks the
// members for the latest version first and tells them a later one, and has paused when most
// of the masters with slots have it on their disks. A coordinator hears from most of them
// in each round, before it orders anything, so it hears of the pause; and it tells those
// that have not heard.
package balancer
