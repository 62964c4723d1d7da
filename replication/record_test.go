package replication

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestRecordBound checks that a record has room where ring.add makes it: a block must not
// move while it is written.
func TestRecordBound(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 1000)
	for kind := keyspace.OpPut; kind.String() != "unknown"; kind++ {
		ops := []keyspace.Op{{Kind: kind, Type: keyspace.Hash, Slot: 16383, Key: long, Part: long, Value: long,
			ExpireAt: 1 << 62, Version: 1 << 61}}
		if n, bound := len(appendRecord(nil, ops)), recordBound(ops); n > bound {
			t.Errorf("the record of a %v has %d bytes, its bound is %d", kind, n, bound)
		}
	}
}

// Records yields the same however its bytes come.
func TestRecordsInPieces(t *testing.T) {
	s := NewStream(StreamConfig{})
	tail, err := s.Tail(0)
	if err != nil {
		t.Fatal(err)
	}
	from := tail.Offset()
	store := keyspace.New(keyspace.Config{Sink: s})
	for i := range 200 {
		store.Update(slots.Slot(i%3), func(tx *keyspace.Tx) error {
			h, err := tx.Hash(fmt.Appendf(nil, "h%d", i%5))
			if err != nil {
				return err
			}
			if i%7 == 0 {
				h.Delete([]byte("f"))
			}
			h.Set([]byte("f"), bytes.Repeat([]byte("v"), i))
			_, err = h.Set([]byte("g"), []byte("w"))
			return err
		})
		if i%50 == 0 {
			s.PutMetadata("note", fmt.Append(nil, i))
		}
	}
	var all []byte
	for {
		b, err := tail.Next(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			break
		}
		all = append(all, b...)
	}
	want := ""
	for _, piece := range []int{len(all), 1, 2, 7, 100, 1000} {
		got := readRecords(t, NewRecords(from), all, piece)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("in pieces of %d bytes:\n%.300s\nwant\n%.300s", piece, got, want)
		}
		if !strings.Contains(got, fmt.Sprintf("end %d\n", s.Offset())) {
			t.Fatalf("the last record does not end at %d", s.Offset())
		}
	}
	if !strings.Contains(want, "cut hash") && !strings.Contains(want, "delete hash") {
		t.Error("no type of a part that was cut")
	}
}

func readRecords(t *testing.T, r *Records, b []byte, piece int) string {
	t.Helper()
	var text strings.Builder
	for c := range slices.Chunk(b, piece) {
		r.Write(slices.Clone(c))
		for {
			rec, ok, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			for i := range rec.Ops {
				op := &rec.Ops[i]
				fmt.Fprintf(&text, "%v %v %q %q %q\n", op.Kind, op.Type, op.Key, op.Part, op.Value)
			}
			fmt.Fprintf(&text, "metadata %v end %d\n", rec.Metadata, rec.End)
		}
	}
	return text.String()
}

// FuzzRecords gives Records bytes that no stream has.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{}, 1)
	f.Add(appendRecord(nil, []keyspace.Op{{Kind: keyspace.OpPut, Key: []byte("k"), Value: []byte("v")}}), 3)
	f.Add(appendRecord(nil, []keyspace.Op{{Kind: keyspace.OpCut, Type: keyspace.Set, Key: []byte("k")}}), 100)
	f.Add(appendNotes(nil, []Note{{"name", []byte("data")}}), 5)
	f.Add([]byte{ext32, 0xff, 0xff, 0xff, 0xff, recordCommit, 1, 2, 3}, 2)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		r := NewRecords(0)
		for c := range slices.Chunk(b, max(1, piece)) {
			r.Write(c)
			for {
				rec, ok, err := r.Next()
				if err != nil {
					return
				}
				if !ok {
					break
				}
				if rec.End > int64(len(b)) {
					t.Fatalf("a record ends at %d of %d bytes", rec.End, len(b))
				}
			}
		}
	})
}
