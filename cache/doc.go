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
//   - A copy of an entry that another node owns serves hot keys where they are asked for,
//     for a second or so; a node holds copies only if [Config].Copies gives it room.
//   - A negative entry remembers that there is no such thing: the loader said
//     [ErrNotFound].
//
// Values live in the keyspace of the cluster, under the cache's name, a colon and the
// key: so they are bounded by the nodes' memory limit and evicted by their policy, follow
// their slots when these move, and outlive their owner if it has replicas. Redis clients
// can see and delete them.
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
