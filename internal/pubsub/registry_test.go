package pubsub

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/slots"
)

// inbox is a subscriber that keeps what it gets.
type inbox struct {
	mu   sync.Mutex
	got  []string
	self int // of its own
	stay bool
}

func (in *inbox) Deliver(m *Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if m.Publisher == Subscriber(in) {
		in.self++
	}
	in.got = append(in.got, fmt.Sprintf("%v %s %s %s", m.Kind, m.Pattern, m.Channel, m.Payload))
}

func (in *inbox) Drop(channel string) (stays bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.got = append(in.got, "drop "+channel)
	return in.stay
}

// drain returns what has arrived since the last time.
func (in *inbox) drain() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.got
	in.got = nil
	return got
}

func TestFrames(t *testing.T) {
	for _, c := range []struct {
		kind    Kind
		pattern string
		want    string
	}{
		{Channel, "", ">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhe\r\nl\r\n"},
		{Shard, "", ">3\r\n$8\r\nsmessage\r\n$2\r\nch\r\n$5\r\nhe\r\nl\r\n"},
		{Pattern, "c*", ">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$5\r\nhe\r\nl\r\n"},
	} {
		m := newMessage(c.kind, c.pattern, nil, []byte("ch"), []byte("he\r\nl"))
		if got := string(m.RESP3()); got != c.want {
			t.Errorf("%v: RESP3 = %q, want %q", c.kind, got, c.want)
		}
		if got := string(m.RESP2()); got != "*"+c.want[1:] {
			t.Errorf("%v: RESP2 = %q", c.kind, got)
		}
		if string(m.Channel) != "ch" || string(m.Payload) != "he\r\nl" {
			t.Errorf("%v: channel %q, payload %q", c.kind, m.Channel, m.Payload)
		}
	}
	if m := newMessage(Channel, "", nil, nil, nil); string(m.RESP3()) != ">3\r\n$7\r\nmessage\r\n$0\r\n\r\n$0\r\n\r\n" {
		t.Errorf("empty message: %q", m.RESP3())
	}
}

// A message is the publisher's copy: what it does to its bytes afterwards changes nothing.
func TestMessageIsACopy(t *testing.T) {
	channel, payload := []byte("ch"), []byte("payload")
	m := newMessage(Channel, "", nil, channel, payload)
	channel[0], payload[0] = 'X', 'X'
	if string(m.Channel) != "ch" || string(m.Payload) != "payload" {
		t.Errorf("channel %q, payload %q", m.Channel, m.Payload)
	}
}

func TestPublish(t *testing.T) {
	r := New(Config{})
	a, b := new(inbox), new(inbox)
	for _, sub := range []struct {
		s    *inbox
		kind Kind
		name string
	}{{a, Channel, "news"}, {b, Channel, "news"}, {a, Pattern, "n*"}, {b, Shard, "news"}, {a, Channel, "n*"}} {
		if !r.Subscribe(sub.s, sub.kind, sub.name) {
			t.Errorf("first subscription to %v %q was there already", sub.kind, sub.name)
		}
		if r.Subscribe(sub.s, sub.kind, sub.name) {
			t.Errorf("second subscription to %v %q was new", sub.kind, sub.name)
		}
	}
	if n := r.PublishBy(a, []byte("news"), []byte("1")); n != 3 {
		t.Errorf("Publish to two channels and a pattern: %d receivers", n)
	}
	if n := r.PublishShard([]byte("news"), []byte("2")); n != 1 {
		t.Errorf("PublishShard: %d receivers", n)
	}
	if n := r.Publish([]byte("other"), []byte("3")); n != 0 {
		t.Errorf("Publish to nobody: %d receivers", n)
	}
	if got, want := a.drain(), []string{"message  news 1", "pmessage n* news 1"}; !slices.Equal(got, want) {
		t.Errorf("a got %q, want %q", got, want)
	}
	if got, want := b.drain(), []string{"message  news 1", "smessage  news 2"}; !slices.Equal(got, want) {
		t.Errorf("b got %q, want %q", got, want)
	}
	if a.self != 2 || b.self != 0 {
		t.Errorf("of the publisher's own: a %d, b %d", a.self, b.self)
	}
	if !r.Unsubscribe(a, Channel, "news") || r.Unsubscribe(a, Channel, "news") || r.Unsubscribe(b, Pattern, "n*") {
		t.Error("Unsubscribe reports what was not so")
	}
	if n := r.Publish([]byte("news"), []byte("4")); n != 2 {
		t.Errorf("after an unsubscription: %d receivers", n)
	}
}

// TestDropSlotsStays: a subscriber may stay where others are dropped, and loses nothing.
func TestDropSlotsStays(t *testing.T) {
	var interest []bool
	r := New(Config{Interest: func(_ Kind, _ string, on bool) { interest = append(interest, on) }})
	stays, goes := &inbox{stay: true}, new(inbox)
	for range 2 {
		r.Subscribe(stays, Shard, "ch")
		r.Subscribe(goes, Shard, "ch")
		gone := slots.NewSet(slots.OfString("ch"))
		if n := r.DropSlots(&gone); n != 1 {
			t.Errorf("DropSlots: %d subscriptions", n)
		}
		if n := r.PublishShard([]byte("ch"), nil); n != 1 {
			t.Errorf("after DropSlots: %d receivers", n)
		}
	}
	if !r.Unsubscribe(stays, Shard, "ch") || r.Unsubscribe(goes, Shard, "ch") {
		t.Error("a subscriber that has stayed is not subscribed, or one that has not is")
	}
	if !slices.Equal(interest, []bool{true, false}) {
		t.Errorf("the interest went %v", interest)
	}
}

func TestDropSlots(t *testing.T) {
	r := New(Config{})
	a, b := new(inbox), new(inbox)
	for i := range 200 {
		r.Subscribe(a, Shard, "ch"+strconv.Itoa(i))
	}
	r.Subscribe(b, Shard, "ch7")
	r.Subscribe(b, Channel, "ch7")
	gone := slots.NewSet(slots.OfString("ch7"), slots.OfString("ch8"))
	if n := r.DropSlots(&gone); n != 3 {
		t.Errorf("DropSlots: %d subscriptions", n)
	}
	got := a.drain()
	slices.Sort(got)
	if want := []string{"drop ch7", "drop ch8"}; !slices.Equal(got, want) {
		t.Errorf("a got %q", got)
	}
	if got := b.drain(); !slices.Equal(got, []string{"drop ch7"}) {
		t.Errorf("b got %q", got)
	}
	if n := r.PublishShard([]byte("ch7"), nil); n != 0 {
		t.Errorf("after DropSlots: %d receivers", n)
	}
	if n := r.Publish([]byte("ch7"), nil); n != 1 {
		t.Errorf("the cluster's channel of the same name: %d receivers", n)
	}
	if n := r.Len(Shard); n != 198 {
		t.Errorf("%d channels of shards are left", n)
	}
	if r.Unsubscribe(a, Shard, "ch7") {
		t.Error("a dropped subscription could be ended")
	}
}

// Many subscribers of one channel are found by index, and come and go in any order.
func TestManySubscribers(t *testing.T) {
	r := New(Config{})
	subs := make([]*inbox, 200)
	for i := range subs {
		subs[i] = new(inbox)
		r.Subscribe(subs[i], Channel, "ch")
	}
	rand.Shuffle(len(subs), func(i, j int) { subs[i], subs[j] = subs[j], subs[i] })
	for i, s := range subs {
		if n := r.Publish([]byte("ch"), []byte("m")); n != len(subs)-i {
			t.Fatalf("%d subscribers of %d", n, len(subs)-i)
		}
		if !r.Unsubscribe(s, Channel, "ch") {
			t.Fatalf("subscriber %d is not there", i)
		}
		if got := len(s.drain()); got != i+1 {
			t.Fatalf("subscriber %d got %d messages", i, got)
		}
	}
	if r.Len(Channel) != 0 {
		t.Error("a channel without subscribers is left")
	}
}

// TestRandom compares the registry with the plainest thing that does the same.
func TestRandom(t *testing.T) {
	type sub struct {
		s    *inbox
		kind Kind
		name string
	}
	names := []string{"a", "ab", "b", "a*", "*b", `a\b`, "[a]?", "{x}1", "{x}2", ""}
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		model := make(map[sub]bool)
		on := make(map[string]bool)
		r := New(Config{Interest: func(kind Kind, name string, is bool) {
			key := fmt.Sprint(kind, name)
			if on[key] == is {
				t.Fatalf("seed %d: interest in %q was %v already", seed, key, is)
			}
			on[key] = is
		}})
		subs := []*inbox{new(inbox), new(inbox), new(inbox)}
		for range 300 {
			x := sub{subs[rnd.IntN(len(subs))], Kind(rnd.IntN(3)), names[rnd.IntN(len(names))]}
			switch rnd.IntN(7) {
			case 0, 1, 2:
				if r.Subscribe(x.s, x.kind, x.name) == model[x] {
					t.Fatalf("seed %d: Subscribe(%v): was there: %v", seed, x, model[x])
				}
				model[x] = true
			case 3:
				if r.Unsubscribe(x.s, x.kind, x.name) != model[x] {
					t.Fatalf("seed %d: Unsubscribe(%v): was there: %v", seed, x, model[x])
				}
				delete(model, x)
			case 4:
				gone := slots.NewSet(slots.OfString(x.name))
				want := 0
				maps.DeleteFunc(model, func(y sub, _ bool) bool {
					drop := y.kind == Shard && gone.Has(slots.OfString(y.name))
					if drop {
						want++
					}
					return drop
				})
				if n := r.DropSlots(&gone); n != want {
					t.Fatalf("seed %d: DropSlots: %d, want %d", seed, n, want)
				}
			default:
				shard := rnd.IntN(2) == 0
				want := 0
				for y := range model {
					matches := y.name == x.name
					if y.kind == Pattern {
						matches = glob.Match([]byte(y.name), []byte(x.name)) && (x.name != "" || y.name == "")
					}
					if matches && shard == (y.kind == Shard) {
						want++
					}
				}
				publish := r.Publish
				if shard {
					publish = r.PublishShard
				}
				if n := publish([]byte(x.name), []byte("m")); n != want {
					t.Fatalf("seed %d: Publish(%q) to %d, want %d", seed, x.name, n, want)
				}
				got := 0
				for _, s := range subs {
					for _, m := range s.drain() {
						if m[:4] != "drop" {
							got++
						}
					}
				}
				if got != want {
					t.Fatalf("seed %d: %d messages arrived, want %d", seed, got, want)
				}
			}
			for _, kind := range []Kind{Channel, Pattern, Shard} {
				want := make(map[string]int)
				for y := range model {
					if y.kind == kind {
						want[y.name]++
					}
				}
				if got := slices.Sorted(r.Names(kind)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
					t.Fatalf("seed %d: names of %v: %q", seed, kind, got)
				}
				if n := r.Len(kind); n != len(want) {
					t.Fatalf("seed %d: Len(%v) = %d, want %d", seed, kind, n, len(want))
				}
				for _, name := range names {
					if n := r.Subscribers(kind, name); n != want[name] {
						t.Fatalf("seed %d: Subscribers(%v, %q) = %d, want %d", seed, kind, name, n, want[name])
					}
					if on[fmt.Sprint(kind, name)] != (want[name] > 0) {
						t.Fatalf("seed %d: interest in %v %q is %v", seed, kind, name, want[name] == 0)
					}
				}
			}
		}
	}
}

// TestConcurrent has publishers, and subscribers that come and go. One that stays misses
// nothing and gets everything in order; one that has gone gets nothing more.
func TestConcurrent(t *testing.T) {
	const messages = 200
	r := New(Config{Interest: func(Kind, string, bool) {}})
	stays := new(inbox)
	r.Subscribe(stays, Channel, "ch")
	r.Subscribe(stays, Pattern, "c*")
	var wg sync.WaitGroup
	for p := range 4 {
		wg.Go(func() {
			for i := range messages {
				r.Publish([]byte("ch"), fmt.Appendf(nil, "%d %d", p, i))
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			for range messages {
				s := new(inbox)
				for _, sub := range []struct {
					kind Kind
					name string
				}{{Channel, "ch"}, {Pattern, "?h"}, {Channel, "other"}} {
					r.Subscribe(s, sub.kind, sub.name)
					r.Unsubscribe(s, sub.kind, sub.name)
				}
				s.drain()
				r.Publish([]byte("other"), nil)
				if got := s.drain(); len(got) > 0 {
					t.Errorf("after unsubscribing came %q", got)
				}
			}
		})
	}
	wg.Wait()
	next := map[string]int{}
	for _, m := range stays.drain() {
		var kind, pattern, channel string
		var p, i int
		if _, err := fmt.Sscan(m, &kind, &channel, &p, &i); err != nil {
			fmt.Sscan(m, &kind, &pattern, &channel, &p, &i)
		}
		key := fmt.Sprint(kind, p)
		if next[key] != i {
			t.Fatalf("%q: expected %d", m, next[key])
		}
		next[key]++
	}
	for p := range 4 {
		if next[fmt.Sprint("message", p)] != messages || next[fmt.Sprint("pmessage", p)] != messages {
			t.Errorf("publisher %d: %v", p, next)
		}
	}
	if r.Len(Pattern) != 1 || r.Len(Channel) != 1 {
		t.Errorf("left: %d patterns, %d channels", r.Len(Pattern), r.Len(Channel))
	}
}
