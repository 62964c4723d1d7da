package keyspace

// index finds an entry's ref by its tag, 12 bits of the key's hash. It is an
// open-addressing table whose cells are sorted by tag: a cell stands at or behind its
// tag's home, never before it. So a search ends at the first greater tag, a scan in tag
// order is a walk over the cells, and since the home follows from the tag alone, the
// table grows and shrinks in small steps without looking at a single key.
type index struct {
	cells []uint32 // tag<<refBits | ref, 0 = free; a few more than size
	size  uint32   // homes are 0 … size-1
	n     uint32   // cells in use
}

const (
	tagBits  = 12
	tagCount = 1 << tagBits
	// indexSpare are the cells behind the last home, for the last tags to overflow
	// into; more are appended in the rare case that these are full.
	indexSpare = 8
)

func cellOf(tag uint32, r ref) uint32 { return tag<<refBits | uint32(r) }
func cellTag(cell uint32) uint32      { return cell >> refBits }
func cellRef(cell uint32) ref         { return ref(cell & (1<<refBits - 1)) }

// home returns the cell where the search for tag starts.
func (x *index) home(tag uint32) int { return int(tag * x.size >> tagBits) }

// insert adds a cell, behind those of the same tag.
func (x *index) insert(cell uint32) {
	if x.n+1 > x.size/8*7 {
		x.resize(int(x.n) + 1)
	}
	tag := cellTag(cell)
	at := x.home(tag)
	for at < len(x.cells) && x.cells[at] != 0 && cellTag(x.cells[at]) <= tag {
		at++
	}
	free := at
	for free < len(x.cells) && x.cells[free] != 0 {
		free++
	}
	if free == len(x.cells) {
		x.cells = append(x.cells, 0)
	}
	copy(x.cells[at+1:free+1], x.cells[at:free])
	x.cells[at] = cell
	x.n++
}

// remove frees the cell at position at and moves the cells behind it that are away from
// home one step back, so that no tombstone is left.
func (x *index) remove(at int) {
	end := at + 1
	for end < len(x.cells) && x.cells[end] != 0 && x.home(cellTag(x.cells[end])) < end {
		end++
	}
	copy(x.cells[at:], x.cells[at+1:end])
	x.cells[end-1] = 0
	x.n--
}

// resize makes room for n cells at a load of 3/4; inserts fill it to 7/8.
func (x *index) resize(n int) {
	var wider index
	wider.reserve(n)
	next := 0
	for _, cell := range x.cells {
		if cell != 0 {
			next = wider.push(next, cell)
		}
	}
	*x = wider
}

// reserve empties the index and makes room for n cells.
func (x *index) reserve(n int) {
	size := max((n*4/3+7)&^7, 8)
	cells := append([]uint32(nil), make([]uint32, size+indexSpare)...)
	*x = index{cells: cells[:cap(cells)], size: uint32(cap(cells)-indexSpare) &^ 7}
}

// push adds a cell whose tag is not smaller than those pushed before. next is 0 at
// first, then what the last push returned.
func (x *index) push(next int, cell uint32) int {
	next = max(next, x.home(cellTag(cell)))
	for next >= len(x.cells) {
		x.cells = append(x.cells, 0)
	}
	x.cells[next] = cell
	x.n++
	return next + 1
}

// sparse reports whether a smaller index would do.
func (x *index) sparse() bool { return x.size > 16 && x.n < x.size/2 }
