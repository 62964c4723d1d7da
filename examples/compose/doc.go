// Package compose is a module of its own that uses slotmesh's packages one by one, as a
// program of somebody else would: each folder is a program made of one package or two,
// without a slotmesh.Node. Its module path lies outside of slotmesh's, so that the
// compiler refuses whatever needs a package below internal/.
//
//   - store: a store by itself (keyspace, slots), whose Ops build an equal store elsewhere
//   - gossip: three members of a cluster over pipes in memory (gossip, gossip/member, slots),
//     which agree on the owners of slots and elect a successor of a master
//   - replication: a master and a replica over pipes: a full sync, an acknowledged write,
//     a link that resumes, a promotion (replication/replicator)
//   - migrate: a slot that moves between two stores over a pipe, while a client writes to
//     its keys (migrate, migrate/migrator, keyspace, slots)
//   - client: a Router over two stores, with a Transport and a Local of its own (client,
//     keyspace, slots)
package compose
