package server

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestPieces compares the queue with the bytes that went in, whatever the pieces.
func TestPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var q pieces
	var want, got, scratch []byte
	for range 20_000 {
		if q.len() == 0 || rnd.IntN(5) < 3 {
			b := bytes.Repeat([]byte{byte(rnd.IntN(256))}, 1+rnd.IntN(1<<rnd.IntN(15)))
			want = append(want, b...)
			q.add(b)
			continue
		}
		before := q.len()
		b, n := q.gather(&scratch)
		if n < 1 || q.len() != before-n || n > 1 && len(b) > gatherAt {
			t.Fatalf("gather took %d of %d pieces, %d bytes; %d are left", n, before, len(b), q.len())
		}
		written := rnd.IntN(len(b) + 1)
		got = append(got, b[:written]...)
		if written < len(b) {
			q.putBack(bytes.Clone(b[written:]))
		}
	}
	for q.len() > 0 {
		b, _ := q.gather(&scratch)
		got = append(got, b...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came out, %d went in, or their order differs", len(got), len(want))
	}
	for _, b := range q.list[:cap(q.list)] {
		if b != nil {
			t.Error("an empty queue keeps what was in it")
		}
	}
}

// TestPiecesLong: a long queue empties in time in proportion to its length.
func TestPiecesLong(t *testing.T) {
	var q pieces
	var scratch []byte
	b := bytes.Repeat([]byte{'x'}, 100)
	const n = 500_000
	for range n {
		q.add(b)
	}
	taken := 0
	for q.len() > 0 {
		_, n := q.gather(&scratch)
		taken += n
	}
	if taken != n || cap(q.list) > keepPieces {
		t.Errorf("took %d of %d; keeps %d places", taken, n, cap(q.list))
	}
}
