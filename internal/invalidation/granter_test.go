package invalidation

import (
	"fmt"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// granted is a granter with one holder that has a lease.
type granted struct {
	t      *testing.T
	now    time.Time
	g      *Granter
	h      *Grantee
	digest uint64
}

var ids = []slots.NodeID{{1}, {2}, {3}}

const leaseOfTest = 400 * time.Millisecond

// mapOf is a map of masters, seen by the first of ids.
func mapOf(t *testing.T, masters ...slots.NodeID) *slots.Map {
	t.Helper()
	all := slots.Full()
	top := slots.Topology{Self: ids[0], State: slots.OK}
	for _, id := range masters {
		top.Nodes = append(top.Nodes, slots.Node{ID: id})
	}
	top.Nodes[0].Slots = &all
	m, err := slots.NewMap(top)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newGranted(t *testing.T) *granted {
	x := &granted{t: t, now: time.Unix(1e9, 0), g: NewGranter()}
	x.setMap(ids[0], ids[1])
	x.h = x.g.Attach(ids[1])
	x.h.Receive(&Message{Kind: Register, Version: 1, Prefixes: []Prefix{{"p:", true}, {"q:", false}}}, x.now)
	if !x.renew() {
		t.Fatal("there is no lease")
	}
	return x
}

func (x *granted) setMap(masters ...slots.NodeID) {
	m := mapOf(x.t, masters...)
	list := membersOf(m)
	x.digest = list.digest(m.Self())
	x.g.SetMap(m, x.now)
	x.g.InForce()
}

// renew asks for a lease, and reports whether it was granted.
func (x *granted) renew() bool {
	x.h.Receive(&Message{Kind: Renew, Stamp: 1, Version: 1, Digest: x.digest, Lease: leaseOfTest}, x.now)
	list := x.drain()
	last := list[len(list)-1]
	return last.Kind == Grant && last.Granted
}

func (x *granted) drain() []Message {
	b, _ := x.h.Drain(nil)
	return split(x.t, b)
}

// write commits a write of a key, and returns its mark.
func (x *granted) write(key string) uint64 {
	x.g.Committed(7, []keyspace.Op{{Kind: keyspace.OpPut, Key: []byte(key)}}, func() time.Time { return x.now })
	return x.g.Mark(7)
}

// waits reports whether a write with this mark waits.
func (x *granted) waits(mark uint64) bool {
	_, _, ok := x.g.Pending(mark, x.now)
	return mark > 0 && !ok
}

func TestAWriteWaitsForTheAcknowledgement(t *testing.T) {
	x := newGranted(t)
	for _, key := range []string{"p", "q:1", "other"} {
		if mark := x.write(key); mark != 0 {
			t.Errorf("the write of %q waits for %d", key, mark)
		}
	}
	mark := x.write("p:1")
	if !x.waits(mark) {
		t.Fatal("nothing waits")
	}
	list := x.drain()
	if len(list) != 2 || string(list[0].Key) != "q:1" || string(list[1].Key) != "p:1" {
		t.Fatalf("the holder was told %+v", list)
	}
	x.h.Receive(&Message{Kind: Ack, Number: list[0].Number}, x.now)
	if !x.waits(mark) {
		t.Error("an earlier acknowledgement is enough")
	}
	x.h.Receive(&Message{Kind: Ack, Number: list[1].Number}, x.now)
	if x.waits(mark) || x.g.Mark(7) != 0 {
		t.Error("it waits after the acknowledgement")
	}
}

func TestAWriteWaitsForALeaseAtMost(t *testing.T) {
	x := newGranted(t)
	mark := x.write("p:1")
	x.h.Detach(x.now)
	x.now = x.now.Add(leaseOfTest)
	if !x.waits(mark) {
		t.Error("it does not wait although the holder's clock may be slower")
	}
	x.now = x.now.Add(leaseOfTest/10 + 1)
	if x.waits(mark) {
		t.Error("it waits after the lease")
	}
	if x.g.Sweep(x.now); x.g.Active() {
		t.Error("the holder is not forgotten")
	}
}

func TestNoWriteWaitsForAHolderThatHasReleased(t *testing.T) {
	x := newGranted(t)
	mark := x.write("p:1")
	x.h.Receive(&Message{Kind: Release}, x.now)
	if x.waits(mark) {
		t.Error("it waits")
	}
}

// A holder that does not acknowledge gets no further lease, so that the wait has an end.
func TestAHolderThatIsBehindGetsNoLease(t *testing.T) {
	x := newGranted(t)
	mark := x.write("p:1")
	x.now = x.now.Add(leaseOfTest - 1)
	if !x.renew() {
		t.Error("no lease although it is hardly behind")
	}
	x.now = x.now.Add(1)
	if x.renew() {
		t.Error("a lease although it is behind")
	}
	x.now = x.now.Add(2 * leaseOfTest)
	if x.waits(mark) {
		t.Error("the write waits for more than two leases")
	}
}

// A holder that counts on other members than the granter gets no lease; those that were
// granted before are over before a slot is opened.
func TestLeasesDependOnTheMembers(t *testing.T) {
	x := newGranted(t)
	if d := x.g.Unsettled(x.now); d != 0 {
		t.Errorf("unsettled for %v", d)
	}
	old := x.digest
	x.setMap(ids...)
	if d := x.g.Unsettled(x.now); d != leaseOfTest+leaseOfTest/10 {
		t.Errorf("unsettled for %v", d)
	}
	current := x.digest
	if x.digest = old; x.renew() {
		t.Error("a lease for a holder that does not know of a member")
	}
	if x.digest = current; !x.renew() {
		t.Error("no lease for a holder that knows of all")
	}
	x.now = x.now.Add(leaseOfTest + leaseOfTest/10)
	if d := x.g.Unsettled(x.now); d != 0 {
		t.Errorf("unsettled for %v more", d)
	}
}

// A holder that takes nothing costs a bounded queue; then it hears that all has changed.
func TestTheQueueIsBounded(t *testing.T) {
	x := newGranted(t)
	var mark uint64
	for i := range 100_000 {
		mark = x.write(fmt.Sprint("p:", i))
		if n := len(x.h.queue.b); n > maxQueue+1000 {
			t.Fatalf("%d bytes wait", n)
		}
	}
	list := x.drain()
	if list[0].Kind != All || list[len(list)-1].Number != mark {
		t.Errorf("it hears first %+v, then of %d of %d changes", list[0], list[len(list)-1].Number, mark)
	}
}
