package replication

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// logged is what a LogCursor has brought.
type logged struct {
	start int64
	data  []byte
	names []History // with the offsets at which they came
}

func (l *logged) read(t *testing.T, c *LogCursor) {
	t.Helper()
	for {
		b, name, renamed, err := c.Next(1 + rand.IntN(500))
		switch {
		case err != nil:
			t.Fatal(err)
		case renamed:
			if name.Offset != l.start+int64(len(l.data)) {
				t.Fatalf("the name of offset %d came at %d", name.Offset, l.start+int64(len(l.data)))
			}
			l.names = append(l.names, name)
		case len(b) == 0:
			return
		default:
			l.data = append(l.data, b...)
		}
	}
}

// replay carries out a log up to an offset, by pieces of any size.
func (l *logged) replay(t *testing.T, r *Replay, to int64) {
	t.Helper()
	names := l.names
	for at := l.start; ; {
		for len(names) > 0 && names[0].Offset == at {
			if err := r.Rename(names[0]); err != nil {
				t.Fatal(err)
			}
			names = names[1:]
		}
		if at == to {
			return
		}
		next := min(to, at+1+rand.Int64N(300))
		if len(names) > 0 {
			next = min(next, names[0].Offset)
		}
		if err := r.Append(at, l.data[at-l.start:next-l.start]); err != nil {
			t.Fatal(err)
		}
		at = next
	}
}

// A log that goes on through renames brings a new store to the same data and place, from a
// base of the middle; and from each shorter prefix to a place that the history contains.
func TestLogReplay(t *testing.T) {
	store, stream := newMaster()
	cur, first := stream.OpenLog(store.Len())
	l := logged{start: first.Offset}
	put := func(n int) {
		for range n {
			fill(t, store, 1+rand.IntN(40), rand.IntN(100))
			if _, err := stream.PutMetadata("note", fmt.Append(nil, rand.Int())); err != nil {
				t.Fatal(err)
			}
			if rand.IntN(2) == 0 {
				l.read(t, cur)
			}
		}
	}
	put(10)
	stream.BeginTerm(7)
	put(5)
	base := snapshotNow(t, store, stream)
	stream.Follow()
	stream.Promote(9)
	put(5)
	l.read(t, cur)
	if len(l.names) != 2 || l.names[0].Term != 7+1 && l.names[0].Term != 7 || l.names[1].ID == first.ID {
		t.Fatalf("names: %+v", l.names)
	}
	end := stream.History()
	for i := range 30 {
		to := end.Offset
		again := keyspace.New(keyspace.Config{})
		from, err := ReadSnapshot(bytes.NewReader(base), again, nil)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			to = from.History.Offset + rand.Int64N(end.Offset-from.History.Offset)
		}
		r, err := NewReplay(again, from, 0)
		if err != nil {
			t.Fatal(err)
		}
		l.replay(t, r, to)
		got := r.Stream().History()
		if got.Offset+int64(r.Incomplete()) != to || !end.contains(Position{got.ID, got.Offset}) {
			t.Fatalf("replayed up to %d: %v and %d bytes, not part of %v", to, got, r.Incomplete(), end)
		}
		if i > 0 {
			continue
		}
		if got != end {
			t.Fatalf("replayed all: %+v, want %+v", got, end)
		}
		diff(t, again, store)
		restored := NewStream(StreamConfig{NewID: randomID})
		restored.RestoreLog(r.Stream())
		h := restored.History()
		if h.ID == end.ID || h.PrevID != end.ID || h.Offset != end.Offset || h.PrevLimit != end.Offset || h.Term != end.Term {
			t.Fatalf("restored: %+v", h)
		}
		if !bytes.Equal(restored.Metadata()["note"], stream.Metadata()["note"]) {
			t.Error("the metadata are not those of the log")
		}
		behind := Position{end.ID, (from.History.Offset + end.Offset) / 2}
		if _, _, why, err := restored.Join([]Position{behind}, 0); err != nil || why != "" {
			t.Errorf("a replica at %v, a little behind: %s, %v", behind, why, err)
		}
	}
}

// A gap, or bytes that are no records, are errors.
func TestReplayRefuses(t *testing.T) {
	base := Snapshot{History: History{ID: randomID(), Offset: 100}}
	r, err := NewReplay(keyspace.New(keyspace.Config{}), base, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Append(50, make([]byte, 50)); err != nil {
		t.Errorf("what the base contains: %v", err)
	}
	if err := r.Append(101, []byte{1}); !errors.Is(err, frame.ErrCorrupt) {
		t.Errorf("a gap: %v", err)
	}
	if err := r.Append(90, make([]byte, 20)); !errors.Is(err, frame.ErrCorrupt) {
		t.Errorf("zeros behind the base: %v", err)
	}
}

// Slowness does not end a LogCursor, another stream does.
func TestLogCursorEnds(t *testing.T) {
	stream := NewStream(StreamConfig{NewID: randomID, Size: 4 << 10, OutputBuffer: 8 << 10})
	cur, h := stream.OpenLog(0)
	l := logged{start: h.Offset}
	op := putOp("k", make([]byte, 1000))
	for range 100 {
		stream.Commit(op.Slot, []keyspace.Op{op})
	}
	if l.read(t, cur); l.start+int64(len(l.data)) != stream.Offset() {
		t.Errorf("%d bytes from %d, the stream is at %d", len(l.data), l.start, stream.Offset())
	}
	gathered := NewStream(StreamConfig{Size: 4 << 10})
	gathered.begin(History{ID: randomID(), Offset: 5})
	stream.Follow()
	stream.Adopt(gathered)
	if _, _, _, err := cur.Next(1); !errors.Is(err, ErrRenamed) {
		t.Errorf("after a full sync: %v", err)
	}
	cur.Close()
	if len(stream.logs) != 0 || len(stream.ring.readers) != 0 {
		t.Error("something is left of the log's reader")
	}
}

// snapshotNow returns a snapshot of a store and its stream as they are.
func snapshotNow(t *testing.T, store *keyspace.Store, stream *Stream) []byte {
	t.Helper()
	c, file := stream.Snapshot(store.Len(), nil)
	defer c.Close()
	s := NewSender(SenderConfig{Store: store, Source: c, Offset: c.Offset(), Full: true, Covered: stream.Offset})
	for s.Holdable() < 0 {
		var err error
		if file, err = s.Next(file, 0); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// diff compares what two stores hold.
func diff(t *testing.T, got, want *keyspace.Store) {
	t.Helper()
	for slot := range slots.Slot(slots.Count) {
		if g, w := content(t, got, slot), content(t, want, slot); g != w {
			t.Fatalf("slot %d: %s, want %s", slot, g, w)
		}
	}
}

func content(t *testing.T, s *keyspace.Store, slot slots.Slot) (text string) {
	t.Helper()
	var cur keyspace.DumpCursor
	for done := false; !done; {
		var err error
		cur, done, err = s.Dump(slot, cur, 1<<20, func(op keyspace.Op) error {
			text += fmt.Sprintf("%q=%q@%d ", op.Key, op.Value, op.ExpireAt)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return text
}
