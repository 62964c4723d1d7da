package keyspace

// lastStaged finds the last staged op of a hash: an open-addressing table of positions in
// the list of ops, whose plans have the hashes. A map would take several times the memory
// and the time, and three searches for each op.
type lastStaged struct {
	cells []int32 // 1 + the op's place, 0 = free; their number is a power of two
	used  int
}

// find returns the last op of hash, -1 if there is none.
func (l *lastStaged) find(notes []plan, hash uint64) int { return int(*l.cell(notes, hash)) - 1 }

// set makes op i the last one of its hash, and returns the one before it, -1 if there was
// none.
func (l *lastStaged) set(notes []plan, i int) (before int32) {
	if l.used >= len(l.cells)/4*3 {
		l.resize(notes, 2*(l.used+1))
	}
	cell := l.cell(notes, notes[i].hash)
	before = *cell - 1
	if before < 0 {
		l.used++
	}
	*cell = int32(i) + 1
	return before
}

// cell returns the cell of hash, a free one if it has none. There is always one free.
func (l *lastStaged) cell(notes []plan, hash uint64) *int32 {
	mask := uint64(len(l.cells) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		if c := &l.cells[at]; *c == 0 || notes[*c-1].hash == hash {
			return c
		}
	}
}

// resize makes room for n hashes at a load of at most 3/4.
func (l *lastStaged) resize(notes []plan, n int) {
	size := 4 * fewOps
	for size/4*3 < n {
		size *= 2
	}
	old := l.cells
	l.cells = make([]int32, size)
	for _, c := range old {
		if c != 0 {
			*l.cell(notes, notes[c-1].hash) = c
		}
	}
}
