package slotmesh

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestHoldingIn(t *testing.T) {
	id := func(id, addr string) place { return place{addr: slots.Addr{Host: id + addr}} }
	h := holdingIn("aa 1:1@2 master - 0 0 3 connected 0-99\n"+
		"bb 2:1@2,name myself,master - 0 0 4 connected 100-199 7 [7->-aa] [8-<-aa] [9->-gone]\n"+
		"cut short\n", id)
	if got := h.owns.String(); got != "7 100-199" {
		t.Errorf("owns %s", got)
	}
	if want := id("aa", "1:1@2"); len(h.leaving) != 1 || h.leaving[7] != want {
		t.Errorf("leaving %v", h.leaving)
	}
}

func FuzzHoldingIn(f *testing.F) {
	f.Add("bb 2:1@2,name myself,master - 0 0 4 connected 100-199 7 [7->-bb] [8-<-aa]\n")
	f.Add("bb 2:1@2 myself - 0 0 4 connected 9-1 16384 0-99999 [->-] [-<-\n")
	f.Fuzz(func(t *testing.T, text string) {
		h := holdingIn(text, (&scan{Router: Router{reach: &clientReach{}}}).placeIn)
		for slot := range h.leaving {
			if slot >= slots.Count {
				t.Errorf("slot %d", slot)
			}
		}
	})
}
