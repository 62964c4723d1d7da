// Package overview is what the members of a cluster tell one another of themselves for
// somebody who looks at all of them on one page: counters and gauges, and the moves of slots
// that they carry out; no keys and no values.
//
// Nothing is sent unless somebody asks ([Gather]). The answer of a node is bounded: its
// counters, one number for each block of slots and at most [MaxMoves] moves. Fields have
// numbers; those that a reader does not know are passed over, and those that a writer did not
// know are zero, so that nodes of several versions understand each other.
package overview
