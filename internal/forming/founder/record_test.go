package founder

import (
	"errors"
	"testing"

	"github.com/slotmesh/slotmesh/internal/forming"
	"github.com/slotmesh/slotmesh/slots"
)

// What is written is read again; anything else is refused.
func TestRecord(t *testing.T) {
	st := &forming.State{Terms: forming.Terms{Name: "a", List: []string{"a:1"}, Expect: 3},
		Promised: forming.Ballot{Round: 7, Node: slots.NodeID{1}}}
	for _, settled := range []bool{false, true} {
		f := &Founder{}
		r := record{state: forming.EncodeState(st), settled: settled}
		got, err := f.decodeRecord(r.encode())
		if err != nil || got.Promised != st.Promised || f.record.settled != settled {
			t.Errorf("settled %t: %+v, %v", settled, got, err)
		}
	}
	for _, data := range []string{"", "\x01", "\x02\x00", "\x01\x02"} {
		if _, err := new(Founder).decodeRecord([]byte(data)); !errors.Is(err, errRecord) {
			t.Errorf("%q: %v", data, err)
		}
	}
	if _, err := new(Founder).decodeRecord([]byte("\x01\x00garbage")); !errors.Is(err, forming.ErrMalformed) {
		t.Errorf("a damaged state: %v", err)
	}
}

// FuzzRecord reads what may be in the file.
func FuzzRecord(f *testing.F) {
	f.Add([]byte{1, 0})
	f.Add((&record{state: forming.EncodeState(&forming.State{}), settled: true}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if st, err := new(Founder).decodeRecord(data); (st == nil) != (err != nil) {
			t.Errorf("%v, %v", st, err)
		}
	})
}
