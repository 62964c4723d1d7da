package keyspace

// An arena hands out bytes for entries. Entries are addressed by a ref of 20 bits in
// units of 4 bytes, so an index cell of 32 bits has room for a ref and a tag, and the
// garbage collector sees a few pages instead of every entry.
const (
	unit       = 4
	refBits    = 20
	pageUnits  = 1 << 12
	pageSize   = pageUnits * unit // 16 KiB
	arenaLimit = unit << refBits  // 4 MiB
)

// ref is an entry's place in its arena, in units. 0 is nobody's.
type ref uint32

// arena is a list of pages. All are of pageSize but the last, which grows step by step
// so that a slot of a dozen keys does not pay for a whole page.
type arena struct {
	pages [][]byte
	used  int // bytes handed out, with those since abandoned
	held  int // bytes of all pages
}

// at returns the bytes from r to the end of r's page.
func (a *arena) at(r ref) []byte {
	return a.pages[r/pageUnits][r%pageUnits*unit:]
}

// alloc hands out n bytes, a multiple of unit and at most pageSize/2. expect is how many bytes
// the caller is about to ask for, n included: it saves growing in
// steps. ok is false if the arena is full.
func (a *arena) alloc(n, expect int) (r ref, b []byte, ok bool) {
	if len(a.pages) == 0 {
		a.addPage(n+unit, expect+unit)
		a.pages[0] = a.pages[0][:unit] // ref 0 stays unused
	}
	last := len(a.pages) - 1
	page := a.pages[last]
	if len(page)+n > pageSize {
		if len(a.pages) == arenaLimit/pageSize {
			return 0, nil, false
		}
		a.addPage(max(n, pageSize/16), expect)
		last++
		page = a.pages[last]
	}
	start := len(page)
	if cap(page)-start < n {
		page = a.growPage(page, start+max(n, min(expect, pageSize-start)))
	}
	a.pages[last] = page[:start+n]
	a.used += n
	return ref(last*pageUnits + start/unit), page[start : start+n], true
}

func (a *arena) addPage(atLeast, expect int) {
	page := makePage(min(max(atLeast, expect), pageSize))
	a.held += cap(page)
	a.pages = append(a.pages, page)
}

// growPage moves the last page to one of at least need bytes. A quarter more than
// before keeps both the copying (4 bytes per byte) and the gap at the end (2 % of
// a full segment) small.
func (a *arena) growPage(old []byte, need int) []byte {
	page := makePage(min(max(need, len(old)+len(old)/4), pageSize))
	a.held += cap(page) - cap(old)
	return append(page, old...)
}

// makePage returns an empty page of at least n bytes; append instead of make
// lets us use all that the allocator's size class has.
func makePage(n int) []byte {
	page := append([]byte(nil), make([]byte, n)...)
	return page[:0:min(cap(page), pageSize)]
}

// roundUp returns n rounded up to whole units.
func roundUp(n int) int { return (n + unit - 1) &^ (unit - 1) }
