package rdb

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

func TestEachReadsStreamsOfRedis(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		want    []Element
	}{
		"empty":         {streamEmpty, emptyParts},
		"groups":        {streamGroups, groupsParts(false)},
		"deleted entry": {streamDeletedEntry, groupsParts(true)},
	} {
		v, got, err := elementsOf([]byte(c.payload))
		if err != nil || v.Type != Stream || !same(got, c.want) {
			t.Errorf("%s: type %d, %s, %v; want %s", name, v.Type, partsText(got), err, partsText(c.want))
		}
	}
}

func TestEncoderWritesStreamsAsRedisDoes(t *testing.T) {
	for name, c := range map[string]struct {
		elements []Element
		want     string
	}{
		"empty":  {emptyParts, streamEmpty},
		"groups": {groupsParts(false), streamGroups},
	} {
		if got := encode(t, Stream, false, c.elements); string(got) != c.want {
			t.Errorf("%s:\n%q, Redis writes\n%q", name, got, c.want)
		}
	}
}

// The stream itself may come before its entries, as a store has it, and a pending entry may
// name a consumer that has not been told of.
func TestEncoderTakesPartsInTheOrderOfAStore(t *testing.T) {
	want := groupsParts(false)
	elements := append([]Element{want[4]}, want[:4]...)
	if got := encode(t, Stream, false, append(elements, want[5:]...)); string(got) != streamGroups {
		t.Errorf("%q", got)
	}
	elements = parts(*want[4].Stream, *want[7].Stream, *want[11].Stream)
	_, got, err := elementsOf(encode(t, Stream, false, elements))
	if err != nil || len(got) != 4 || string(got[2].Stream.Consumer) != "7" || got[2].Stream.Time != got[3].Stream.Time {
		t.Errorf("%s, %v", partsText(got), err)
	}
}

func partsText(elements []Element) string {
	var b bytes.Buffer
	for _, e := range elements {
		if e.Stream != nil {
			fmt.Fprintf(&b, "%+v\n", *e.Stream)
		}
	}
	return b.String()
}

// Nodes end where those of Redis do; see TestStreamsAgainstRedis too. Long entries have
// nodes of their own.
func TestLongStreams(t *testing.T) {
	for _, size := range []int{0, 1, 100, 5000, 40_000} {
		var list []StreamPart
		for i := range 1000 {
			if size > 1000 && i == 30 {
				break
			}
			field := "f" + strconv.Itoa(i/7%3)
			// The numbers within a millisecond fall from one to the next.
			list = append(list, StreamPart{Kind: StreamEntry, ID: StreamID{uint64(i / 3), uint64(i%3 + 5 - i/3%5)},
				Strings: words(field, long[:1]+string(bytes.Repeat([]byte("v"), size)), "n", strconv.Itoa(i*i))})
		}
		list = append(list, StreamPart{ID: StreamID{1 << 63, 1 << 40}, Deleted: StreamID{4, 1 << 63}, Added: 1 << 50})
		want := parts(list...)
		if _, got, err := elementsOf(encode(t, Stream, false, want)); err != nil || !same(got, want) {
			t.Errorf("values of %d bytes: %d parts come back as %d, %v", size, len(want), len(got), err)
		}
	}
}

// oneEntry is a stream with one entry and a group, for which two entries are pending with
// one consumer; change damages it.
func oneEntry(f form, change func(s *streamTestBody)) []byte {
	s := &streamTestBody{key: StreamID{5, 1}, items: []string{"1", "0", "1", "f", "0", "2", "0", "0", "v", "4"}, length: 1,
		last: StreamID{5, 1}, added: 1, read: 1, pel: []StreamID{{4, 1}, {5, 1}}, own: [][]StreamID{{{4, 1}, {5, 1}}}, at: 9}
	change(s)
	raw := []any{1, string(s.key.appendRaw(nil)[s.cutKey:]), listpackOf(s.items...)}
	if s.second != nil {
		raw[0] = 2
		raw = append(raw, string(s.key.appendRaw(nil)), listpackOf(s.second...))
	}
	raw = append(raw, s.length, uint64(s.last.Ms), uint64(s.last.Seq))
	if f != formStreamEarly {
		raw = append(raw, 5, 1, 0, 0, s.added)
	}
	raw = append(raw, 1, "g", 5, 1)
	if f != formStreamEarly {
		raw = append(raw, uint64(s.read))
	}
	raw = append(raw, len(s.pel))
	for _, id := range s.pel {
		raw = append(raw, id, s.at, 1)
	}
	raw = append(raw, len(s.own))
	for i, ids := range s.own {
		raw = append(raw, "c"+strconv.Itoa(i), s.at)
		if f == formStreamActive {
			raw = append(raw, int64(-1))
		}
		raw = append(raw, len(ids))
		for _, id := range ids {
			raw = append(raw, id)
		}
	}
	return append(body(f, raw...), s.tail...)
}

type streamTestBody struct {
	key           StreamID
	cutKey        int
	items, second []string
	length, added int
	last          StreamID
	read          int64
	pel           []StreamID
	own           [][]StreamID
	at            int64
	tail          string
}

func TestEachReadsFormerAndLaterStreams(t *testing.T) {
	want := parts(
		StreamPart{Kind: StreamEntry, ID: StreamID{5, 1}, Strings: words("f", "v")},
		StreamPart{ID: StreamID{5, 1}, Added: 1},
		StreamPart{Kind: StreamGroup, Group: []byte("g"), ID: StreamID{5, 1}, Read: 1},
		StreamPart{Kind: StreamConsumer, Group: []byte("g"), Consumer: []byte("c0"), Time: 9},
		StreamPart{Kind: StreamPending, Group: []byte("g"), Consumer: []byte("c0"), ID: StreamID{4, 1}, Time: 9,
			Deliveries: 1},
		StreamPart{Kind: StreamPending, Group: []byte("g"), Consumer: []byte("c0"), ID: StreamID{5, 1}, Time: 9,
			Deliveries: 1})
	for _, f := range []form{formStreamEarly, formStream, formStreamActive} {
		_, got, err := elementsOf(seal(oneEntry(f, func(*streamTestBody) {}), 10))
		if err != nil || !same(got, want) {
			t.Errorf("form %d: %s, %v", f, partsText(got), err)
		}
	}
}

// What a group of a former stream has read is what Redis guesses.
func TestEntriesReadOfFormerStreams(t *testing.T) {
	r := &streamReader{length: 3, first: StreamID{2, 0}, self: StreamPart{ID: StreamID{9, 0}, Added: 3}}
	for id, want := range map[StreamID]int64{{0, 0}: 0, {2, 0}: 1, {3, 0}: -1, {9, 0}: 3, {9, 1}: -1} {
		if got := r.estimateRead(id); got != want {
			t.Errorf("up to %v: %d, want %d", id, got, want)
		}
	}
	r = &streamReader{}
	if got := r.estimateRead(StreamID{3, 0}); got != 0 {
		t.Errorf("of an empty stream: %d", got)
	}
}

func TestDamagedStreams(t *testing.T) {
	for name, change := range map[string]func(s *streamTestBody){
		"short ID of a node":            func(s *streamTestBody) { s.cutKey = 1 },
		"nothing in a node":             func(s *streamTestBody) { s.items = nil },
		"more entries than are there":   func(s *streamTestBody) { s.items[0] = "2" },
		"fewer entries than are there":  func(s *streamTestBody) { s.items[0] = "0" },
		"entries below 0":               func(s *streamTestBody) { s.items[0] = "-1" },
		"deleted entries not there":     func(s *streamTestBody) { s.items[1] = "1" },
		"a count of 63 bits":            func(s *streamTestBody) { s.items[0] = "9223372036854775807" },
		"more names than are there":     func(s *streamTestBody) { s.items[2] = "9223372036854775807" },
		"no number of names":            func(s *streamTestBody) { s.items[2] = "x" },
		"no end of the names":           func(s *streamTestBody) { s.items[4] = "1" },
		"unknown flag":                  func(s *streamTestBody) { s.items[5] = "6" },
		"deleted, yet counted":          func(s *streamTestBody) { s.items[5] = "3" },
		"no distance":                   func(s *streamTestBody) { s.items[6] = "x" },
		"an ID before that of the node": func(s *streamTestBody) { s.items[7] = "-1" },
		"an ID beyond the last":         func(s *streamTestBody) { s.items[7] = "1" },
		"a wrong count of items":        func(s *streamTestBody) { s.items[9] = "5" },
		"more fields than are there":    func(s *streamTestBody) { s.items[5] = "0" },
		"items left over":               func(s *streamTestBody) { s.items = append(s.items, "1") },
		"a node twice":                  func(s *streamTestBody) { s.second, s.length = s.items, 2 },
		"an ID twice": func(s *streamTestBody) {
			s.items, s.length, s.added = append(s.items, "2", "0", "0", "v", "4"), 2, 2
			s.items[0] = "2"
		},
		"a wrong length":                func(s *streamTestBody) { s.length = 2 },
		"fewer added than there are":    func(s *streamTestBody) { s.added = 0 },
		"pending twice":                 func(s *streamTestBody) { s.pel[0] = s.pel[1] },
		"pending out of order":          func(s *streamTestBody) { s.pel[0], s.pel[1] = s.pel[1], s.pel[0] },
		"pending with nobody":           func(s *streamTestBody) { s.own[0] = s.own[0][:1] },
		"pending with a consumer twice": func(s *streamTestBody) { s.own[0][1] = s.own[0][0] },
		"pending with two consumers":    func(s *streamTestBody) { s.own = append(s.own, s.own[0][:1]) },
		"pending with a consumer alone": func(s *streamTestBody) { s.own[0][0].Seq++ },
		"a time below 0":                func(s *streamTestBody) { s.at = -1 },
		"bytes left over":               func(s *streamTestBody) { s.tail = "x" },
	} {
		for _, f := range []form{formStreamEarly, formStream, formStreamActive} {
			if f == formStreamEarly && name == "fewer added than there are" {
				continue
			}
			if _, got, err := elementsOf(seal(oneEntry(f, change), 10)); err != ErrFormat {
				t.Errorf("%s, form %d: %v, %s", name, f, err, partsText(got))
			}
		}
	}
	for _, f := range []form{formStreamEarly, formStream, formStreamActive} {
		good := oneEntry(f, func(*streamTestBody) {})
		for i := 1; i < len(good); i++ {
			if _, _, err := elementsOf(seal(good[:i], 10)); err != ErrFormat {
				t.Errorf("form %d, cut at %d: %v", f, i, err)
			}
		}
	}
}

// A counter of entries read that has wrapped, as Redis lets it, is taken as it is.
func TestStreamWithWrappedCounter(t *testing.T) {
	for _, read := range []int64{-2, math.MinInt64, math.MaxInt64} {
		body := oneEntry(formStream, func(s *streamTestBody) { s.read = read })
		_, parts, err := elementsOf(seal(body, 10))
		counts := func(e Element) bool { return e.Stream != nil && e.Stream.Read == read }
		if err != nil || !slices.ContainsFunc(parts, counts) {
			t.Errorf("%d: %v, %s", read, err, partsText(parts))
		}
	}
}

// Entries behind a deleted one may have IDs before its own: XSETID permits that.
func TestDeletedEntriesAreInNoOrder(t *testing.T) {
	_, got, err := elementsOf(seal(oneEntry(formStream, func(s *streamTestBody) {
		s.items = []string{"2", "1", "1", "f", "0", "2", "0", "0", "v", "4", "3", "9", "9", "v", "4",
			"2", "1", "-1", "w", "4"}
		s.length, s.added, s.last = 2, 3, StreamID{6, 0}
	}), 10))
	if err != nil || got[1].Stream.ID != (StreamID{6, 0}) {
		t.Errorf("%s, %v", partsText(got), err)
	}
}

func TestStreamsAllocateNoMoreThanTheInputAllows(t *testing.T) {
	const most = maxValue
	for name, b := range map[string][]byte{
		"nodes":     body(formStream, most),
		"groups":    body(formStream, 0, 0, 0, 0, 0, 0, 0, 0, 0, most),
		"pending":   body(formStream, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, "g", 0, 0, 0, most),
		"consumers": body(formStream, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, "g", 0, 0, 0, 0, most),
	} {
		payload := seal(b, 10)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := elementsOf(payload); err != ErrFormat {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<16 {
			t.Errorf("%s: a claim of 512 MiB made it allocate %d bytes", name, got)
		}
	}
}

func TestSameStreams(t *testing.T) {
	groups := encode(t, Stream, false, groupsParts(false))
	one := seal(oneEntry(formStream, func(*streamTestBody) {}), 10)
	for _, c := range []struct {
		a, b []byte
		want bool
	}{
		{groups, []byte(streamGroups), true},
		{[]byte(streamDeletedEntry), encode(t, Stream, false, groupsParts(true)), true},
		{groups, []byte(streamDeletedEntry), false},
		{groups, encode(t, Stream, false, groupsParts(false)[:5]), false},
		{one, seal(oneEntry(formStreamActive, func(*streamTestBody) {}), 11), true},
		{one, seal(oneEntry(formStream, func(s *streamTestBody) { s.at++ }), 10), false},
	} {
		if got := Same(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %t", c.a, c.b, got)
		}
	}
}
