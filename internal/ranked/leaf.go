package ranked

const (
	leafBytes = 2048
	leafSize  = (leafBytes - 16) / (8 + 4)
)

// leaf holds entries, in order.
type leaf struct {
	epoch  epoch
	n      int
	scores [leafSize]float64
	refs   [leafSize]ref
}

func (l *leaf) size() int             { return l.n }
func (l *leaf) full() bool            { return l.n == leafSize }
func (l *leaf) sparse() bool          { return l.n < leafSize/3 }
func (l *leaf) first() (float64, ref) { return l.scores[0], l.refs[0] }

func (l *leaf) find(i int) (*leaf, int) { return l, i }

func (l *leaf) owned(e epoch) node {
	if l.epoch == e {
		return l
	}
	c := *l
	c.epoch = e
	return &c
}

func (l *leaf) insert(o *order, i int, e entry) node {
	if l.n < leafSize {
		l.put(i, e)
		return nil
	}
	right := o.newLeaf()
	split := leafSize / 2
	if i == 0 || i == leafSize { // entries that come in order fill the leaves
		split = i
	}
	right.n = copy(right.scores[:], l.scores[split:])
	copy(right.refs[:], l.refs[split:])
	l.n = split
	if i <= split && split < leafSize {
		l.put(i, e)
	} else {
		right.put(i-split, e)
	}
	return right
}

func (l *leaf) put(i int, e entry) {
	copy(l.scores[i+1:l.n+1], l.scores[i:l.n])
	copy(l.refs[i+1:l.n+1], l.refs[i:l.n])
	l.scores[i], l.refs[i] = e.score, e.ref
	l.n++
}

func (l *leaf) remove(_ *order, i int) {
	copy(l.scores[i:l.n-1], l.scores[i+1:l.n])
	copy(l.refs[i:l.n-1], l.refs[i+1:l.n])
	l.n--
}

func (l *leaf) replace(_ *order, i int, e entry) { l.scores[i], l.refs[i] = e.score, e.ref }

func (l *leaf) absorb(right node) bool {
	r := right.(*leaf)
	if l.n+r.n > leafSize*3/4 {
		return false
	}
	copy(l.scores[l.n:], r.scores[:r.n])
	copy(l.refs[l.n:], r.refs[:r.n])
	l.n += r.n
	return true
}
