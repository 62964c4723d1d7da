package replicator

import "testing"

// TestSealedAcks: what replicas held when a master was demoted stays true, and more than
// that will never be.
func TestSealedAcks(t *testing.T) {
	var table ackTable
	table.ack(1, 100)
	table.ack(2, 80)
	table.ack(3, 90)
	table.gone(3)
	woken := 0
	w := waiter{offset: 100, want: 2, wake: func() { woken++ }}
	if !table.wait(&w) {
		t.Fatal("two replicas at 100?")
	}
	last := table.seal(100, ErrDemoted)
	if woken != 1 || w.err != ErrDemoted {
		t.Errorf("who waited was woken %d times with %v", woken, w.err)
	}
	for offset, want := range map[int64]int{50: 2, 80: 2, 81: 1, 100: 1, 101: 1} {
		if got := last.count(offset); got != want {
			t.Errorf("%d replicas held offset %d, want %d", got, offset, want)
		}
	}
}
