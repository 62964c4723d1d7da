package ranked

import "slices"

// cell is the upper 32 bits of a member's hash and the reference of its record; 0 is free.
type cell uint64

// hashRest are the bits of a hash that a cell has no room for.
const hashRest = 31

func cellOf(h uint64, r ref) cell { return cell(h>>hashRest)<<32 | cell(r) }

func (c cell) hash() uint32 { return uint32(c >> 32) }
func (c cell) ref() ref     { return ref(c) }

// index is an extendible hash: a directory of buckets, found by the first bits of the hash.
// A bucket that is full splits in two by the next bit, so that no insertion takes longer
// than one bucket's worth of work.
type index struct {
	epoch   epoch
	buckets []*bucket // 1<<depth places
	depth   uint8
	held    int64 // bytes of all buckets
}

// bucket is an open-addressing table whose cells are sorted by hash: a cell stands at or
// behind the home of its hash, never before it. So a search ends at the first greater hash,
// and the cells are in the order of a walk.
type bucket struct {
	epoch epoch
	depth uint8 // how many first bits the hashes share
	n     int32
	homes int32  // the homes are 0 … homes-1
	cells []cell // a few more, for the last ones to overflow into
}

const (
	bucketLimit    = 768 // cells of a bucket that splits
	maxDepth       = 24
	bucketSpare    = 8
	bucketOverhead = 48 + 8
)

func newIndex() index {
	b := &bucket{}
	b.reserve(8)
	return index{buckets: []*bucket{b}, held: b.bytes()}
}

func (x *index) clone() index {
	c := *x
	c.buckets = slices.Clone(x.buckets)
	return c
}

func (x *index) bytes() int64 { return x.held + int64(cap(x.buckets))*8 }

func (b *bucket) bytes() int64 { return int64(cap(b.cells))*8 + bucketOverhead }

func (x *index) at(hash uint32) int { return int(uint64(hash) >> (32 - x.depth)) }

func (x *index) bucket(hash uint32) *bucket { return x.buckets[x.at(hash)] }

// home is where the search for a hash begins.
func (b *bucket) home(hash uint32) int { return int(uint64(hash<<b.depth) * uint64(b.homes) >> 32) }

// find returns the position of a cell, -1 if it is not there.
func (b *bucket) find(c cell) int {
	for at := b.home(c.hash()); at < len(b.cells); at++ {
		switch have := b.cells[at]; {
		case have == c:
			return at
		case have == 0 || have.hash() > c.hash():
			return -1
		}
	}
	return -1
}

func (x *index) has(c cell) bool { return x.bucket(c.hash()).find(c) >= 0 }

// insert adds a cell that is not there.
func (x *index) insert(c cell) {
	b := x.own(c.hash())
	for b.n >= bucketLimit && b.depth < maxDepth {
		x.split(b, c.hash())
		b = x.own(c.hash())
	}
	before := b.bytes()
	b.insert(c)
	x.held += b.bytes() - before
}

// replace puts a cell in place of another one with the same hash.
func (x *index) replace(old, c cell) {
	b := x.own(c.hash())
	b.cells[b.find(old)] = c
}

// remove removes a cell that is there.
func (x *index) remove(c cell) {
	b := x.own(c.hash())
	before := b.bytes()
	b.remove(b.find(c))
	x.held += b.bytes() - before
	x.merge(b, c.hash())
}

// own returns the bucket for a hash, which may be changed.
func (x *index) own(hash uint32) *bucket {
	b := x.bucket(hash)
	if b.epoch != x.epoch {
		c := *b
		c.epoch, c.cells = x.epoch, slices.Clone(b.cells)
		x.held += c.bytes() - b.bytes()
		b = &c
		x.set(b, hash)
	}
	return b
}

// set enters a bucket in all places of the directory that begin with its bits.
func (x *index) set(b *bucket, hash uint32) {
	span := 1 << (x.depth - b.depth)
	from := x.at(hash) &^ (span - 1)
	for i := from; i < from+span; i++ {
		x.buckets[i] = b
	}
}

// split puts two buckets in place of the one for a hash.
func (x *index) split(b *bucket, hash uint32) {
	if b.depth == x.depth {
		wider := make([]*bucket, 2*len(x.buckets))
		for i := range wider {
			wider[i] = x.buckets[i/2]
		}
		x.buckets, x.depth = wider, x.depth+1
	}
	x.held -= b.bytes()
	bit := uint32(1) << (31 - b.depth)
	for _, side := range [2]uint32{0, bit} {
		half := &bucket{epoch: x.epoch, depth: b.depth + 1}
		half.fill(b.cells, func(c cell) bool { return c.hash()&bit == side })
		x.set(half, hash&^bit|side)
		x.held += half.bytes()
	}
}

// merge undoes a split, if both halves are nearly empty, and halves the directory if
// nothing needs its last bit.
func (x *index) merge(b *bucket, hash uint32) {
	if b.depth == 0 || b.n >= bucketLimit/4 {
		return
	}
	bit := uint32(1) << (32 - b.depth)
	other := x.bucket(hash ^ bit)
	if other.depth != b.depth || b.n+other.n >= bucketLimit/2 {
		return
	}
	low, high := b, other
	if hash&bit != 0 {
		low, high = other, b
	}
	x.held -= low.bytes() + high.bytes()
	whole := &bucket{epoch: x.epoch, depth: b.depth - 1}
	whole.fill(slices.Concat(low.cells, high.cells), func(cell) bool { return true })
	x.set(whole, hash)
	x.held += whole.bytes()
	if whole.depth+1 == x.depth && !slices.ContainsFunc(x.buckets, func(b *bucket) bool { return b.depth == x.depth }) {
		half := make([]*bucket, len(x.buckets)/2)
		for i := range half {
			half[i] = x.buckets[2*i]
		}
		x.buckets, x.depth = half, x.depth-1
	}
}

func (b *bucket) insert(c cell) {
	if b.n+1 > b.homes/8*7 {
		cells := b.cells
		b.reserve(int(b.n) + 1)
		b.push(cells, nil)
	}
	at := b.home(c.hash())
	for at < len(b.cells) && b.cells[at] != 0 && b.cells[at].hash() <= c.hash() {
		at++
	}
	free := at
	for free < len(b.cells) && b.cells[free] != 0 {
		free++
	}
	if free == len(b.cells) {
		b.cells = append(b.cells, 0)
	}
	copy(b.cells[at+1:free+1], b.cells[at:free])
	b.cells[at] = c
	b.n++
}

// remove frees the cell at a position and moves the cells behind it that are away from home
// one step back, so that no tombstone is left.
func (b *bucket) remove(at int) {
	end := at + 1
	for end < len(b.cells) && b.cells[end] != 0 && b.home(b.cells[end].hash()) < end {
		end++
	}
	copy(b.cells[at:], b.cells[at+1:end])
	b.cells[end-1] = 0
	b.n--
	if b.homes > 16 && b.n < b.homes/2 {
		cells := b.cells
		b.reserve(int(b.n))
		b.push(cells, nil)
	}
}

// fill makes an empty bucket of the cells that keep chooses.
func (b *bucket) fill(cells []cell, keep func(cell) bool) {
	n := 0
	for _, c := range cells {
		if c != 0 && keep(c) {
			n++
		}
	}
	b.reserve(n)
	b.push(cells, keep)
}

// reserve empties the bucket and makes room for n cells at a load of 3/4; insertions fill
// it to 7/8.
func (b *bucket) reserve(n int) {
	homes := max((n*4/3+7)&^7, 8)
	cells := append([]cell(nil), make([]cell, homes+bucketSpare)...)
	b.cells = cells[:cap(cells)]
	b.homes, b.n = int32(cap(cells)-bucketSpare)&^7, 0
}

// push adds cells in the order of their hashes to an empty bucket; keep may be nil.
func (b *bucket) push(cells []cell, keep func(cell) bool) {
	next := 0
	for _, c := range cells {
		if c == 0 || keep != nil && !keep(c) {
			continue
		}
		next = max(next, b.home(c.hash()))
		for next >= len(b.cells) {
			b.cells = append(b.cells, 0)
		}
		b.cells[next] = c
		next++
		b.n++
	}
}
