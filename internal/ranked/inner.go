package ranked

const (
	innerBytes = 2048
	innerSize  = (innerBytes - 16) / (8 + 4 + 4 + 16)
)

// inner is a node above others. It repeats the first entry of each child, so that a search
// touches only one child, and their numbers of entries.
type inner struct {
	epoch  epoch
	n      int
	scores [innerSize]float64
	refs   [innerSize]ref
	counts [innerSize]uint32
	kids   [innerSize]node
}

func (n *inner) full() bool            { return n.n == innerSize }
func (n *inner) sparse() bool          { return n.n < innerSize/3 }
func (n *inner) first() (float64, ref) { return n.scores[0], n.refs[0] }

func (n *inner) size() int {
	sum := 0
	for _, count := range n.counts[:n.n] {
		sum += int(count)
	}
	return sum
}

func (n *inner) owned(e epoch) node {
	if n.epoch == e {
		return n
	}
	c := *n
	c.epoch = e
	return &c
}

// child returns the child that has the entry of a rank, and the rank below that child.
func (n *inner) child(i int) (kid, rank int) {
	for kid < n.n-1 && i >= int(n.counts[kid]) {
		i -= int(n.counts[kid])
		kid++
	}
	return kid, i
}

func (n *inner) find(i int) (*leaf, int) {
	kid, i := n.child(i)
	return n.kids[kid].find(i)
}

// own returns a child that may be changed.
func (n *inner) own(kid int) node {
	n.kids[kid] = n.kids[kid].owned(n.epoch)
	return n.kids[kid]
}

// refresh repeats what has changed in a child.
func (n *inner) refresh(kid int) {
	n.scores[kid], n.refs[kid] = n.kids[kid].first()
	n.counts[kid] = uint32(n.kids[kid].size())
}

func (n *inner) insert(o *order, i int, e entry) node {
	kid, i := n.child(i)
	if i == 0 && kid > 0 && !n.kids[kid-1].full() { // between two children: at the end of the first
		kid--
		i = int(n.counts[kid])
	}
	right := n.own(kid).insert(o, i, e)
	n.refresh(kid)
	if right == nil {
		return nil
	}
	if n.n < innerSize {
		n.put(kid+1, right)
		return nil
	}
	second := o.newInner()
	split := innerSize / 2
	if kid+1 == innerSize { // entries that come in order fill the nodes
		split = innerSize
	}
	n.moveTail(second, split)
	if kid+1 <= split && split < innerSize {
		n.put(kid+1, right)
	} else {
		second.put(kid+1-split, right)
	}
	return second
}

// moveTail moves the children from a position on to the end of another node.
func (n *inner) moveTail(to *inner, from int) {
	copy(to.scores[to.n:], n.scores[from:n.n])
	copy(to.refs[to.n:], n.refs[from:n.n])
	copy(to.counts[to.n:], n.counts[from:n.n])
	to.n += copy(to.kids[to.n:], n.kids[from:n.n])
	clear(n.kids[from:n.n])
	n.n = from
}

// put makes a node the child at a position.
func (n *inner) put(kid int, child node) {
	copy(n.scores[kid+1:n.n+1], n.scores[kid:n.n])
	copy(n.refs[kid+1:n.n+1], n.refs[kid:n.n])
	copy(n.counts[kid+1:n.n+1], n.counts[kid:n.n])
	copy(n.kids[kid+1:n.n+1], n.kids[kid:n.n])
	n.n++
	n.kids[kid] = child
	n.refresh(kid)
}

// drop removes the child at a position.
func (n *inner) drop(o *order, kid int) {
	if _, ok := n.kids[kid].(*leaf); ok {
		o.leaves--
	} else {
		o.inners--
	}
	copy(n.scores[kid:n.n-1], n.scores[kid+1:n.n])
	copy(n.refs[kid:n.n-1], n.refs[kid+1:n.n])
	copy(n.counts[kid:n.n-1], n.counts[kid+1:n.n])
	copy(n.kids[kid:n.n-1], n.kids[kid+1:n.n])
	n.n--
	n.kids[n.n] = nil
}

func (n *inner) remove(o *order, i int) {
	kid, i := n.child(i)
	child := n.own(kid)
	child.remove(o, i)
	if n.counts[kid] == 1 {
		n.drop(o, kid)
		return
	}
	n.refresh(kid)
	if !child.sparse() {
		return
	}
	if kid+1 < n.n && child.absorb(n.kids[kid+1]) {
		n.drop(o, kid+1)
		n.refresh(kid)
	} else if kid > 0 && n.own(kid-1).absorb(child) {
		n.drop(o, kid)
		n.refresh(kid - 1)
	}
}

func (n *inner) replace(o *order, i int, e entry) {
	kid, i := n.child(i)
	n.own(kid).replace(o, i, e)
	if i == 0 {
		n.refresh(kid)
	}
}

func (n *inner) absorb(right node) bool {
	r := right.(*inner)
	if n.n+r.n > innerSize*3/4 {
		return false
	}
	c := *r // the right node may be shared
	c.moveTail(n, 0)
	return true
}
