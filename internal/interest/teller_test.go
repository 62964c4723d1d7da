package interest

import (
	"fmt"
	"runtime"
	"testing"
)

// drain tells set all that is due on a link, and returns what to acknowledge and how many
// bytes it took.
func drain(t *testing.T, from *Teller, link LinkID, set *Set) (position uint64, bytes int) {
	t.Helper()
	for {
		b, ok := from.Next(link, nil)
		if !ok {
			return position, bytes
		}
		var err error
		if position, err = set.Apply(b); err != nil {
			t.Fatal(err)
		}
		bytes += len(b)
	}
}

func (s *Set) wants(kind Kind, name string) bool {
	switch kind {
	case Channel:
		return s.WantsMessage(Digest(name), []byte(name))
	case Shard:
		return s.WantsShard(Digest(name), true)
	default:
		return s.WantsShard(Digest(name), false)
	}
}

func TestTeller(t *testing.T) {
	from, set := NewTeller(), &Set{}
	from.Want(Channel, "a", true)
	from.Want(Pattern, "news.*", true)
	from.Want(Shard, "s", true)
	from.Want(FarShard, "far", true)
	from.Up(1, true)
	expect := func(kind Kind, name string, want bool) {
		t.Helper()
		if got := set.wants(kind, name); got != want {
			t.Errorf("kind %d, %q: wanted %v, want %v", kind, name, got, want)
		}
	}
	position, _ := drain(t, from, 1, set)
	expect(Channel, "a", true)
	expect(Channel, "b", false)
	expect(Channel, "news.1", true)
	expect(Shard, "s", true)
	expect(Shard, "a", false)
	expect(FarShard, "far", true)
	expect(FarShard, "s", false)
	if from.Known() == from.Position() {
		t.Error("known before it is acknowledged")
	}
	from.Acknowledged(1, position)
	if from.Known() != from.Position() {
		t.Error("not known when it is acknowledged")
	}
	from.Want(Channel, "a", false)
	from.Want(Channel, "b", true)
	from.Want(Pattern, "news.*", false)
	drain(t, from, 1, set)
	expect(Channel, "a", false)
	expect(Channel, "b", true)
	expect(Channel, "news.1", false)
}

// Sharded channels are told to nodes of the same shard only, from the moment they are.
func TestTellerOfOtherShard(t *testing.T) {
	from, set := NewTeller(), &Set{}
	from.Up(1, false)
	position, _ := drain(t, from, 1, set)
	from.Acknowledged(1, position)
	from.Want(Shard, "s", true)
	if _, bytes := drain(t, from, 1, set); bytes != 0 || from.Known() != from.Position() {
		t.Errorf("told %d bytes, known %d of %d; want nothing told, and nothing to wait for", bytes, from.Known(),
			from.Position())
	}
	from.SetLocal(1, true)
	if drain(t, from, 1, set); !set.wants(Shard, "s") {
		t.Error("a node that has joined the shard has not been told")
	}
	from.SetLocal(1, false)
	if drain(t, from, 1, set); set.wants(Shard, "s") {
		t.Error("a node that has left the shard still sends its messages")
	}
}

// Two names with one digest count as one interest, until both are given up.
func TestDigestOfTwoNames(t *testing.T) {
	from := NewTeller()
	digest := Digest("a")
	for i, step := range []struct {
		on      bool
		changed bool
	}{{true, true}, {true, false}, {false, false}, {false, true}} {
		if step.on {
			if got := from.countDigest(Channel, digest, true); got != step.changed {
				t.Errorf("step %d: changed %v", i, got)
			}
		} else if got := from.countDigest(Channel, digest, false); got != step.changed {
			t.Errorf("step %d: changed %v", i, got)
		}
	}
	if !from.Empty() {
		t.Error("something is left")
	}
}

// Beyond the bound a node wants everything of the kind; with half as many it names them
// again. At no time is it told less than it wants.
func TestTooMany(t *testing.T) {
	for _, test := range []struct {
		kind  Kind
		bound int
	}{{Channel, 1 << 14}, {Shard, 1 << 14}, {Pattern, MaxPatterns}} {
		t.Run(fmt.Sprint(test.kind), func(t *testing.T) {
			from, set := NewTeller(), &Set{}
			from.limits.digests = 1 << 14
			from.Up(1, true)
			name := func(i int) string { return fmt.Sprintf("name:%d", i) }
			for i := range test.bound {
				from.Want(test.kind, name(i), true)
			}
			if drain(t, from, 1, set); set.now.all[test.kind] {
				t.Fatal("it wants everything, at its bound")
			}
			from.Want(test.kind, name(test.bound), true)
			if drain(t, from, 1, set); !set.now.all[test.kind] {
				t.Fatal("beyond its bound it does not want everything")
			}
			if kept := len(set.now.digests[Channel]) + len(set.now.digests[Shard]) + len(set.now.patterns); kept != 0 {
				t.Errorf("%d names are kept", kept)
			}
			for i := test.bound; i >= test.bound/2; i-- {
				from.Want(test.kind, name(i), false)
			}
			// The old state stays in force until the last part of the new one has come.
			for last := false; !last; {
				b, _ := from.Next(1, nil)
				if _, err := set.Apply(b); err != nil {
					t.Fatal(err)
				}
				last = set.staged == nil
				for _, i := range []int{0, test.bound / 3, test.bound/2 - 1} {
					if !last && !set.now.all[test.kind] {
						t.Fatal("a part of the set is in force")
					}
					if last && test.kind != Pattern && !set.wants(test.kind, name(i)) {
						t.Errorf("%s is not wanted any more", name(i))
					}
				}
			}
		})
	}
}

// Patterns of many bytes count, too.
func TestTooManyBytes(t *testing.T) {
	from, set := NewTeller(), &Set{}
	from.Up(1, true)
	long := string(make([]byte, MaxPatternBytes/2))
	from.Want(Pattern, "1"+long, true)
	from.Want(Pattern, "2"+long, true)
	if drain(t, from, 1, set); !set.wants(Channel, "anything") {
		t.Error("with too many bytes of patterns the node does not want everything")
	}
}

// A link that has not been told of too many changes is told the whole set.
func TestTellerFallsBehind(t *testing.T) {
	from, set := NewTeller(), &Set{}
	from.Up(1, true)
	drain(t, from, 1, set)
	for i := range 3 * from.limits.log {
		from.Want(Channel, "x", i%2 == 0)
		from.Want(Channel, "x", i%2 != 0)
	}
	from.Want(Channel, "y", true)
	if len(from.log) > from.limits.log {
		t.Errorf("%d changes are kept", len(from.log))
	}
	position, bytes := drain(t, from, 1, set)
	if !set.wants(Channel, "y") || position != from.Position() || bytes > 100 {
		t.Errorf("told %d bytes up to %d of %d", bytes, position, from.Position())
	}
}

// TestManyChannels is the cost of 100,000 channels: bytes on the wire and memory at both
// ends.
func TestManyChannels(t *testing.T) {
	const channels = 100_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	from, set := NewTeller(), &Set{}
	before := heap()
	for i := range channels {
		from.Want(Channel, fmt.Sprintf("a channel with a name of some length:%d", i), true)
	}
	own := heap() - before
	from.Up(1, true)
	before = heap()
	_, bytes := drain(t, from, 1, set)
	from.wholes = [2]whole{}
	from.links[1].parts = nil
	other := heap() - before
	t.Logf("%d channels: %d bytes told, %d bytes of memory at the node that wants them, %d at each other node", channels,
		bytes, own, other)
	if bytes > 10*channels || own > 48*channels || other > 32*channels {
		t.Errorf("%d channels: %d bytes told, %d bytes of memory here, %d there", channels, bytes, own, other)
	}
	runtime.KeepAlive(from)
	runtime.KeepAlive(set)
}

func TestApplyRefuses(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":                     "",
		"no flags":                    "\x01",
		"unknown flags":               "\x01\x04",
		"a part of no whole":          "\x01\x02",
		"an unknown kind":             "\x01\x00\x84",
		"half a digest":               "\x01\x00\x80abcd",
		"a pattern that is too short": "\x01\x00\x83\x05abcd",
		"a pattern without a length":  "\x01\x00\x83",
		"a length beyond all":         "\x01\x00\x83\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	} {
		var s Set
		if _, err := s.Apply([]byte(b)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestKnownWaitsForExpected: links that are not waited for do not count.
func TestKnownWaitsForExpected(t *testing.T) {
	from := NewTeller()
	from.Expect(1, true) // dials
	from.Want(Channel, "a", true)
	if from.Known() != 0 {
		t.Error("a link that dials is not waited for")
	}
	from.Expect(1, false) // failed
	if from.Known() != 1 {
		t.Error("a link that cannot be dialled is waited for")
	}
	from.Up(1, true)
	if from.Known() != 0 {
		t.Error("a link that has come up is not waited for")
	}
	from.GiveUp(1)
	if from.Known() != 1 {
		t.Error("a link that hangs is waited for again")
	}
	set := &Set{}
	position, _ := drain(t, from, 1, set)
	from.Want(Channel, "b", true)
	from.Acknowledged(1, position)
	if from.Known() != 1 {
		t.Error("a link that answers again is not waited for")
	}
	from.Down(1)
	if from.Known() != 0 {
		t.Error("a link that has just broken is not waited for")
	}
	from.Remove(1)
	if from.Known() != 2 {
		t.Error("a link that has been removed is waited for")
	}
}
