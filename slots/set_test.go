package slots

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestSetParsePrint(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "",
		"0-5460 5462":       "0-5460 5462",
		"5462,0-5460":       "0-5460 5462",
		"1 2 3 5":           "1-3 5",
		"16383":             "16383",
		"63-64 127-128":     "63-64 127-128",
		" 7\t 7-9\n":        "7-9",
		"0-8191 8192-16383": "0-16383",
	} {
		s, err := ParseSet(in)
		if err != nil {
			t.Errorf("ParseSet(%q): %v", in, err)
		} else if got := s.String(); got != want {
			t.Errorf("ParseSet(%q) prints %q, want %q", in, got, want)
		}
	}
	for _, bad := range []string{"5-3", "1-", "-1", "0-16384", "a", "1--2"} {
		if _, err := ParseSet(bad); err == nil {
			t.Errorf("ParseSet(%q) gave no error", bad)
		} else if !strings.Contains(err.Error(), "slots:") {
			t.Errorf("ParseSet(%q): error without its origin: %v", bad, err)
		}
	}
}

func TestSetShort(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"0-8191 16383":                "0-8191 16383",
		"0 2 4 6 8 10 12 14-20":       "0 2 4 6 8 10 12 14-20",
		"0 2 4 6 8 10 12 14-20 30-33": "0 2 4 6 8 10 12 14-20 … (18 slots)",
	} {
		if s, err := ParseSet(in); err != nil || s.Short() != want {
			t.Errorf("%q in short is %q, want %q (%v)", in, s.Short(), want, err)
		}
	}
}

func TestSetAlgebra(t *testing.T) {
	a, b := NewSet(1, 2, 3, 64), NewSet(3, 64, 16383)
	u := a
	u.Union(&b)
	d := a
	d.Subtract(&b)
	i := a
	i.Intersect(&b)
	for _, c := range []struct {
		name, want string
		set        Set
		n          int
	}{{"union", "1-3 64 16383", u, 5}, {"difference", "1-2", d, 2}, {"intersection", "3 64", i, 2}} {
		if c.set.String() != c.want || c.set.Len() != c.n {
			t.Errorf("%s = %q with %d slots, want %q with %d", c.name, c.set, c.set.Len(), c.want, c.n)
		}
	}
	a.Remove(64)
	if a.Has(64) || !a.Has(3) || a.Empty() {
		t.Errorf("after Remove(64): %s", a)
	}
	if f := Full(); f.Len() != Count {
		t.Errorf("Full has %d slots", f.Len())
	}
}

func TestSetBinaryAndDigest(t *testing.T) {
	s := NewSet(0, 9, 16383)
	b := s.AppendBinaryTo(nil)
	if len(b) != SetSize || b[0] != 1 || b[1] != 2 || b[SetSize-1] != 0x80 {
		t.Fatalf("binary form: %d bytes, %x %x … %x", len(b), b[0], b[1], b[SetSize-1])
	}
	back, err := SetFromBinary(b)
	if err != nil || back != s || back.Digest() != s.Digest() {
		t.Fatalf("read back %s, %v", back, err)
	}
	if _, err := SetFromBinary(b[1:]); err == nil {
		t.Fatal("a short bitmap was accepted")
	}
}

func TestEven(t *testing.T) { // docs/spec.md §1.4
	var text []string
	for _, r := range Even(3) {
		text = append(text, r.String())
	}
	if !slices.Equal(text, []string{"0-5460", "5461-10922", "10923-16383"}) {
		t.Errorf("Even(3) = %v", text)
	}
	for _, n := range []int{-1, 0, 1, 2, 5, 6, 7, 100, 1000, Count, Count + 1} {
		var all Set
		total := 0
		for _, r := range Even(n) {
			all.AddRange(r)
			total += r.Len()
		}
		if total != Count || all.Len() != Count {
			t.Errorf("Even(%d) covers %d slots with %d", n, all.Len(), total)
		}
	}
}

func TestAllStopsEarly(t *testing.T) {
	full := Full()
	n := 0
	for range full.All() {
		if n++; n == 3 {
			break
		}
	}
	for range full.Ranges() {
		n++
		break
	}
	if n != 4 {
		t.Fatalf("n = %d", n)
	}
}

func FuzzParseSet(f *testing.F) {
	for _, s := range []string{"0-5460 5462", "16383", "1,2,3", "5-3", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSet(text)
		if err != nil {
			return
		}
		again, err := ParseSet(s.String())
		if err != nil || again != s {
			t.Fatalf("%q prints as %q, which reads as %v, %v", text, s, again, err)
		}
	})
}

// Runs of slots, put in and taken out whole, are what slots one by one are.
func TestRanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var set, byOne Set
		for range rng.IntN(40) {
			first := rng.IntN(Count)
			r := Range{Slot(first), Slot(min(Count-1, first+rng.IntN(1<<rng.IntN(13))))}
			set.AddRange(r)
			for slot := r.First; slot <= r.Last; slot++ {
				byOne.Add(slot)
			}
		}
		if rng.IntN(2) == 0 {
			set.AddRange(Range{Count - 1, Count - 1})
			byOne.Add(Count - 1)
		}
		var back Set
		end := -1
		for r := range set.Ranges() {
			if int(r.First) <= end+1 && end >= 0 || r.Last < r.First {
				t.Fatalf("range %v follows one that ends at %d", r, end)
			}
			end = int(r.Last)
			for slot := int(r.First); slot <= end; slot++ {
				back.Add(Slot(slot))
			}
		}
		if set != byOne || back != byOne {
			t.Fatalf("slots %s became %s and %s", byOne, set, back)
		}
	}
}
