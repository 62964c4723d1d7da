package slotmesh

import (
	"maps"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// The note of a snapshot or a replica of an earlier version must go on to be read.
func TestOpenSlotsOfAnEarlierVersion(t *testing.T) {
	id := "\x01\x02" + string(make([]byte, 17)) + "\x03"
	note := "\x82\xa9Migrating\x81\xcd\x00\x05\xc4\x14" + id + "\xa9Importing\xc0"
	o, err := decodeOpenSlots([]byte(note))
	if err != nil || len(o.Migrating) != 1 || o.Migrating[5] != (slots.NodeID{1, 2, 19: 3}) || len(o.Importing)+
		len(o.Ceded) != 0 {
		t.Errorf("read %+v, %v", o, err)
	}
}

func TestOpenSlotsComeBack(t *testing.T) {
	at := func(slot slots.Slot, b byte) map[slots.Slot]slots.NodeID {
		return map[slots.Slot]slots.NodeID{slot: {b}}
	}
	o := openSlots{Migrating: at(1, 7), Importing: at(16383, 8), Ceded: at(300, 9)}
	b, err := o.encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeOpenSlots(b)
	if err != nil || !maps.Equal(back.Migrating, o.Migrating) || !maps.Equal(back.Importing, o.Importing) ||
		!maps.Equal(back.Ceded, o.Ceded) {
		t.Errorf("%+v is read back as %+v, %v", o, back, err)
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
