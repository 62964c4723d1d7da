// Package msgp reads and writes msgpack by hand, without reflection and without
// allocation, for the hot paths: heartbeats, ops, the replication stream, calls between
// nodes. Packages describe their messages in terms of it and choose their own fields,
// bounds and error classes.
//
// Writing appends: each Append function takes a slice and returns it extended. The
// functions without a width in their name choose the shortest form; those with one always
// use that form, for messages whose headers must have one size, or whose bytes were
// settled by an earlier release.
//
// Reading trusts nothing. A Reader checks every length and count against the bytes that
// are there before it returns it, so that a caller that allocates in proportion to what it
// is told allocates in proportion to the message. It accepts every width in which another
// writer may put a value. The first error is kept, and everything read after it is zero:
// a decoder may read a whole message and ask Err once, if its loops run over counts
// that a Reader returned or end at an error.
package msgp
