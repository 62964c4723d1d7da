package admin

import "testing"

func TestViewListsItsNodes(t *testing.T) {
	w := newWorld(t, 2)
	w.own(0, "0-8190 8195")
	w.replica(1)
	w.nodes[2].Err = errGone
	want := `M: 0000000000000000000000000000000000000001 10.0.0.1:7000
   slots:[0-8190],[8195] (8192 slots) master
M: 0000000000000000000000000000000000000002 10.0.0.2:7000
   slots:[8192-16383] (8192 slots) master
   1 additional replica(s)
S: 0000000000000000000000000000000000000003 10.0.0.3:7000 (does not answer)
   slots: (0 slots) slave
   replicates 0000000000000000000000000000000000000002
`
	if got := w.view().String(); got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
}
