package keyspace

// An arena hands out bytes for entries. Entries are addressed by a ref of 20 bits, so an
// index cell of 32 bits has room for a ref and a tag, and the garbage collector sees a
// few pages instead of every entry.
const (
	refBits    = 20
	pageSize   = 32 << 10
	arenaLimit = 1 << refBits
)

// ref is an entry's place in its arena. 0 is no place.
type ref uint32

// arena is a list of pages. All are of pageSize but the last, which grows step by step
// so that a slot of a dozen keys does not pay for a whole page.
type arena struct {
	first []byte   // most slots need no other page, and no other cache line to find it
	pages [][]byte // page 1 and so on
	used  int32    // bytes handed out, with those since abandoned
	held  int32    // bytes of all pages
}

// at returns the bytes from r to the end of r's page.
func (a *arena) at(r ref) []byte {
	if r < pageSize {
		return a.first[r:]
	}
	return a.pages[r/pageSize-1][r%pageSize:]
}

// alloc hands out n bytes, at most pageSize/2. expect is how many bytes the caller is
// about to ask for, n included, so that the page grows once for all of them. ok is false
// if the arena is full.
func (a *arena) alloc(n, expect int) (r ref, b []byte, ok bool) {
	if a.first == nil {
		a.first = a.newPage(n+1, expect+1)[:1] // ref 0 stays unused
	}
	last := len(a.pages)
	page := a.last()
	if len(*page)+n > pageSize {
		if last+1 == arenaLimit/pageSize {
			return 0, nil, false
		}
		a.pages = append(a.pages, a.newPage(max(n, pageSize/16), expect))
		last++
		page = a.last()
	}
	start := len(*page)
	if cap(*page)-start < n {
		*page = a.growPage(*page, start+max(n, min(expect, pageSize-start)))
	}
	*page = (*page)[:start+n]
	b = *page
	a.used += int32(n)
	return ref(last*pageSize + start), b[start : start+n], true
}

func (a *arena) last() *[]byte {
	if n := len(a.pages); n > 0 {
		return &a.pages[n-1]
	}
	return &a.first
}

func (a *arena) newPage(atLeast, expect int) []byte {
	page := makePage(min(max(atLeast, expect), pageSize))
	a.held += int32(cap(page))
	return page
}

// growPage moves the last page to one of at least need bytes. A quarter more than before
// keeps both the copying (4 bytes per byte) and the gap at the end (2 % of a full
// segment) small.
func (a *arena) growPage(old []byte, need int) []byte {
	page := makePage(min(max(need, len(old)+len(old)/4), pageSize))
	a.held += int32(cap(page) - cap(old))
	return append(page, old...)
}

// makePage returns an empty page of at least n bytes; append instead of make lets us use
// all that the allocator's size class has.
func makePage(n int) []byte {
	page := append([]byte(nil), make([]byte, n)...)
	return page[:0:min(cap(page), pageSize)]
}
