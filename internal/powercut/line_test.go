package powercut

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// line is what was written to one line of history, in its order.
type line struct {
	start    int64 // the stream offset before the first write
	writes   []write
	names    []replication.History // each holds from its Offset on
	promised int64                 // the stream offset up to which a client was told that it is on disk
}

// write is a transaction.
type write struct {
	end    int64             // the stream offset behind it
	values map[string]string // what keys are now; none if ""
}

// noteKey stands for a note among the keys of a write.
const noteKey = "note"

// state returns what the keys are after the first n writes.
func (l *line) state(n int) map[string]string {
	state := make(map[string]string)
	for _, w := range l.writes[:n] {
		maps.Copy(state, w.values)
	}
	maps.DeleteFunc(state, func(_, value string) bool { return value == "" })
	return state
}

// count returns how many writes end at an offset or before it; an offset within one is an
// error.
func (l *line) count(offset int64) (int, error) {
	n, found := slices.BinarySearchFunc(l.writes, offset, func(w write, at int64) int { return int(w.end - at) })
	switch {
	case found:
		return n + 1, nil
	case n == 0 && offset == l.start:
		return 0, nil
	}
	return 0, fmt.Errorf("offset %d is not the end of a write", offset)
}

// named reports whether the history had the names of h at h.Offset.
func (l *line) named(h replication.History) bool {
	for i, n := range l.names {
		from, until := n.Offset, int64(1)<<62
		if i+1 < len(l.names) {
			until = l.names[i+1].Offset
		}
		n.Offset = h.Offset
		if n == h && from <= h.Offset && h.Offset <= until {
			return true
		}
	}
	return false
}

// check compares what a start has found with what was written, and forgets what is lost: a
// client was never told that it is on disk.
func (l *line) check(h replication.History, store *keyspace.Store, metadata map[string][]byte) error {
	n, err := l.count(h.Offset)
	if err != nil {
		return err
	}
	if n < len(l.writes) && l.writes[n].end <= l.promised {
		return fmt.Errorf("it comes back at offset %d, clients were told that %d is on disk", h.Offset, l.promised)
	}
	want := l.state(n)
	got := map[string]string{}
	for name, data := range metadata {
		got[name] = string(data)
	}
	for key := range allKeys {
		if value, ok := read(store, key); ok {
			got[key] = value
		}
	}
	if !maps.Equal(got, want) || store.Len() != len(want)-len(metadata) {
		return fmt.Errorf("after %d writes the data is %.20q, want %.20q", n, got, want)
	}
	l.writes, l.promised = l.writes[:n], min(l.promised, h.Offset)
	l.names = slices.DeleteFunc(l.names, func(n replication.History) bool { return n.Offset > h.Offset })
	return nil
}

func read(store *keyspace.Store, key string) (value string, ok bool) {
	k := []byte(key)
	store.View(slots.Of(k), func(tx *keyspace.Tx) error {
		var e keyspace.Entry
		if e, ok = tx.Get(k); ok {
			value = string(e.Value)
		}
		return nil
	})
	return value, ok
}

// allKeys yields the keys that there may be: some in a slot, so that transactions have
// several.
func allKeys(yield func(string) bool) {
	for i := range keyTags {
		for j := range keysOfTag {
			if !yield(keyName(i, j)) {
				return
			}
		}
	}
}

const (
	keyTags   = 4
	keysOfTag = 4
)

func keyName(tag, i int) string { return fmt.Sprintf("{%d}%d", tag, i) }
