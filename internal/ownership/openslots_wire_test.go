package ownership

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/slotmesh/slotmesh/slots"
)

// Metadata of a snapshot or a replica of an earlier version must go on to be read.
func TestOpenSlotsOfAnEarlierVersion(t *testing.T) {
	id := "\x01\x02" + string(make([]byte, 17)) + "\x03"
	note := "\x82\xa9Migrating\x81\xcd\x00\x05\xc4\x14" + id + "\xa9Importing\xc0"
	o, err := decodeOpenSlots([]byte(note))
	if err != nil || len(o.Migrating) != 1 || o.Migrating[5] != (slots.NodeID{1, 2, 19: 3}) || len(o.Importing)+
		len(o.Ceded) != 0 {
		t.Errorf("read %+v, %v", o, err)
	}
}

func slotsAt(slot slots.Slot, b byte) map[slots.Slot]slots.NodeID {
	return map[slots.Slot]slots.NodeID{slot: {b}}
}

// TestOpenSlotsBytes: the bytes are those that earlier versions wrote by reflection, and
// the same for the same slots.
func TestOpenSlotsBytes(t *testing.T) {
	o := OpenSlots{Migrating: slotsAt(1, 7), Importing: slotsAt(16383, 8)}
	id := func(b byte) string { return "\xc4\x14" + string([]byte{b}) + string(make([]byte, 19)) }
	golden := "\x83\xa9Migrating\x81\xcd\x00\x01" + id(7) + "\xa9Importing\x81\xcd\x3f\xff" + id(8) + "\xa5Ceded\x80"
	if got := o.encode(); string(got) != golden {
		t.Errorf("%+v is written as\n%x, want\n%x", o, got, golden)
	}
	type ids map[slots.Slot][len(slots.NodeID{})]byte
	type wire struct{ Migrating, Importing, Ceded ids }
	for _, n := range []int{1, 15, 16, slots.Count} {
		all, same := make(map[slots.Slot]slots.NodeID), make(ids)
		for slot := range slots.Slot(n) {
			all[slot], same[slot] = slots.NodeID{byte(slot)}, [len(slots.NodeID{})]byte{byte(slot)}
		}
		o := OpenSlots{Ceded: all}
		b := o.encode()
		var w wire
		if err := msgpack.Unmarshal(b, &w); err != nil || !maps.Equal(w.Ceded, same) {
			t.Errorf("an earlier version reads %d slots as %d, %v", n, len(w.Ceded), err)
		}
		reflected, err := msgpack.Marshal(wire{ids{}, ids{}, same})
		if err != nil || len(reflected) != len(b) {
			t.Errorf("%d slots take %d bytes, took %d before (%v)", n, len(b), len(reflected), err)
		}
		if !bytes.Equal(b, o.encode()) {
			t.Errorf("%d slots are other bytes the second time", n)
		}
	}
}

func TestOpenSlotsComeBack(t *testing.T) {
	o := OpenSlots{Migrating: slotsAt(1, 7), Importing: slotsAt(16383, 8), Ceded: slotsAt(300, 9)}
	back, err := decodeOpenSlots(o.encode())
	if err != nil || !maps.Equal(back.Migrating, o.Migrating) || !maps.Equal(back.Importing, o.Importing) ||
		!maps.Equal(back.Ceded, o.Ceded) {
		t.Errorf("%+v is read back as %+v, %v", o, back, err)
	}
	if none, err := decodeOpenSlots((&OpenSlots{}).encode()); err != nil || !none.empty() {
		t.Errorf("nothing is read back as %+v, %v", none, err)
	}
}

// TestBadOpenSlots: errors say what is wrong where.
func TestBadOpenSlots(t *testing.T) {
	for bad, want := range map[string]string{
		"\x90": "the whole at byte 0 of 1 is an array: want a map",
		"\x81\xa5Ceded\x81\xcd\x40\x00\xc4\x14" + string(make([]byte, 20)): "Ceded at byte 8 of 33 is 16384, out of range",
		"\x81\xa5Ceded\x81\x01\xc4\x02xx":                                  "Ceded at byte 9 of 13 has 2 bytes instead of 20",
		"\x80\x00":                                                         "what follows the end at byte 1 of 2",
	} {
		const class = "slotmesh: the note of open slots: "
		if o, err := decodeOpenSlots([]byte(bad)); err == nil || !strings.HasPrefix(err.Error(), class+want) || !o.empty() {
			t.Errorf("%x: %+v, %v, want %q", bad, o, err, want)
		}
	}
}

func FuzzOpenSlots(f *testing.F) {
	f.Add([]byte("\x82\xa9Migrating\x81\xcd\x00\x05\xc4\x14" + string(make([]byte, 20)) + "\xa9Importing\xc0"))
	f.Add([]byte("\x81\xa5Ceded\xdf\xff\xff\xff\xff\x01\xc4\x14"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := decodeOpenSlots(b)
		if err == nil && len(o.Migrating)+len(o.Importing)+len(o.Ceded) > len(b) {
			t.Fatalf("%d bytes are read as %d slots", len(b), len(o.Migrating)+len(o.Importing)+len(o.Ceded))
		}
	})
}
