package keyspace

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// handedOut is a value that a string gave to somebody, and what it was then.
type handedOut struct{ value, was []byte }

// TestLongStringDoesWhatBytesDo changes a string and its clones at random and compares them
// with plain bytes. Whatever was handed out must stay as it was.
func TestLongStringDoesWhatBytesDo(t *testing.T) {
	for seed := range testSeeds(t, 6) {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		value := randomBytes(r, r.IntN(3*chunkSize)+1)
		strings, models := []*longString{newLongString(value)}, [][]byte{bytes.Clone(value)}
		kept := []handedOut{{value, bytes.Clone(value)}}
		for range 150 {
			i := r.IntN(len(strings))
			s, model := strings[i], models[i]
			switch r.IntN(8) {
			case 0: // hand it out
				got := s.contiguous()
				if len(got) != cap(got) {
					t.Fatal("a value that was handed out has room behind it")
				}
				kept = append(kept, handedOut{got, bytes.Clone(got)})
			case 1:
				if len(strings) < 4 {
					strings, models = append(strings, s.clone().(*longString)), append(models, bytes.Clone(model))
				}
			case 2: // a write that is taken back
				offset, part := randomRange(r, len(model))
				before := s.before(offset, len(part), nil)
				s.write(offset, part)
				if r.IntN(2) == 0 {
					got := s.contiguous()
					kept = append(kept, handedOut{got, bytes.Clone(got)})
				}
				s.undo(before)
			case 3, 4: // APPEND
				part := randomBytes(r, r.IntN(300)+1)
				s.write(s.length, part)
				models[i] = append(models[i], part...)
			default:
				offset, part := randomRange(r, len(model))
				s.write(offset, part)
				models[i] = writeRange(model, offset, part)
			}
			checkLongString(t, seed, s, models[i])
		}
		for i := range strings {
			checkLongString(t, seed, strings[i], models[i])
		}
		for _, k := range kept {
			if !bytes.Equal(k.value, k.was) {
				t.Fatalf("seed %d: a value that was handed out has changed", seed)
			}
		}
	}
}

func randomRange(r *rand.Rand, length int) (offset int, part []byte) {
	offset = r.IntN(length + 1)
	switch r.IntN(10) {
	case 0:
		offset = length + r.IntN(3*chunkSize)
	case 1:
		offset = offset / chunkSize * chunkSize
	}
	n := 1 + r.IntN(100)
	if r.IntN(20) == 0 {
		n = r.IntN(2 * chunkSize)
	}
	return offset, randomBytes(r, n)
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func checkLongString(t *testing.T, seed int, s *longString, want []byte) {
	t.Helper()
	if s.length != len(want) || !bytes.Equal(s.appendTo(nil, 0, s.length), want) {
		t.Fatalf("seed %d: the string has %d bytes and differs from the %d that it should be", seed, s.length, len(want))
	}
	held, lent := int64(0), 0
	for i := range s.chunks {
		c := &s.chunks[i]
		if n := len(c.bytes()); n != chunkSize && (i < len(s.chunks)-1 || n == 0) {
			t.Fatalf("seed %d: chunk %d of %d has %d bytes", seed, i, len(s.chunks), n)
		}
		if c.lent {
			lent++
		} else {
			held += int64(cap(c.b))
		}
	}
	if lent > 0 {
		held += int64(cap(s.flat))
	} else if s.flat != nil {
		t.Fatalf("seed %d: a value is kept that no chunk is in", seed)
	}
	if held != s.held || lent != s.lent {
		t.Fatalf("seed %d: %d bytes are held and %d chunks lent, accounted for are %d and %d", seed, held, lent, s.held,
			s.lent)
	}
}

// TestLongStringWalk copies a string by its parts while it grows.
func TestLongStringWalk(t *testing.T) {
	s := newLongString(bytes.Repeat([]byte("x"), 3*chunkSize+7))
	s.write(10*chunkSize, []byte("end"))
	s.write(5*chunkSize-1, []byte("middle"))
	var target []byte
	var at partCursor
	for n, done := 0, false; !done; n++ {
		one := 0
		at, done = s.walk(at, func(part, value []byte, _ int64) bool {
			if one++; one > 1 {
				return false
			}
			target = stringForm{}.set(target, part, value, 0)
			return true
		})
		if n == 3 {
			s.write(s.length, []byte("more"))
		}
	}
	if want := s.contiguous(); !bytes.Equal(target, want) {
		t.Errorf("the parts make %d bytes, the string has %d", len(target), len(want))
	}
	if n := slices.IndexFunc(s.chunks, func(c chunk) bool { return c.b == nil }); n >= 0 {
		t.Errorf("chunk %d of a contiguous string has no memory", n)
	}
}

func TestOffsetsOfStrings(t *testing.T) {
	s := newLongString([]byte("abc"))
	for _, part := range [][]byte{nil, make([]byte, 7), make([]byte, 9), bytes.Repeat([]byte{0xff}, 8),
		appendOffset(nil, maxString)} {
		if err := s.set(part, []byte("x"), 0); err == nil {
			t.Errorf("the offset %x is accepted", part)
		}
		if got := (stringForm{}).set([]byte("abc"), part, []byte("x"), 0); string(got) != "abc" {
			t.Errorf("the offset %x made %q of a small string", part, got)
		}
	}
	if s.length != 3 {
		t.Errorf("the string has %d bytes now", s.length)
	}
}

// TestAppendCopiesNothing appends to a string of 50 MB.
func TestAppendCopiesNothing(t *testing.T) {
	s := newLongString(make([]byte, 50<<20))
	s.write(s.length, []byte("x"))
	if n := testing.AllocsPerRun(200, func() { s.write(s.length, []byte("x")) }); n > 0 {
		t.Errorf("an append of a byte allocates %v times", n)
	}
}
