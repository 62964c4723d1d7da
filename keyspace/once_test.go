package keyspace

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// Segments split and merge while the slot is walked in small steps: keys that stay are seen
// once, no key is seen twice.
func TestEachOnce(t *testing.T) {
	for seed := range uint64(20) {
		s := New(Config{})
		rnd := rand.New(rand.NewPCG(seed, 1))
		const stay = 3000
		for i := range stay {
			putString(t, s, 5, fmt.Sprintf("stay:%d", i), strings.Repeat("v", rnd.IntN(100)), 0)
		}
		c := &churner{s: s, rnd: rnd}
		for range rnd.IntN(40) {
			c.step(t, 6000)
		}
		seen := make(map[string]bool)
		var at OnceCursor
		for done := false; !done; {
			var err error
			at, done, err = s.EachOnce(5, at, rnd.IntN(20_000), func(k Snapshot) error {
				if seen[string(k.Key())] {
					t.Fatalf("seed %d: %q comes twice", seed, k.Key())
				}
				seen[string(k.Key())] = true
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(2) == 0 {
				c.step(t, 6000)
			}
			if len(at.seen) > prefixBits {
				t.Fatalf("the cursor remembers %d parts", len(at.seen))
			}
		}
		for i := range stay {
			if !seen[fmt.Sprintf("stay:%d", i)] {
				t.Fatalf("seed %d: stay:%d does not come", seed, i)
			}
		}
	}
}

func TestEachOnceTypes(t *testing.T) {
	s := New(Config{})
	err := s.Update(0, func(tx *Tx) error {
		h, _ := tx.Hash([]byte("small"))
		h.Set([]byte("f"), []byte("v"))
		large, _ := tx.Set([]byte("large"))
		for i := range 20_000 {
			large.Add(fmt.Appendf(nil, "member %d", i))
		}
		return tx.Put([]byte("string"), String, []byte("text"), 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	var kept Snapshot
	got := map[string]string{}
	var at OnceCursor
	for done := false; !done; { // a large one ends a call
		at, done, err = s.EachOnce(0, at, 1<<20, func(k Snapshot) error {
			got[string(k.Key())] = fmt.Sprintf("%v %q %d %s", k.Entry().Type, k.text(), k.Len(), k.Encoding())
			if k.Large() {
				kept = k
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Drop(0)
	if string(kept.Key()) != "large" || kept.Len() != 20_000 {
		t.Errorf("kept %q of %d parts", kept.Key(), kept.Len())
	}
	want := map[string]string{"small": `hash "" 1 listpack`, "large": `set "" 20000 hashtable`, "string": `string "text" 0 `}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	wrong := errors.New("enough")
	putString(t, s, 0, "a", "b", 0)
	if _, _, err := s.EachOnce(0, OnceCursor{}, 1, func(Snapshot) error { return wrong }); err != wrong {
		t.Errorf("error %v", err)
	}
	if _, done, err := s.EachOnce(slots.Slot(9), OnceCursor{}, 1, nil); !done || err != nil {
		t.Error("a slot without keys", done, err)
	}
}

// text returns the value of a String.
func (s Snapshot) text() string {
	if s.e.Type != String {
		return ""
	}
	return string(s.e.Value)
}
