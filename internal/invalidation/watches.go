package invalidation

import (
	"slices"
	"strings"
	"sync"

	"github.com/slotmesh/slotmesh/slots"
)

// Change says what may have changed of the keys under a prefix.
type Change struct {
	// Key is the key that has changed, if not All.
	Key string
	// All says that any key may have changed …
	All bool
	// … of these slots; nil means of every slot. It must not be changed.
	Slots *slots.Set
}

// watch is a prefix of this node, with what hears of changes.
type watch struct {
	Prefix
	changed func(Change)
}

// watches are the prefixes of this node. What they call must not block.
type watches struct {
	mu      sync.RWMutex // guards the fields below
	list    []*watch
	version uint64 // grows when a prefix is added that copies are kept under
}

// add adds a prefix; remove takes it out again.
func (w *watches) add(p Prefix, changed func(Change)) (remove func()) {
	one := &watch{p, changed}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(slices.Clip(w.list), one)
	if p.Awaited {
		w.version++
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.list = slices.DeleteFunc(slices.Clone(w.list), func(o *watch) bool { return o == one })
	}
}

// registered returns the prefixes to register, each once. If there are too many, it is the
// prefix of all keys.
func (w *watches) registered() (list []Prefix, version uint64) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	awaited := make(map[string]bool)
	for _, one := range w.list {
		text := one.Text[:min(len(one.Text), maxPrefix)]
		awaited[text] = awaited[text] || one.Awaited
	}
	if len(awaited) > MaxPrefixes {
		every := Prefix{}
		for _, copies := range awaited {
			every.Awaited = every.Awaited || copies
		}
		return []Prefix{every}, w.version
	}
	for text, copies := range awaited {
		list = append(list, Prefix{text, copies})
	}
	slices.SortFunc(list, func(a, b Prefix) int { return strings.Compare(a.Text, b.Text) })
	return list, w.version
}

// key tells the watches of the prefixes that a key has.
func (w *watches) key(key []byte) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	text := ""
	for _, one := range w.list {
		if strings.HasPrefix(string(key), one.Text) {
			if text == "" {
				text = string(key)
			}
			one.changed(Change{Key: text})
		}
	}
}

// all tells every watch.
func (w *watches) all(set *slots.Set) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, one := range w.list {
		one.changed(Change{All: true, Slots: set})
	}
}
