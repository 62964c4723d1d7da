package acl

import "math/bits"

// Category is a set of command categories.
type Category uint32

// The categories, in the order in which Redis lists them.
const (
	CategoryKeyspace Category = 1 << iota
	CategoryRead
	CategoryWrite
	CategorySet
	CategorySortedSet
	CategoryList
	CategoryHash
	CategoryString
	CategoryBitmap
	CategoryHyperLogLog
	CategoryGeo
	CategoryStream
	CategoryPubSub
	CategoryAdmin
	CategoryFast
	CategorySlow
	CategoryBlocking
	CategoryDangerous
	CategoryConnection
	CategoryTransaction
	CategoryScripting
)

// categoryNames are the names in the order of the bits.
var categoryNames = []string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog",
	"geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection",
	"transaction", "scripting",
}

// Categories returns the names of all categories, in the order of ACL CAT.
func Categories() []string { return append([]string(nil), categoryNames...) }

// CategoryNamed returns the category that has a name, in any mixture of cases.
func CategoryNamed(name string) (Category, bool) {
	for i, n := range categoryNames {
		if equalFold(name, n) {
			return 1 << i, true
		}
	}
	return 0, false
}

// Names returns the names of the categories in the set, in the order of ACL CAT.
func (c Category) Names() []string {
	names := make([]string, 0, bits.OnesCount32(uint32(c)))
	for i, n := range categoryNames {
		if c&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}
