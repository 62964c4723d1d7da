package slots

import (
	"errors"
	"testing"
)

var (
	me, other, third = NodeID{1}, NodeID{2}, NodeID{3}
	otherAddr        = Addr{Host: "10.0.0.2", Port: 7002, BusPort: 17002}
)

// routeTop is a cluster of three: this node owns 0-9, other owns 10-19, third is
// a master without slots; 20 has no owner.
func routeTop() Topology {
	mine, theirs := NewSet(), NewSet()
	mine.AddRange(Range{0, 9})
	theirs.AddRange(Range{10, 19})
	return Topology{Self: me, State: OK, Nodes: []Node{
		{ID: me, Addr: Addr{Host: "10.0.0.1", Port: 7001, BusPort: 17001}, Slots: &mine},
		{ID: other, Addr: otherAddr, Slots: &theirs},
		{ID: third, Addr: Addr{Host: "10.0.0.3", Port: 7003, BusPort: 17003}},
	}}
}

func down(t *Topology)      { t.State = Down }
func downReads(t *Topology) { t.State, t.ReadsIfDown = Down, true }
func migrating(t *Topology) { t.Migrating = map[Slot]NodeID{5: other} }
func importing(t *Topology) { t.Importing = map[Slot]NodeID{15: other} }
func gone(t *Topology)      { t.Migrating = map[Slot]NodeID{5: {99}} }
func ceded(t *Topology) {
	set := NewSet(15)
	t.Ceded = &set
}
func replica(t *Topology) {
	t.Nodes[0].Slots, t.Nodes[0].Master = nil, other
}

// A row or more for each line of docs/spec.md §7, in its order.
func TestRoute(t *testing.T) {
	moved := &MovedError{15, other, otherAddr}
	ask := &AskError{5, other, otherAddr}
	for _, c := range []struct {
		name string
		with func(*Topology)
		req  Request
		want error
	}{
		{"1 no owner", nil, Request{Slot: 20, Keys: 1}, ErrSlotNotServed},
		{"1 no owner comes before CROSSSLOT", nil, Request{Slot: 20, Keys: 2, CrossSlot: true}, ErrSlotNotServed},
		{"1 no owner, cluster down", down, Request{Slot: 20, Keys: 1}, ErrSlotNotServed},
		{"2 several slots", nil, Request{Slot: 5, Keys: 2, CrossSlot: true}, ErrCrossSlot},
		{"2 several slots, cluster down", down, Request{Slot: 5, Keys: 2, CrossSlot: true}, ErrCrossSlot},
		{"3 no keys", nil, Request{}, nil},
		{"3 no keys, cluster down", down, Request{}, nil},
		{"4 down", down, Request{Slot: 5, Keys: 1}, ErrClusterDown},
		{"4 down, another's slot", down, Request{Slot: 15, Keys: 1}, ErrClusterDown},
		{"4 down, reads allowed", downReads, Request{Slot: 5, Keys: 1}, nil},
		{"4 down, reads allowed, a write", downReads, Request{Slot: 5, Keys: 1, Write: true}, ErrDownReadOnly},
		{"4 down, reads allowed, another's slot", downReads, Request{Slot: 15, Keys: 1}, moved},
		{"5 migrating, key here", migrating, Request{Slot: 5, Keys: 1}, nil},
		{"5 migrating, key gone", migrating, Request{Slot: 5, Keys: 1, Missing: 1, Write: true}, ask},
		{"5 migrating, all gone", migrating, Request{Slot: 5, Keys: 2, Missing: 2}, ask},
		{"5 migrating, some gone", migrating, Request{Slot: 5, Keys: 2, Missing: 1}, ErrTryAgain},
		{"5 migrating, another slot's key missing", migrating, Request{Slot: 6, Keys: 1, Missing: 1}, nil},
		{"5 migrating to a forgotten node", gone, Request{Slot: 5, Keys: 1, Missing: 1}, nil},
		{"6 importing, asked", importing, Request{Slot: 15, Keys: 1, Missing: 1, Asking: true, Write: true}, nil},
		{"6 importing, not asked", importing, Request{Slot: 15, Keys: 1}, moved},
		{"6 importing, asked, several, some missing", importing, Request{Slot: 15, Keys: 2, Missing: 1, Asking: true},
			ErrTryAgain},
		{"6 importing, asked, several, all here", importing, Request{Slot: 15, Keys: 2, Asking: true}, nil},
		{"6 asked without importing", nil, Request{Slot: 15, Keys: 1, Asking: true}, moved},
		{"7 replica, READONLY, a read", replica, Request{Slot: 15, Keys: 1, ReadOnly: true}, nil},
		{"7 replica, READONLY, a write", replica, Request{Slot: 15, Keys: 1, ReadOnly: true, Write: true}, moved},
		{"7 replica, no READONLY", replica, Request{Slot: 15, Keys: 1}, moved},
		{"7 master, READONLY, another's slot", nil, Request{Slot: 15, Keys: 1, ReadOnly: true}, moved},
		{"8 another's", nil, Request{Slot: 15, Keys: 1}, moved},
		{"channels, no owner", nil, Request{Slot: 20, Keys: 1, Channels: true}, ErrSlotNotServed},
		{"channels of several slots", nil, Request{Slot: 5, Keys: 2, CrossSlot: true, Channels: true}, ErrCrossSlot},
		{"channels, down", down, Request{Slot: 5, Keys: 1, Channels: true}, nil},
		{"channels, down, another's", down, Request{Slot: 15, Keys: 1, Channels: true}, moved},
		{"channels of another", nil, Request{Slot: 15, Keys: 1, Channels: true}, moved},
		{"channels at a replica", replica, Request{Slot: 15, Keys: 1, Channels: true}, nil},
		{"channels, migrating", migrating, Request{Slot: 5, Keys: 2, Channels: true}, nil},
		{"channels, importing", importing, Request{Slot: 15, Keys: 1, Channels: true}, moved},
		{"channels, importing, asked", importing, Request{Slot: 15, Keys: 2, Channels: true, Asking: true}, nil},
		{"channels, ceded", ceded, Request{Slot: 15, Keys: 1, Channels: true}, nil},
		{"here", nil, Request{Slot: 5, Keys: 1, Write: true}, nil},
	} {
		top := routeTop()
		if c.with != nil {
			c.with(&top)
		}
		m, err := NewMap(top)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := Route(m, c.req)
		if (got == nil) != (c.want == nil) || got != nil && got.Error() != c.want.Error() {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A node has the channels that Route lets subscribers to, with and without ASKING.
func TestChannelSlots(t *testing.T) {
	for name, with := range map[string]func(*Topology){"master": func(*Topology) {}, "down": down, "migrating": migrating,
		"importing": importing, "ceded": ceded, "replica": replica} {
		top := routeTop()
		with(&top)
		m, err := NewMap(top)
		if err != nil {
			t.Fatal(err)
		}
		set := m.ChannelSlots()
		for slot := range Slot(25) {
			served := Route(m, Request{Slot: slot, Keys: 1, Channels: true, Asking: true}) == nil
			if set.Has(slot) != served {
				t.Errorf("%s: slot %d: in the set: %v, served: %v", name, slot, set.Has(slot), served)
			}
		}
	}
}

func TestErrorsAreTyped(t *testing.T) {
	var moved *MovedError
	err := error(&MovedError{9252, other, Addr{Host: "127.0.0.1", Port: 7002, BusPort: 17002}})
	if !errors.As(err, &moved) || err.Error() != "MOVED 9252 127.0.0.1:7002" {
		t.Errorf("%v", err)
	}
	if got := (&AskError{1, other, Addr{Host: "::1", Port: 7002, BusPort: 0}}).Error(); got != "ASK 1 ::1:7002" {
		t.Errorf("%v", got)
	}
	for _, e := range []error{ErrClusterDown, ErrDownReadOnly, ErrSlotNotServed} {
		if !errors.Is(e, ErrClusterDown) {
			t.Errorf("%v does not match ErrClusterDown", e)
		}
	}
	if errors.Is(ErrClusterDown, ErrSlotNotServed) {
		t.Error("ErrClusterDown matches ErrSlotNotServed")
	}
}

func BenchmarkRoute(b *testing.B) {
	m, err := NewMap(routeTop())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Route(m, Request{Slot: 5, Keys: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
