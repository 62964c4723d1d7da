// Package acl holds the users of a server and what each may do, as the ACLs of Redis 7.0
// define it: rules, the check of a command line against them, their texts, the aclfile and
// the ACL log. It does no I/O and reads no clock.
//
// A [Catalog] is made once, of the command table. [Users] holds the users by their names.
// A [User] is what a connection keeps after AUTH: its [Rules] are immutable and replaced as
// a whole, so a change by ACL SETUSER holds for connected clients from their next command
// on. An unrestricted user costs a command one atomic load and a branch:
//
//	if !user.Unrestricted() {
//		if denial := user.Check(&acl.Request{Command: cmd.ID, Args: args, Keys: keys}); denial.Denied() {
//			…
//		}
//	}
//
// What Redis 7.0.15 accepts although it cannot be written to a file and read again is
// refused here as a syntax error: a first argument with spaces, a NUL outside of a password,
// a quote that does not end in a selector, a selector that begins within another one.
// A pattern of stars alone matches the empty key too, which in Redis 7.0.15 only ~* does.
package acl
