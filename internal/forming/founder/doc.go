// Package founder runs a [forming.Core] on real connections and a disk: it asks the
// addresses of a list, answers the nodes that ask, keeps on the disk what is promised, and
// does this node's part of what is decided: it founds, meets the other founders and follows
// its master. A node that finds a cluster joins it.
//
// Later on it answers those that come, and watches: a member that hears too few of the
// others, because all have new addresses, asks the addresses of its list again.
//
// One goroutine owns the core, another one acts. Each address has one that asks it while
// the cluster forms, each connection of another node one that answers.
package founder
