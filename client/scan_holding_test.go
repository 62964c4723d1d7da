package client

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/slots"
)

func TestHoldingIn(t *testing.T) {
	a, b, gone := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	members, err := clusterproto.ParseNodes(a + " 1:1@2 master - 0 0 3 connected 0-99\n" +
		b + " 2:1@2,name myself,master - 0 0 4 connected 100-199 7 [7->-" + a + "] [8-<-" + a + "] [9->-" + gone + "]\n")
	if err != nil {
		t.Fatal(err)
	}
	h := holdingIn(members)
	if got := h.owns.String(); got != "7 100-199" {
		t.Errorf("owns %s", got)
	}
	if want := (Endpoint{ID: members[0].ID, Addr: slots.Addr{Host: "1", Port: 1, BusPort: 2}}); len(h.leaving) != 1 ||
		h.leaving[7] != want {
		t.Errorf("leaving %v", h.leaving)
	}
}
