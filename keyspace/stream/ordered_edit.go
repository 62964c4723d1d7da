package stream

import "slices"

// set changes an element.
func (o *ordered[V]) set(a *account, p position, v V) { o.ownPage(a, p.page).values[p.at] = v }

// insert adds an element, whose ID is not there.
func (o *ordered[V]) insert(a *account, id ID, v V) {
	o.own(a)
	o.n++
	if len(o.top.refs) == 0 {
		o.addPage(a, 0, id, v)
		return
	}
	p, _ := o.locate(id)
	page := o.ownPage(a, p.page)
	switch {
	case len(page.ids) < pageMax:
	case p.at < pageMax:
		o.split(a, p.page)
		if half := len(page.ids); p.at > half {
			p = position{p.page + 1, p.at - half}
			page = o.top.refs[p.page].page
		}
	case p.page+1 < len(o.top.refs) && len(o.top.refs[p.page+1].page.ids) < pageMax/2:
		// Otherwise elements that come in descending order would have a page each.
		p = position{p.page + 1, 0}
		page = o.ownPage(a, p.page)
	default:
		o.addPage(a, p.page+1, id, v)
		return
	}
	if len(page.ids) == cap(page.ids) {
		o.resize(a, page, min(2*cap(page.ids), pageMax))
	}
	page.ids = slices.Insert(page.ids, p.at, id)
	page.values = slices.Insert(page.values, p.at, v)
	if id.Less(o.top.refs[p.page].first) {
		o.top.refs[p.page].first = id
	}
}

// addPage adds a page of one element.
func (o *ordered[V]) addPage(a *account, i int, id ID, v V) {
	p := o.top.spare()
	if p == nil {
		p = &page[V]{owner: a.owner, ids: make([]ID, 0, pageMin), values: make([]V, 0, pageMin)}
	}
	p.ids, p.values = p.ids[:1], p.values[:1]
	p.ids[0], p.values[0] = id, v
	o.charge(a, p.bytes())
	o.insertRef(a, i, ref[V]{id, p})
}

func (o *ordered[V]) insertRef(a *account, i int, r ref[V]) {
	before := o.top.bytes()
	if len(o.top.refs) == cap(o.top.refs) {
		o.top.lead = 0
	}
	o.top.refs = slices.Insert(o.top.refs, i, r)
	o.charge(a, o.top.bytes()-before)
}

// split moves the second half of a page to a new one behind it.
func (o *ordered[V]) split(a *account, i int) {
	p := o.top.refs[i].page
	half := len(p.ids) / 2
	tail := &page[V]{owner: a.owner, ids: make([]ID, 0, cap(p.ids)), values: make([]V, 0, cap(p.ids))}
	tail.ids = append(tail.ids, p.ids[half:]...)
	tail.values = append(tail.values, p.values[half:]...)
	clear(p.values[half:])
	p.ids, p.values = p.ids[:half], p.values[:half]
	o.charge(a, tail.bytes())
	o.insertRef(a, i+1, ref[V]{tail.ids[0], tail})
}

// resize gives a page another capacity.
func (o *ordered[V]) resize(a *account, p *page[V], capacity int) {
	before := p.bytes()
	p.ids = append(make([]ID, 0, capacity), p.ids...)
	p.values = append(make([]V, 0, capacity), p.values...)
	o.charge(a, p.bytes()-before)
}

// remove removes the element at a position.
func (o *ordered[V]) remove(a *account, p position) {
	o.cutPage(a, p.page, p.at, p.at+1)
	o.tidy(a, p.page)
}

// removeRange removes the elements from a position up to another one, which stays.
func (o *ordered[V]) removeRange(a *account, from, to position) {
	if from.page == to.page {
		if from.at < to.at {
			o.cutPage(a, from.page, from.at, to.at)
			o.tidy(a, from.page)
		}
		return
	}
	o.own(a)
	if to.page < len(o.top.refs) && to.at > 0 {
		o.cutPage(a, to.page, 0, to.at)
	}
	first := from.page
	if from.at > 0 {
		o.cutPage(a, first, from.at, len(o.top.refs[first].page.ids))
		first++
	}
	for _, r := range o.top.refs[first:to.page] {
		o.n -= len(r.page.ids)
		o.charge(a, -r.page.bytes())
	}
	o.removeRefs(a, first, to.page)
	o.tidy(a, from.page)
}

// cutPage removes elements of a page, which may be left without any.
func (o *ordered[V]) cutPage(a *account, i, from, to int) {
	p := o.ownPage(a, i)
	p.ids, p.values = slices.Delete(p.ids, from, to), slices.Delete(p.values, from, to)
	o.n -= to - from
}

// tidy removes a page that has become empty, gives memory back of one that has few elements,
// and joins it with the next if that has few too.
func (o *ordered[V]) tidy(a *account, i int) {
	if i >= o.pages() {
		return
	}
	p := o.top.refs[i].page
	switch n := len(p.ids); {
	case n == 0:
		o.charge(a, -p.bytes())
		o.removeRefs(a, i, i+1)
	case n <= pageMax/4 && i+1 < len(o.top.refs) && n+len(o.top.refs[i+1].page.ids) <= pageMax/2:
		next := o.top.refs[i+1].page
		p = o.ownPage(a, i)
		before := p.bytes() + next.bytes()
		p.ids = append(append(make([]ID, 0, pageMax), p.ids...), next.ids...)
		p.values = append(append(make([]V, 0, pageMax), p.values...), next.values...)
		o.charge(a, p.bytes()-before)
		o.removeRefs(a, i+1, i+2)
	case cap(p.ids) > pageMin && n <= cap(p.ids)/4:
		o.resize(a, o.ownPage(a, i), cap(p.ids)/2)
	}
}

// removeRefs removes pages from the list.
func (o *ordered[V]) removeRefs(a *account, from, to int) {
	o.own(a)
	before := o.top.bytes()
	switch refs := o.top.refs; {
	case len(refs) == 1 && to-from == 1 && len(refs[0].page.ids) == 0 && cap(refs[0].page.ids) == pageMin:
		o.top.refs = refs[:0]
	case to-from == len(refs):
		o.charge(a, -before)
		o.top = nil
		return
	case from == 0:
		clear(refs[:to])
		o.top.refs, o.top.lead = refs[to:], o.top.lead+to
	default:
		o.top.refs = slices.Delete(refs, from, to)
	}
	if t := o.top; t.lead+cap(t.refs) > 16 && len(t.refs) < (t.lead+cap(t.refs))/4 {
		t.refs, t.lead = slices.Clone(t.refs), 0
	}
	o.charge(a, o.top.bytes()-before)
}
