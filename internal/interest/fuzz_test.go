package interest

import (
	"errors"
	"fmt"
	"testing"
)

// FuzzApply: whatever another node tells, the set stays within its bounds, and says no to
// what no Teller makes.
func FuzzApply(f *testing.F) {
	from := NewTeller()
	for i := range 5 {
		from.Want(Channel, fmt.Sprint("c", i), true)
		from.Want(Shard, fmt.Sprint("s", i), true)
		from.Want(Pattern, fmt.Sprint("p*", i), true)
	}
	from.Up(1, true)
	whole, _ := from.Next(1, nil)
	f.Add(whole)
	from.Want(Channel, "c1", false)
	from.Want(Pattern, "p*1", false)
	changes, _ := from.Next(1, nil)
	f.Add(changes)
	f.Add(append([]byte{9, flagWhole | flagMore}, whole[2:]...))
	f.Add([]byte{9, 0, entryOn | entryAll, entryAll, entryOn | byte(Pattern), 3, 'a', 'b', 'c'})
	f.Add([]byte("\x01\x00\x83\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Set
		for range 2 {
			if _, err := s.Apply(b); err != nil {
				if !errors.Is(err, ErrMalformed) {
					t.Fatalf("an error of another class: %v", err)
				}
				return
			}
		}
		s.wants(Channel, "a")
		s.wants(Shard, "a")
		names := 0
		for _, w := range []*wanted{&s.now, s.staged} {
			if w == nil {
				continue
			}
			bytes := 0
			for _, pattern := range w.patterns {
				bytes += len(pattern)
				names++
			}
			if bytes != w.bytes || bytes > MaxPatternBytes || len(w.patterns) > MaxPatterns {
				t.Fatalf("%d patterns of %d bytes, counted as %d", len(w.patterns), bytes, w.bytes)
			}
			for i := range w.digests {
				names += len(w.digests[i])
			}
		}
		if names > 2*len(b) {
			t.Fatalf("%d names of %d bytes", names, len(b))
		}
	})
}
