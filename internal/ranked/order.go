package ranked

import "bytes"

// order is the B+ tree of a set. It knows entries by their rank; which rank an entry
// belongs at is found by rank.
type order struct {
	epoch  epoch
	root   node
	leaves int // numbers of nodes
	inners int
}

// node is a *leaf or an *inner.
type node interface {
	// owned returns the node itself if it belongs to an epoch, otherwise a copy that does.
	owned(epoch) node
	size() int                            // entries
	full() bool                           // an insertion may split it
	first() (float64, ref)                // entry
	find(i int) (*leaf, int)              // where the entry of a rank is
	insert(o *order, i int, e entry) node // a second node, if this one had to split
	remove(o *order, i int)
	replace(o *order, i int, e entry)
	// absorb appends what a node behind it holds, if there is room; it reports whether.
	absorb(right node) bool
	sparse() bool // it should be absorbed
}

type entry struct {
	score float64
	ref   ref
}

// bound is a position between entries.
type bound struct {
	kind      boundKind
	inclusive bool // entries equal to it come before
	score     float64
	member    []byte
}

type boundKind uint8

const (
	byBoth   boundKind = iota // by score, among equal ones by member
	byScore                   // by score alone
	byMember                  // by member alone: all scores are equal
)

// rankAmong returns how many entries of a sorted list come before the bound.
func (b *bound) rankAmong(scores []float64, refs []ref, rs *records) int {
	low, high := 0, len(scores)
	if b.kind != byMember {
		low = lowerBound(scores, b.score)
		if low == len(scores) || scores[low] != b.score {
			return low
		}
		high = low + equals(scores[low:], b.score)
		if b.kind == byScore {
			if b.inclusive {
				return high
			}
			return low
		}
	}
	for low < high { // among equal scores
		mid := int(uint(low+high) >> 1)
		if diff := bytes.Compare(rs.member(refs[mid]), b.member); diff < 0 || diff == 0 && b.inclusive {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// lowerBound returns how many scores are less.
func lowerBound(scores []float64, score float64) int {
	low, high := 0, len(scores)
	for low < high {
		if mid := int(uint(low+high) >> 1); scores[mid] < score {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// equals returns how many scores at the beginning are equal to score; the first is.
func equals(scores []float64, score float64) int {
	low, high := 1, len(scores)
	for high-low > 8 && scores[low] == score { // mostly they are few
		if mid := int(uint(low+high) >> 1); scores[mid] == score {
			low = mid + 1
		} else {
			high = mid
		}
	}
	for low < high && scores[low] == score {
		low++
	}
	return low
}

func (o *order) size() int {
	if o.root == nil {
		return 0
	}
	return o.root.size()
}

func (o *order) bytes() int64 { return int64(o.leaves)*leafBytes + int64(o.inners)*innerBytes }

// rank returns how many entries come before a bound. It is a loop, not a method of nodes, so
// that the bound need not be allocated.
func (o *order) rank(b *bound, rs *records) (rank int) {
	for n := o.root; n != nil; {
		switch node := n.(type) {
		case *leaf:
			return rank + b.rankAmong(node.scores[:node.n], node.refs[:node.n], rs)
		case *inner:
			// The last child whose first entry comes before the bound; the first child if there is
			// none.
			kid := b.rankAmong(node.scores[1:node.n], node.refs[1:node.n], rs)
			for _, count := range node.counts[:kid] {
				rank += int(count)
			}
			n = node.kids[kid]
		}
	}
	return 0
}

func (o *order) insert(i int, e entry) {
	if o.root == nil {
		o.root = o.newLeaf()
	}
	o.root = o.root.owned(o.epoch)
	if right := o.root.insert(o, i, e); right != nil {
		root := o.newInner()
		root.put(0, o.root)
		root.put(1, right)
		o.root = root
	}
}

func (o *order) remove(i int) {
	o.root = o.root.owned(o.epoch)
	o.root.remove(o, i)
	for {
		top, ok := o.root.(*inner)
		if !ok || top.n > 1 {
			break
		}
		o.root = top.kids[0]
		o.inners--
	}
	if o.root.size() == 0 {
		o.root, o.leaves = nil, 0
	}
}

func (o *order) replace(i int, e entry) {
	o.root = o.root.owned(o.epoch)
	o.root.replace(o, i, e)
}

func (o *order) newLeaf() *leaf {
	o.leaves++
	return &leaf{epoch: o.epoch}
}

func (o *order) newInner() *inner {
	o.inners++
	return &inner{epoch: o.epoch}
}
