package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// A stream in a plainModel is its parts under their names. It has its own part always.

func isStream(c map[string]string) bool {
	_, ok := c[string(rune(streamStatePart))]
	return ok
}

// streamModel is a stream of a plainModel with the transaction's view of it.
type streamModel struct {
	t     *testing.T
	rnd   *rand.Rand
	parts map[string]string
	ref   StreamRef
}

// named returns the names of the parts with a prefix, in order.
func (s *streamModel) named(prefix []byte) (names []string) {
	for name := range s.parts {
		if strings.HasPrefix(name, string(prefix)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *streamModel) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *streamModel) state() (state stream.State) {
	state, _ = parseStreamState([]byte(s.parts["\x00"]))
	return state
}

// stepStream makes some random changes to a stream, through StreamRef and in the model.
func (m plainModel) stepStream(t *testing.T, rnd *rand.Rand, tx *Tx, key string) {
	ref, err := tx.Stream([]byte(key))
	if c := m[key]; c != nil && !isStream(c) {
		if !errors.Is(err, ErrWrongType) {
			t.Fatalf("Stream of another type %s: %v", key, err)
		}
		return
	}
	s := &streamModel{t, rnd, m[key], ref}
	s.check(err)
	if s.parts == nil {
		s.parts = map[string]string{}
		s.append()
		m[key] = s.parts
	}
	for range 1 + rnd.IntN(3) {
		s.step()
	}
}

func (s *streamModel) step() {
	switch s.rnd.IntN(16) {
	case 0:
		s.trim()
	case 1:
		state := s.state()
		state.Last.Ms, state.MaxDeleted.Seq = state.Last.Ms+5, 3
		s.check(s.ref.SetState(state))
		s.parts["\x00"] = string(appendStreamState(nil, state))
	case 2:
		s.delete()
	case 3, 4, 5, 6, 7:
		s.append()
	default:
		s.stepGroup([]byte([]string{"a", "bb", "c", ""}[s.rnd.IntN(4)]))
	}
	if n := s.ref.Len(); n != len(s.named([]byte{streamEntryPart})) {
		s.t.Fatalf("%d entries", n)
	}
}

func (s *streamModel) append() {
	state := s.state()
	for range 1 + s.rnd.IntN(3) {
		state.Last.Seq += 1 + uint64(s.rnd.IntN(2))
		state.Added++
		text := strings.Repeat("v", s.rnd.IntN(20))
		if s.rnd.IntN(40) == 0 {
			text = strings.Repeat(text, 200)
		}
		value := streamValue("field", text)
		if s.rnd.IntN(2) == 0 {
			s.check(s.ref.Append(state.Last, value))
		} else {
			s.check(s.ref.AppendStrings(state.Last, [][]byte{[]byte("field"), []byte(text)}))
		}
		s.parts[string(appendEntryPart(nil, state.Last))] = string(value)
	}
	s.parts["\x00"] = string(appendStreamState(nil, state))
}

func (s *streamModel) delete() {
	names := s.named([]byte{streamEntryPart})
	if len(names) == 0 {
		return
	}
	name := names[s.rnd.IntN(len(names))]
	p, _ := parseStreamPart([]byte(name))
	if ok, err := s.ref.Delete(p.id); !ok || err != nil {
		s.t.Fatalf("Delete: %v, %v", ok, err)
	}
	delete(s.parts, name)
	state := s.state()
	if state.MaxDeleted.Less(p.id) {
		state.MaxDeleted = p.id
	}
	s.parts["\x00"] = string(appendStreamState(nil, state))
}

func (s *streamModel) trim() {
	names := s.named([]byte{streamEntryPart})
	keep := s.rnd.IntN(len(names) + 1)
	if s.rnd.IntN(2) == 0 { // a few go, each with an undo of its own
		keep = max(0, len(names)-1-s.rnd.IntN(3))
	}
	if s.rnd.IntN(2) == 0 {
		s.ref.TrimToLen(keep, false, 0)
	} else if keep > 0 {
		p, _ := parseStreamPart([]byte(names[len(names)-keep]))
		s.ref.TrimBefore(p.id, false, 0)
	} else {
		s.ref.TrimBefore(stream.MaxID, false, 0)
	}
	for _, name := range names[:len(names)-keep] {
		delete(s.parts, name)
	}
}

// stepGroup changes a group, which it makes if it is not there.
func (s *streamModel) stepGroup(group []byte) {
	own := string(appendGroupPart(nil, group, streamGroupState))
	if _, there := s.parts[own]; !there || s.rnd.IntN(8) == 0 {
		state := stream.GroupState{Last: stream.ID{Ms: uint64(s.rnd.IntN(9))}, Read: int64(s.rnd.IntN(3) - 1)}
		s.check(s.ref.SetGroup(group, state))
		s.parts[own] = string(appendGroupState(nil, state))
		return
	}
	consumer := []byte([]string{"x", "yy"}[s.rnd.IntN(2)])
	name := string(appendConsumerPart(nil, group, consumer))
	prefix := appendGroupPart(nil, group, streamPending)
	switch pending := s.named(prefix); s.rnd.IntN(12) {
	case 0:
		if !s.ref.DeleteGroup(group) {
			s.t.Fatal("no group to delete")
		}
		for _, part := range s.named(prefix[:len(prefix)-1]) {
			delete(s.parts, part)
		}
	case 1:
		s.deleteConsumer(group, consumer)
	case 2, 3, 4:
		if len(pending) > 0 {
			part := pending[s.rnd.IntN(len(pending))]
			p, _ := parseStreamPart([]byte(part))
			if !s.ref.Acknowledge(group, p.id) {
				s.t.Fatalf("nothing to acknowledge: %x", part)
			}
			delete(s.parts, part)
		}
	default:
		s.check(s.ref.SetConsumer(group, consumer, int64(s.rnd.IntN(5))))
		g := s.ref.Group(group)
		c, _ := g.Consumer(consumer)
		s.parts[name] = string(appendSeen(nil, c.Seen))
		for range s.rnd.IntN(4) {
			p := stream.Pending{ID: stream.ID{Seq: uint64(1 + s.rnd.IntN(30))}, Consumer: consumer, Delivered: 7,
				Count: uint64(s.rnd.IntN(3))}
			s.check(s.ref.SetPending(group, p))
			s.parts[string(appendPendingPart(nil, group, p.ID))] = string(appendPending(nil, p))
		}
	}
}

func (s *streamModel) deleteConsumer(group, consumer []byte) {
	want := 0
	for _, part := range s.named(appendGroupPart(nil, group, streamPending)) {
		if p, _ := parsePending(stream.ID{}, []byte(s.parts[part])); bytes.Equal(p.Consumer, consumer) {
			delete(s.parts, part)
			want++
		}
	}
	name := string(appendConsumerPart(nil, group, consumer))
	_, there := s.parts[name]
	delete(s.parts, name)
	if n, ok := s.ref.DeleteConsumer(group, consumer); n != want || ok != there {
		s.t.Fatalf("DeleteConsumer: %d, %v, want %d, %v", n, ok, want, there)
	}
}

// buildStream puts a stream with given parts, and makes key that in the model.
func (m plainModel) buildStream(t *testing.T, tx *Tx, key string, parts map[string]string) {
	c := &Collection{typ: Stream}
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		if added, err := c.Set([]byte(part), []byte(parts[part]), 0); !added || err != nil {
			t.Fatalf("Set %x: %v, %v", part, added, err)
		}
	}
	if err := tx.PutCollection([]byte(key), c, 0); err != nil || c.typ != Stream {
		t.Fatal(err)
	}
	m[key] = maps.Clone(parts)
}

// TestStreamDoesWhatAMapDoes changes a stream for long, in transactions of which some fail,
// with a store that follows by its Ops and one that does the same by Carry.
func TestStreamDoesWhatAMapDoes(t *testing.T) {
	for seed := range uint64(testSeeds(t, 6)) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		replica, double := newStore(Config{}, 2), newStore(Config{}, 3)
		replica.SetPassive(true)
		s := newStore(Config{Sink: carrier{follower{t, replica}, double}}, 1)
		model := plainModel{}
		for range 300 {
			next := model.clone()
			fail := rnd.IntN(4) == 0
			s.Update(1, func(tx *Tx) error {
				for range 1 + rnd.IntN(40) {
					next.stepStream(t, rnd, tx, "k")
				}
				if fail {
					return errors.New("failed")
				}
				return nil
			})
			if !fail {
				model = next
			} else if model["k"] == nil {
				continue
			}
			for name, store := range map[string]*Store{"store": s, "replica": replica, "double": double} {
				if got := plainContents(store, 1); !got.equal(model) {
					t.Fatalf("seed %d: %s has\n%s\nwant\n%s", seed, name, got.text(), model.text())
				}
			}
			s.View(1, func(tx *Tx) error {
				o := tx.findObject("k")
				if o.size() != len(model["k"]) {
					t.Fatalf("%d parts are counted, there are %d", o.size(), len(model["k"]))
				}
				compareStreamWalk(t, o, model["k"], 1+rnd.IntN(9))
				return nil
			})
		}
		checkStore(t, s)
	}
}

func (tx *Tx) findObject(key string) object {
	rec, _ := tx.find(tx.store.hash([]byte(key)), []byte(key))
	return rec.coll.object
}

// compareStreamWalk walks a stream in runs: each part comes once, in an order in which
// ranges are together.
func compareStreamWalk(t *testing.T, o object, parts map[string]string, run int) {
	t.Helper()
	seen := map[string]bool{}
	var at partCursor
	for done := false; !done; {
		left := run
		at, done = o.walk(at, func(part, value []byte, _ int64) bool {
			if left--; left < 0 {
				return false
			}
			if want, ok := parts[string(part)]; !ok || want != string(value) {
				t.Fatalf("the walk visits %x=%x, want %x, %v", part, value, want, ok)
			}
			if v, _, ok := o.get(part); !ok || !bytes.Equal(v, value) {
				t.Fatalf("get %x=%x, %v", part, v, ok)
			}
			if seen[string(part)] {
				t.Fatalf("the walk visits %x twice", part)
			}
			seen[string(part)] = true
			return true
		})
	}
	for part := range parts {
		if !seen[part] {
			t.Fatalf("the walk does not visit %x", part)
		}
	}
}

// text returns a model in print, a part a line.
func (m plainModel) text() string {
	var lines []string
	for key, c := range m {
		for part, value := range c {
			lines = append(lines, fmt.Sprintf("%s %x=%x", key, part, value))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
