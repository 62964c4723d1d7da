// Package ranked is the structure of a large sorted set: members ordered by their scores,
// and among equal scores as byte strings, with the rank of each and the score of each at
// hand.
//
// It has three parts. Records hold a score and a member each, once, in pages of a few
// kilobytes; a record is known by a reference of 32 bits that stays the same while the
// record lives (compaction changes it, and says so). The order is a B+ tree that counts:
// its leaves are scores and references in arrays, its inner nodes tell how many entries are
// below each child, so a rank is found, or turned into an entry, on one way down. The
// index finds a member's reference by its hash; it is an extendible hash whose cells stand
// in the order of hashes, which is the order of a [Set.Walk]: a change of score does not
// move a member in it, so a walk misses nothing while scores change.
//
// Nothing points at a single member: a million of them are 19,000 objects to the garbage
// collector, most of them without pointers, and take about 40 bytes each beside the member
// itself. A clone shares all pages, and costs a copy of the two directories of pages; a page
// is copied by the first change on either side. A page belongs to the set whose epoch it
// carries.
//
// It is not made of a B-tree from a library because those keep entries that have pointers:
// with a string header and an allocation for each member, a million members are a million
// objects, and a second map of as many entries has to find their scores.
package ranked
