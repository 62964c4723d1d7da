package keyspace

import (
	"bytes"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// TestPieces: the pieces of a string are its bytes, wherever they lie.
func TestPieces(t *testing.T) {
	s := New(Config{})
	key := []byte("k")
	slot := slots.Of(key)
	whole := bytes.Repeat([]byte("0123456789"), 3*chunkSize/10)
	sparse := append(make([]byte, 5*chunkSize), "end"...)
	for name, want := range map[string][]byte{"small": []byte("abc"), "whole": whole, "sparse": sparse} {
		err := s.Update(slot, func(tx *Tx) error {
			tx.Delete(key)
			if name != "sparse" {
				return tx.Put(key, String, want, 0)
			}
			return tx.SetRange(key, 5*chunkSize, []byte("end"))
		})
		if err != nil {
			t.Fatal(err)
		}
		if name == "whole" { // in chunks from now on
			s.Update(slot, func(tx *Tx) error { return tx.SetRange(key, 0, []byte("0")) })
		}
		s.View(slot, func(tx *Tx) error {
			text, _ := tx.String(key)
			for _, span := range [][2]int{{0, len(want)}, {1, len(want) - 1}, {0, 0}, {len(want), len(want)}, {2, 3},
				{len(want) / 2, len(want)}} {
				var got []byte
				for piece := range text.Pieces(span[0], span[1]) {
					got = append(got, piece...)
				}
				if !bytes.Equal(got, want[span[0]:span[1]]) {
					t.Errorf("%s: bytes %d to %d: got %d others", name, span[0], span[1], len(got))
				}
			}
			for range text.Pieces(0, len(want)) {
				break // must not go on
			}
			return nil
		})
	}
}
