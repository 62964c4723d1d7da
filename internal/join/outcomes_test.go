package join

import (
	"errors"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// All that wait for an address hear of its outcome, once; those that have given up, or
// wait for another address, do not.
func TestOutcomes(t *testing.T) {
	var o Outcomes
	a, b := slots.Addr{Host: "a"}, slots.Addr{Host: "b"}
	refused := errors.New("refused")
	o.Tell(a, nil) // with nobody waiting
	first, _ := o.Await(a)
	gone, forget := o.Await(a)
	second, forgetSecond := o.Await(a)
	other, forgetOther := o.Await(b)
	forget()
	o.Tell(a, refused)
	for i, ch := range []<-chan error{first, second} {
		select {
		case err := <-ch:
			if err != refused {
				t.Errorf("waiter %d hears %v", i, err)
			}
		default:
			t.Errorf("waiter %d hears nothing", i)
		}
	}
	forgetSecond() // after the outcome
	o.Tell(a, nil)
	for i, ch := range []<-chan error{first, gone, second, other} {
		select {
		case err := <-ch:
			t.Errorf("channel %d has another outcome: %v", i, err)
		default:
		}
	}
	forgetOther()
	if len(o.waiting) != 0 {
		t.Errorf("left: %v", o.waiting)
	}
}
