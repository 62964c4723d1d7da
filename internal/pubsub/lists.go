package pubsub

import (
	"iter"
	"maps"
	"slices"
)

// Len returns how many names of a kind have subscribers.
func (r *Registry) Len(kind Kind) (n int) {
	if kind == Pattern {
		return int(r.patterns.count.Load())
	}
	for i := range r.striped(kind) {
		n += r.striped(kind)[i].len()
	}
	return n
}

// Subscribers returns how many have subscribed to a name.
func (r *Registry) Subscribers(kind Kind, name string) int {
	if kind == Pattern {
		p := &r.patterns
		p.mu.RLock()
		defer p.mu.RUnlock()
		if i, ok := p.byName[name]; ok {
			return p.list[i].len()
		}
		return 0
	}
	st := r.stripeOf(kind, name)
	st.mu.RLock()
	defer st.mu.RUnlock()
	if t := st.topics[name]; t != nil {
		return t.len()
	}
	return 0
}

// Receivers returns how many subscribers a message to a channel would reach: for the kind
// Channel also those of patterns.
func (r *Registry) Receivers(kind Kind, channel []byte) (n int) {
	n = r.Subscribers(kind, string(channel))
	p := &r.patterns
	if kind != Channel || p.count.Load() == 0 {
		return n
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	for i := range p.list {
		if t := &p.list[i]; t.matches(channel) {
			n += t.len()
		}
	}
	return n
}

// Matching returns the names of a kind that have subscribers and match a pattern, as
// channels do.
func (r *Registry) Matching(kind Kind, pattern string) (list []string) {
	p := newPattern(pattern)
	for name := range r.Names(kind) {
		if p.matches([]byte(name)) {
			list = append(list, name)
		}
	}
	return list
}

// Names yields the names of a kind that have subscribers, in no order. Subscriptions may
// come and go meanwhile: what stays is yielded once.
func (r *Registry) Names(kind Kind) iter.Seq[string] {
	return func(yield func(string) bool) {
		if kind == Pattern {
			for _, name := range r.patternNames() {
				if !yield(name) {
					return
				}
			}
			return
		}
		for i := range r.striped(kind) {
			for _, name := range r.striped(kind)[i].names() {
				if !yield(name) {
					return
				}
			}
		}
	}
}

func (r *Registry) striped(kind Kind) *[stripes]stripe {
	if kind == Shard {
		return &r.shards
	}
	return &r.channels
}

func (r *Registry) patternNames() []string {
	r.patterns.mu.RLock()
	defer r.patterns.mu.RUnlock()
	return slices.Collect(maps.Keys(r.patterns.byName))
}

func (st *stripe) len() int {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return len(st.topics)
}

func (st *stripe) names() []string {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return slices.Collect(maps.Keys(st.topics))
}
