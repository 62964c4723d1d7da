package replication

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func putOp(key string, value []byte) keyspace.Op {
	return keyspace.Op{Kind: keyspace.OpPut, Slot: slots.OfString(key), Key: []byte(key), Value: value, Version: 1}
}

// readAll reads what r has not read yet.
func readAll(t *testing.T, r *Cursor) (all []byte) {
	t.Helper()
	for {
		b, err := r.Next(1 + rand.IntN(5000))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			return all
		}
		all = append(all, b...)
	}
}

func TestStreamReadersSeeTheSameBytesAtEveryOffset(t *testing.T) {
	b := NewStream(StreamConfig{Size: 64 << 10})
	b.Hold(0)
	first, _ := b.Snapshot(0, nil)
	at := map[int64]int64{} // offsets of record boundaries
	for i := range 3000 {
		size := rand.IntN(200)
		if i%500 == 499 {
			size = 200_000 // larger than a block, and than the whole backlog
		}
		op := putOp("k", bytes.Repeat([]byte{byte(i)}, size))
		b.Commit(op.Slot, []keyspace.Op{op})
		at[b.Offset()] = b.Offset()
	}
	all := readAll(t, first)
	if int64(len(all)) != b.Offset() {
		t.Fatalf("%d bytes read, offset %d", len(all), b.Offset())
	}
	for rest := all; len(rest) > 0; {
		_, _, after, err := splitRecord(rest)
		if err != nil {
			t.Fatal(err)
		}
		rest = after
		if _, ok := at[int64(len(all)-len(rest))]; !ok {
			t.Fatal("a record ends where no commit did")
		}
	}
	b.SetSize(64 << 10) // trims: the first reader is through
	info := b.Info()
	if info.Len < 64<<10 || info.First == 0 {
		t.Fatalf("kept %d bytes from %d", info.Len, info.First)
	}
	for range 20 {
		from := info.First + rand.Int64N(info.Len)
		r := b.open(from)
		if got := readAll(t, r); !bytes.Equal(got, all[from:]) {
			t.Fatalf("a reader from %d got other bytes", from)
		}
		r.Close()
	}
}

func TestStreamCutsOffSlowReaders(t *testing.T) {
	b := NewStream(StreamConfig{Size: 16 << 10, OutputBuffer: 1 << 20})
	b.Hold(0)
	slow, _ := b.Snapshot(0, nil)
	fast, _ := b.Snapshot(0, nil)
	op := []keyspace.Op{putOp("k", make([]byte, 10<<10))}
	for range 100 {
		b.Commit(0, op)
		readAll(t, fast)
	}
	if held := b.Info().Len; held < 1000<<10 {
		t.Fatalf("%d bytes held although a reader within its limit needs them", held)
	}
	for range 20 {
		b.Commit(0, op)
		readAll(t, fast)
	}
	if _, err := slow.Next(1); !errors.Is(err, ErrOverrun) {
		t.Fatalf("a reader beyond its limit: %v", err)
	}
	if held := b.Info().Len; held > 64<<10 {
		t.Fatalf("%d bytes held for nobody", held)
	}
	// One record over the limit passes if the reader had read all before it.
	huge := []keyspace.Op{putOp("k", make([]byte, 3<<20))}
	b.Commit(0, huge)
	if got := readAll(t, fast); len(got) < 3<<20 {
		t.Fatalf("%d bytes of the huge record", len(got))
	}
}

func TestFollowerThatIsWrittenToHasDiverged(t *testing.T) {
	b := NewStream(StreamConfig{NewID: randomID})
	b.begin(History{ID: ID{1}, Offset: 100})
	if len(b.Positions()) != 1 {
		t.Fatal("a follower in order has a place to resume at")
	}
	b.Commit(0, []keyspace.Op{putOp("stray", nil)})
	if b.Offset() != 100 || len(b.Positions()) != 0 || b.Resume(History{ID: ID{1}}, 100) == nil ||
		b.Append([]byte{1}) == nil {
		t.Fatal("a follower that was written to must not go on")
	}
	if h := b.Promote(0); !h.PrevID.IsZero() || len(b.Positions()) != 1 {
		t.Fatalf("promoted, it has a history of its own only: %+v", h)
	}
}

// A node that lost what it wrote before its first replica came must not stand where the
// replica does.
func TestUncountedPastCounts(t *testing.T) {
	for _, c := range []struct {
		name string
		keys int
		want int64
	}{{"an empty store", 0, 0}, {"a store with keys", 3, 1}} {
		b := NewStream(StreamConfig{NewID: randomID})
		r, _, _, err := b.Join(nil, c.keys)
		if err != nil || r.Offset() != c.want || b.Offset() != c.want {
			t.Errorf("%s: its history begins at %d, %v, want %d", c.name, b.Offset(), err, c.want)
		}
	}
	b := NewStream(StreamConfig{NewID: randomID})
	b.Hold(3)
	saved := b.Offset()
	b.Release()
	b.Commit(0, []keyspace.Op{putOp("unseen", nil)})
	if _, _, _, err := b.Join(nil, 0); err != nil || b.Offset() <= saved {
		t.Errorf("a replica joins at %d, %v, where the old snapshot stands, %d", b.Offset(), err, saved)
	}
}
