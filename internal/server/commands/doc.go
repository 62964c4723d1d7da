// Package commands has the commands of the client port, as Redis 7 has them: a file for
// each group, and where a group is large, others whose names begin with the group's.
//
// # Vocabulary
//
//   - A [Command] is a row: name, arity, flags, which of its arguments are keys, and the
//     function that runs it. A group is a list of rows, such as [StringGroup]; a
//     [Table] joins groups and finds a command by the name that a client uses.
//   - A [Call] is one run of a command: arguments, where the reply goes, and the [Node]
//     that it works on. It knows no session: commands about one are in package server.
//   - A command with keys has Tx, which runs inside a transaction on their slot, after
//     the engine has checked, under the slot's lock, that this node may serve it. One
//     without has Run.
//   - A migrate connection (migrateConn) is one that MIGRATE brings keys to another
//     server on.
//
// # Example
//
//	var HashGroup = []Command{
//		{Name: "hlen", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
//			KeyFlags: "RO", Summary: "Returns the number of fields.", Tx: cmdHLen},
//	}
//
//	func cmdHLen(c *Call, tx *keyspace.Tx) error {
//		…
//		c.Out.Int(n)
//		return nil
//	}
//
// A function that returns an error has its error as the reply, in place of what it has
// written to Out. A new group is a file here and a word in server/table.go.
//
// What the commands ask of the node are the interfaces [Cluster], [Settings], [Snapshots]
// and [Promises]; of the server in which they run, [Server].
package commands
