package stream

import (
	"slices"
	"unsafe"
)

const (
	// pageMax is how many elements a page may have. With the sizes of elements here, all
	// capacities that are powers of two fill the allocator's size classes.
	pageMax = 128
	pageMin = 4
	// pageOverhead and topOverhead are the allocated sizes of a page and a top beside their
	// slices.
	pageOverhead = 64
	topOverhead  = 48
)

// ordered is elements in the order of IDs. They stand in pages, which clones share.
type ordered[V any] struct {
	top    *top[V] // nil: empty
	n      int
	memory int64
}

// top lists the pages. Its slice begins lead elements behind the start of its memory. If it
// is empty, there may be a spare page behind its end.
type top[V any] struct {
	owner *owner
	refs  []ref[V]
	lead  int
}

// ref is a page and a lower bound of its IDs, which is above those of the page before.
type ref[V any] struct {
	first ID
	page  *page[V]
}

// page is some elements in a row, at least one.
type page[V any] struct {
	owner  *owner
	ids    []ID
	values []V
}

// position is where an element is.
type position struct{ page, at int }

func (p *page[V]) bytes() int64 {
	var v V
	return int64(pageOverhead + cap(p.ids)*IDLen + cap(p.values)*int(unsafe.Sizeof(v)))
}

func (t *top[V]) bytes() int64 {
	bytes := int64(topOverhead + (t.lead+cap(t.refs))*int(unsafe.Sizeof(ref[V]{})))
	if p := t.spare(); p != nil {
		bytes += p.bytes()
	}
	return bytes
}

// spare returns the page that stayed when the last element was removed, nil if there is
// none. What is read and acknowledged one by one would otherwise need a new one each time.
func (t *top[V]) spare() *page[V] {
	if len(t.refs) > 0 || cap(t.refs) == 0 {
		return nil
	}
	return t.refs[:1][0].page
}

func (o *ordered[V]) charge(a *account, bytes int64) {
	o.memory += bytes
	a.memory += bytes
}

// pages returns the number of pages.
func (o *ordered[V]) pages() int {
	if o.top == nil {
		return 0
	}
	return len(o.top.refs)
}

// locate returns the position at which an ID is or would be inserted, which may be behind the
// last element of a page. o is not empty.
func (o *ordered[V]) locate(id ID) (p position, there bool) {
	refs := o.top.refs
	low, high := 0, len(refs)-1 // the last page whose bound is not above the ID
	if !id.Less(refs[high].first) {
		low = high
	}
	for low < high {
		middle := int(uint(low+high+1) / 2)
		if id.Less(refs[middle].first) {
			high = middle - 1
		} else {
			low = middle
		}
	}
	at, there := searchIDs(refs[low].page.ids, id)
	return position{low, at}, there
}

func searchIDs(ids []ID, id ID) (at int, there bool) {
	low, high := 0, len(ids)
	if high > 0 && ids[high-1].Less(id) {
		return high, false
	}
	for low < high {
		middle := int(uint(low+high) / 2)
		if ids[middle].Less(id) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(ids) && ids[low] == id
}

// seek returns the position of the first element that is not before an ID. It may be the end.
func (o *ordered[V]) seek(id ID) (p position, there bool) {
	if o.n == 0 {
		return position{}, false
	}
	p, there = o.locate(id)
	if p.at == len(o.top.refs[p.page].page.ids) {
		p = position{p.page + 1, 0}
	}
	return p, there
}

// floor returns the position of the last element that is not behind an ID.
func (o *ordered[V]) floor(id ID) (p position, ok bool) {
	p, there := o.seek(id)
	if there {
		return p, true
	}
	return o.before(p)
}

// get returns an element.
func (o *ordered[V]) get(id ID) (v V, ok bool) {
	if p, there := o.seek(id); there {
		return o.at(p), true
	}
	return v, false
}

// end reports whether a position is behind all elements.
func (o *ordered[V]) end(p position) bool { return p.page >= o.pages() }

// behind returns the position behind all elements.
func (o *ordered[V]) behind() position { return position{o.pages(), 0} }

// after returns the position that follows, which may be the end.
func (o *ordered[V]) after(p position) position {
	if p.at+1 < len(o.top.refs[p.page].page.ids) {
		return position{p.page, p.at + 1}
	}
	return position{p.page + 1, 0}
}

// before returns the position before, and false if there is none.
func (o *ordered[V]) before(p position) (position, bool) {
	switch {
	case p.at > 0:
		return position{p.page, p.at - 1}, true
	case p.page > 0:
		return position{p.page - 1, len(o.top.refs[p.page-1].page.ids) - 1}, true
	}
	return p, false
}

func (o *ordered[V]) id(p position) ID { return o.top.refs[p.page].page.ids[p.at] }
func (o *ordered[V]) at(p position) V  { return o.top.refs[p.page].page.values[p.at] }

// own makes the list of pages one that a may change.
func (o *ordered[V]) own(a *account) {
	switch {
	case o.top == nil:
		o.top = &top[V]{owner: a.owner}
		o.charge(a, o.top.bytes())
	case o.top.owner != a.owner:
		before := o.top.bytes()
		o.top = &top[V]{owner: a.owner, refs: slices.Clone(o.top.refs)}
		o.charge(a, o.top.bytes()-before)
	}
}

// ownPage returns a page that a may change.
func (o *ordered[V]) ownPage(a *account, i int) *page[V] {
	o.own(a)
	p := o.top.refs[i].page
	if p.owner == a.owner {
		return p
	}
	copied := &page[V]{owner: a.owner, ids: make([]ID, len(p.ids), cap(p.ids)), values: make([]V, len(p.ids), cap(p.ids))}
	copy(copied.ids, p.ids)
	copy(copied.values, p.values)
	o.top.refs[i].page = copied
	return copied
}
