package acl

import (
	"math/rand/v2"
	"testing"

	"github.com/slotmesh/slotmesh/internal/glob"
)

func TestPatternIsGlob(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(alphabet string) string {
		b := make([]byte, random.IntN(6))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(b)
	}
	matched := 0
	for range 200_000 {
		p, s := newPattern(text(`aab*?[]\-^`)), text("aab")
		got, want := p.match([]byte(s)), glob.Match([]byte(p.text), []byte(s))
		if got != want {
			t.Fatalf("%q, %q: got %t, want %t", p.text, s, got, want)
		}
		if got {
			matched++
		}
	}
	if matched < 10_000 {
		t.Errorf("only %d matched", matched)
	}
}
