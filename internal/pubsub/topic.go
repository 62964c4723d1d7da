package pubsub

import (
	"slices"
	"sync"
)

// topic is one channel or pattern that somebody has subscribed to.
type topic struct {
	name string

	mu   sync.Mutex
	subs []Subscriber
	at   map[Subscriber]int // where they are in subs; nil while they are few
}

// fewSubscribers are found by looking at each.
const fewSubscribers = 16

// add reports whether s was not there yet.
func (t *topic) add(s Subscriber) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.index(s) >= 0 {
		return false
	}
	t.addLocked(s)
	return true
}

func (t *topic) addLocked(s Subscriber) {
	t.subs = append(t.subs, s)
	switch {
	case t.at != nil:
		t.at[s] = len(t.subs) - 1
	case len(t.subs) > fewSubscribers:
		t.at = make(map[Subscriber]int, 2*fewSubscribers)
		for i, sub := range t.subs {
			t.at[sub] = i
		}
	}
}

// remove reports whether s was there, and how many are left.
func (t *topic) remove(s Subscriber) (removed bool, left int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.index(s)
	if i < 0 {
		return false, len(t.subs)
	}
	last := len(t.subs) - 1
	if t.at != nil {
		t.at[t.subs[last]] = i
		delete(t.at, s)
	}
	t.subs[i], t.subs[last] = t.subs[last], nil
	t.subs = t.subs[:last]
	if last <= fewSubscribers/2 {
		t.at = nil
		if cap(t.subs) > 2*fewSubscribers {
			t.subs = slices.Clone(t.subs)
		}
	}
	return true, last
}

func (t *topic) index(s Subscriber) int {
	if t.at == nil {
		return slices.Index(t.subs, s)
	}
	if i, ok := t.at[s]; ok {
		return i
	}
	return -1
}

func (t *topic) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.subs)
}

// publish hands a message to all subscribers and returns their number.
func (t *topic) publish(kind Kind, publisher Subscriber, channel, payload []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.subs) == 0 {
		return 0
	}
	pattern := ""
	if kind == Pattern {
		pattern = t.name
	}
	m := newMessage(kind, pattern, publisher, channel, payload)
	for _, s := range t.subs {
		s.Deliver(m)
	}
	return len(t.subs)
}

// drop ends all subscriptions but those that stay, and returns how many of both there were.
func (t *topic) drop() (dropped, left int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	subs := t.subs
	t.subs, t.at = nil, nil
	for _, s := range subs {
		if s.Drop(t.name) {
			t.addLocked(s)
		}
	}
	return len(subs) - len(t.subs), len(t.subs)
}
