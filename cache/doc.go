// Package cache is a cache with a loader on top of a slotmesh cluster: what is not there
// is loaded once, by the node that owns the key, however many ask for it on however many
// nodes, and then serves all of them.
//
// # Vocabulary
//
//   - The loader is the host's function that gets a value from where it really lives: a
//     database, another service. It runs at the owner of the key's slot.
//   - A fresh value is served as it is. A stale one, whose TTL has passed, is served too,
//     for a while longer, and loaded anew meanwhile.
//   - A copy of an entry that another node owns serves hot keys where they are asked for; a
//     node holds copies only if [Config].Copies gives it room.
//   - A negative entry remembers that there is no such thing: the loader said
//     [ErrNotFound].
//
// Values live in the keyspace of the cluster, under the cache's name, a colon and the
// key: so they are bounded by the nodes' memory limit and evicted by their policy, follow
// their slots when these move, and outlive their owner if it has replicas. Redis clients
// can see and delete them.
//
// # Copies
//
// When Set or Delete has returned, or a command of a Redis client that changes an entry has
// been answered, no node serves a copy of what the entry was before: the owner has told the
// nodes that hold copies, and waited until each has said that it dropped its own. It does
// not wait for a node whose lease has run out, which serves no copies any more. So
//
//   - a write waits for as long as a message takes to the farthest of these nodes and back,
//     and for one that is cut off until its lease runs out: a quarter of
//     slotmesh.Config.NodeTimeout at most, and 450 ms at most;
//   - a node that is cut off from the owner of an entry, a replica of it or another master,
//     serves copies for so long at most, and then asks the owner; it drops what it has of a
//     member when the connection to that breaks;
//   - a node that is cut off together with the owner goes on for as long after the owner has
//     stopped to serve, which it does within about NodeTimeout (docs/spec.md §5.1).
//
// An entry that expires or is evicted was good until then: copies of it are dropped as soon
// as the owner has noticed. Keys of no cache with copies, and clients that do not write to
// one, wait for nothing.
//
// [Cache.InvalidateAll] ends all entries of a cache at once: each bears a generation, and the
// one in force is kept in the cluster under "{name}generation".
//
// # Clocks
//
// An entry carries the moment until which it is fresh, by the clock of the node that
// loaded or set it; the nodes that read it compare that with theirs. So clocks that are
// apart by a second make values fresh for a second more or less. Keep them in step, as by
// NTP, and TTL well above what they may differ. When an entry is deleted is up to its
// owner's clock alone.
//
// # Example
//
//	users, err := cache.New(node, cache.Config[User]{
//		Name: "users",
//		TTL:  time.Minute,
//		Load: func(ctx context.Context, id string) (User, error) { return db.User(ctx, id) },
//	})
//	…
//	u, err := users.Get(ctx, "42")
//
// Every node of the cluster makes the same caches, after New and before or after Start;
// only then can it load for the others.
//
// # New versions
//
// While a new version of the program is rolled out, nodes differ. A node that asks an
// owner which does not have the cache yet loads the value itself, and stores it at the
// owner. A value that its codec cannot read, or that another type of codec wrote, is a
// miss: the owner loads it anew; a node that cannot read what the owner has keeps to
// loading for itself. Each is logged once per cache. Type and codec may change under one
// name as long as Decode fails on what it does not understand; JSON takes a value without
// a field as one whose field is zero, so give the cache another name then.
package cache
