// Package migrator runs the migrations of a node: the jobs that move its slots to others,
// and those of other nodes that bring slots here. It is the driver of package migrate,
// which has the protocol and the argument why no key is lost; here are the goroutines,
// the connections, the clock and the journal on the disk.
//
// # What it needs
//
//   - a [Node]: the cluster's map, the state of slots, and connections to other nodes;
//   - a [migrate.Engine]: the node's keys, some of them in flight. [migrate.NewEngine]
//     makes one of a plain store;
//   - a [storage.Disk] for the journal.
//
// The node hands each commit of its store to [Migrator.Committed], each new map to
// [Migrator.MapChanged] and each connection that another node's Dial has opened to
// [Migrator.Accept].
//
// # Example
//
//	m, err := migrator.New(migrator.Config{Node: node, Engine: migrate.NewEngine(store), Disk: disk})
//	m.Start()
//	defer m.Close()
//	id, err := m.Move(slots.NewSet(7), target)
//	err = m.Wait(ctx, id)
package migrator
