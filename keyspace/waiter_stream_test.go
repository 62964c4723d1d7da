package keyspace

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// streamWaiter returns a waiter for entries of a stream behind an ID, that reads; of a group,
// whose error tells that it is gone.
func (w *waitTest) streamWaiter(name, group string, behind stream.ID) (waiter *Waiter, asked *int) {
	got, calls := "", 0
	waiter = &Waiter{Type: Stream, Reads: group == "", Gone: group != ""}
	if group != "" {
		waiter.Wants = []byte(group)
	}
	waiter.Serve = func(tx *Tx, key []byte) (bool, error) {
		calls++
		s, err := tx.Stream(key)
		if err != nil || !s.Exists() {
			return false, errors.New("the stream is gone")
		}
		behind := behind
		if group != "" {
			g := s.Group([]byte(group))
			if g == nil {
				return false, errors.New("the group is gone")
			}
			behind = g.Last
		}
		last := s.State().Last
		if !behind.Less(last) {
			return false, nil
		}
		got = fmt.Sprintf("%s gets %s", name, last)
		if group != "" {
			return true, s.SetGroup([]byte(group), stream.GroupState{Last: last})
		}
		return true, nil
	}
	waiter.Wake = func() {
		if waiter.Err() != nil {
			got = name + ": " + waiter.Err().Error()
		}
		w.log = append(w.log, got)
	}
	return waiter, &calls
}

func (w *waitTest) onStream(fn func(s StreamRef)) {
	w.t.Helper()
	w.update(func(tx *Tx) error {
		s, err := tx.Stream([]byte("k"))
		if err == nil {
			fn(s)
		}
		return err
	})
	w.log = slices.DeleteFunc(w.log, func(line string) bool { return strings.Contains(line, "k=") })
}

func (w *waitTest) add(ms uint64) {
	w.t.Helper()
	w.onStream(func(s StreamRef) { s.Append(stream.ID{Ms: ms}, stream.AppendCount(nil, 0)) })
}

// TestOneEntryServesAllReaders: entries are read, not taken; only what is behind the ID that
// a reader waits for serves it.
func TestOneEntryServesAllReaders(t *testing.T) {
	w := newWaitTest(t)
	far, asked := w.streamWaiter("far", "", stream.ID{Ms: 3})
	for _, name := range []string{"a", "b", "c"} {
		reader, _ := w.streamWaiter(name, "", stream.ID{})
		w.enter(reader, "k")
	}
	w.enter(far, "k")
	w.put("other", "x")
	w.expect("put other=x")
	w.onStream(func(s StreamRef) { s.SetGroup([]byte("g"), stream.GroupState{}) })
	if *asked != 0 {
		t.Error("a reader was asked although there is no entry")
	}
	w.add(3)
	w.expect("a gets 3-0", "b gets 3-0", "c gets 3-0")
	w.onStream(func(s StreamRef) { s.Delete(stream.ID{Ms: 3}) })
	w.update(func(tx *Tx) error { tx.Delete([]byte("k")); return nil })
	if w.log = nil; *asked != 1 {
		t.Errorf("a reader was asked %d times, once was enough", *asked)
	}
	w.add(4)
	w.expect("far gets 4-0")
	w.idle()
}

// TestGroupReadersTakeTurns: an entry serves one reader of each group; the others of the
// group are not asked in vain, however many they are.
func TestGroupReadersTakeTurns(t *testing.T) {
	w := newWaitTest(t)
	w.onStream(func(s StreamRef) {
		for _, g := range []string{"g", "h"} {
			s.SetGroup([]byte(g), stream.GroupState{})
		}
	})
	for i := range 10 {
		reader, _ := w.streamWaiter(fmt.Sprintf("g%d", i), "g", stream.ID{})
		w.enter(reader, "k")
	}
	reader, asked := w.streamWaiter("h", "h", stream.ID{})
	w.enter(reader, "k")
	reader, last := w.streamWaiter("last", "g", stream.ID{})
	w.enter(reader, "k")
	for i := range 10 {
		w.add(uint64(i + 1))
		want := []string{fmt.Sprintf("g%d gets %d-0", i, i+1)}
		if i == 0 {
			want = append(want, "h gets 1-0")
		}
		w.expect(want...)
	}
	if *asked != 1 || *last != 1 {
		t.Errorf("asked %d and %d times, want 1 and 1: behind another group's, and when it is the next", *asked, *last)
	}
	w.add(11)
	w.expect("last gets 11-0")
	w.idle()
}

// TestWaitersAreToldOfTheEnd: those with Gone are served whatever makes the value go, and
// they alone.
func TestWaitersAreToldOfTheEnd(t *testing.T) {
	del := func(tx *Tx) { tx.Delete([]byte("k")) }
	for _, c := range []struct {
		name, want string
		end        func(w *waitTest)
	}{
		{"delete", "stream", func(w *waitTest) { w.update(func(tx *Tx) error { del(tx); return nil }) }},
		{"overwrite", "stream", func(w *waitTest) { w.put("k", "v") }},
		{"replace", "group", func(w *waitTest) {
			w.update(func(tx *Tx) error {
				del(tx)
				s, _ := tx.Stream([]byte("k"))
				return s.SetState(stream.State{})
			})
		}},
		{"rename", "stream", func(w *waitTest) {
			w.update(func(tx *Tx) error { _, err := tx.Rename([]byte("k"), []byte("l")); return err })
		}},
		{"group", "group", func(w *waitTest) { w.onStream(func(s StreamRef) { s.DeleteGroup([]byte("g")) }) }},
		{"group and consumers", "group", func(w *waitTest) {
			w.onStream(func(s StreamRef) {
				s.SetConsumer([]byte("g"), []byte("c"), 0)
				s.DeleteGroup([]byte("g"))
			})
		}},
		{"drop", "stream", func(w *waitTest) { w.store.Drop(0) }},
		{"read after expiry", "stream", func(w *waitTest) {
			w.update(func(tx *Tx) error { tx.Expire([]byte("k"), tx.Now()+1); return nil })
			w.now += 2
			w.store.View(0, func(tx *Tx) error { tx.Get([]byte("k")); return nil })
		}},
		{"expiry", "stream", func(w *waitTest) {
			w.update(func(tx *Tx) error { tx.Expire([]byte("k"), tx.Now()+1); return nil })
			w.now += 2
			w.store.ExpireStep(time.Hour)
		}},
		{"eviction", "stream", func(w *waitTest) {
			w.store.SetPolicy(AllKeysRandom)
			w.store.SetMaxMemory(1)
			w.store.ExpireStep(time.Hour)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWaitTest(t)
			w.onStream(func(s StreamRef) {
				s.SetState(stream.State{})
				s.SetGroup([]byte("g"), stream.GroupState{})
			})
			group, _ := w.streamWaiter("group", "g", stream.ID{})
			reader, _ := w.streamWaiter("reader", "", stream.ID{Ms: 9})
			list := w.waiter("list", nil)
			list.Type = List
			for _, waiter := range []*Waiter{list, reader, group} {
				w.enter(waiter, "k", "l")
			}
			c.end(w)
			w.log = slices.DeleteFunc(w.log, func(line string) bool { return strings.Contains(line, "=") })
			w.expect("group: the " + c.want + " is gone")
			if !w.store.Cancel(reader) || !w.store.Cancel(list) {
				t.Error("those that wait for what may come again do not wait any more")
			}
			w.idle()
		})
	}
}

// TestReplicaServesReaders: what comes from a master serves those that read, and the others
// run again.
func TestReplicaServesReaders(t *testing.T) {
	w := newWaitTest(t)
	w.store.SetPassive(true)
	apply := func(ms uint64) {
		t.Helper()
		id := stream.ID{Ms: ms}
		state := Op{Kind: OpPart, Type: Stream, Key: []byte("k"), Part: []byte{streamStatePart},
			Value: appendStreamState(nil, stream.State{Last: id}), Version: 2 * ms}
		entry := Op{Kind: OpPart, Type: Stream, Key: []byte("k"), Part: appendEntryPart(nil, id),
			Value: stream.AppendCount(nil, 0), Version: 2*ms + 1}
		if err := w.store.ApplyAll([]Op{state, entry}); err != nil {
			t.Fatal(err)
		}
	}
	enter := func(name, group string, behind uint64) {
		waiter, _ := w.streamWaiter(name, group, stream.ID{Ms: behind})
		if err := w.store.View(0, func(tx *Tx) error { tx.Wait(waiter, [][]byte{[]byte("k")}); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	enter("first", "", 0)
	enter("second", "", 2)
	enter("demoted", "g", 0)
	apply(1)
	w.expect("first gets 1-0", "demoted: "+ErrWaitAgain.Error())
	apply(2)
	w.expect()
	if err := w.store.Apply(Op{Kind: OpDrop, Version: 9}); err != nil {
		t.Fatal(err)
	}
	w.expect()
	apply(10)
	w.expect("second gets 10-0")

	enter("third", "", 10)
	staged := w.store.Stage()
	if err := staged.Apply(Op{Kind: OpPut, Key: []byte("x"), Version: 1}); err != nil {
		t.Fatal(err)
	}
	w.store.Adopt(staged)
	w.expect("third: " + ErrWaitAgain.Error())
	w.idle()
}

// TestRevealedKeyWakesWaiters: a large collection that comes in parts from another node is
// waited for like any other.
func TestRevealedKeyWakesWaiters(t *testing.T) {
	w := newWaitTest(t)
	reader, _ := w.streamWaiter("reader", "", stream.ID{})
	w.enter(reader, "k")
	key, id := []byte("k"), stream.ID{Ms: 1}
	ops := []Op{
		{Kind: OpStage, Type: Stream, Key: key, Value: make([]byte, 8), Version: 5},
		{Kind: OpStagePart, Type: Stream, Key: key, Part: []byte{streamStatePart},
			Value: appendStreamState(nil, stream.State{Last: id}), Version: 5},
		{Kind: OpStagePart, Type: Stream, Key: key, Part: appendEntryPart(nil, id), Value: stream.AppendCount(nil, 0),
			Version: 5},
		{Kind: OpReveal, Type: Stream, Key: key, Version: 5},
	}
	for i, op := range ops {
		w.log = nil
		if _, err := w.store.Import([]Op{op}, false, func() bool { return true }); err != nil {
			t.Fatal(i, err)
		}
	}
	w.expect("reveal k=", "reader: "+ErrWaitAgain.Error())
	w.idle()
}
