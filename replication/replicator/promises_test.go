package replicator

import (
	"math"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestPromisesAreNotesOfTheStream(t *testing.T) {
	log := NewBacklog(0)
	log.hold(0)
	p := NewPromises(log)
	low, high := slots.NewSet(0, 63, 64), slots.NewSet(64, slots.Count-1)
	before := log.Offset()
	end, err := p.Raise(&low, 1)
	if err != nil || end <= before || end != log.Offset() {
		t.Fatalf("a promise ends at %d of %d, %v", end, log.Offset(), err)
	}
	if again, err := p.Raise(&low, 1); err != nil || again != end || log.Offset() != end {
		t.Errorf("the same promise again ends at %d, %v", again, err)
	}
	if end, err = p.Raise(&high, 1000); err != nil || end != log.Offset() {
		t.Errorf("a greater promise ends at %d, %v", end, err)
	}
	for slot, want := range map[slots.Slot]int{0: 1, 1: 0, 63: 1, 64: maxPromise, 65: 0, slots.Count - 1: maxPromise} {
		if p.Of(slot) != want || NewPromises(log).Of(slot) != want {
			t.Errorf("slot %d: %d, from the notes %d; want %d", slot, p.Of(slot), NewPromises(log).Of(slot), want)
		}
	}
	if err := p.Clear(); err != nil || p.Of(0) != 0 || len(log.Metadata()) != 0 {
		t.Errorf("cleared: %d, %d notes, %v", p.Of(0), len(log.Metadata()), err)
	}
}

// A replica promises nothing that its master has not.
func TestAReplicaPromisesNothing(t *testing.T) {
	log := NewBacklog(0)
	p := NewPromises(log)
	log.follow()
	set := slots.NewSet(3)
	if _, err := p.Raise(&set, 1); err == nil || p.Of(3) != 0 {
		t.Errorf("%d, %v", p.Of(3), err)
	}
}

// Metadata come from other nodes: one that is too long, or too short, is taken as far as
// it makes sense.
func TestPromisesFromOddMetadata(t *testing.T) {
	log := NewBacklog(0)
	long := make([]byte, 1000)
	for i := range long {
		long[i] = 2
	}
	for name, data := range map[string][]byte{promiseNote(255): long, promiseNote(0): {7}, promiseNote(256): long} {
		if _, err := log.PutMetadata(name, data); err != nil {
			t.Fatal(err)
		}
	}
	p := NewPromises(log)
	if p.Of(0) != 7 || p.Of(1) != 0 || p.Of(255*promisesEach) != 2 || p.Of(slots.Count-1) != 2 {
		t.Errorf("%d, %d, %d, %d", p.Of(0), p.Of(1), p.Of(255*promisesEach), p.Of(slots.Count-1))
	}
}

func TestDeparturesCountFromAWriteOn(t *testing.T) {
	var d Departures
	one, both := slots.NewSet(1), slots.NewSet(1, 2)
	early := d.Count()
	if got := d.Left(&both, early); got != math.MaxInt {
		t.Errorf("nothing has left: %d", got)
	}
	d.Leave([]slots.Slot{1}, 2)
	late := d.Count()
	d.Leave([]slots.Slot{2}, 0)
	if got := d.Left(&one, early); got != 2 {
		t.Errorf("%d replicas hold what left, want 2", got)
	}
	if got := d.Left(&both, early); got != 0 {
		t.Errorf("%d replicas hold all that left, want 0", got)
	}
	if got := d.Left(&one, late); got != math.MaxInt {
		t.Errorf("a write after the departure: %d", got)
	}
	d.Leave([]slots.Slot{1}, 1)
	if got := d.Left(&one, early); got != 1 {
		t.Errorf("after two departures: %d, want the smaller", got)
	}
	d.Open(&one)
	if got := d.Left(&one, early); got != math.MaxInt {
		t.Errorf("after the slot was opened anew: %d", got)
	}
}
