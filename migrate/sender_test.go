package migrate

import (
	"slices"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// script drives a sender by hand: the test is its target, its node and its keys.
type script struct {
	t    *testing.T
	s    *Sender
	now  time.Time
	todo []Effect
}

var (
	scriptSelf      = slots.NodeID{'S'}
	scriptTarget    = slots.NodeID{'T'}
	scriptSuccessor = slots.NodeID{'H'}
)

// scriptMap is a map in which the source owns slot 0; a demoted target replicates its
// successor.
func scriptMap(t *testing.T, demoted bool, migrating map[slots.Slot]slots.NodeID) *slots.Map {
	t.Helper()
	own, others := slots.NewSet(0), slots.NewSet(1)
	target, successor := slots.Node{ID: scriptTarget, Slots: &others}, slots.Node{ID: scriptSuccessor,
		Master: scriptTarget}
	if demoted {
		target, successor = slots.Node{ID: scriptTarget, Master: scriptSuccessor}, slots.Node{ID: scriptSuccessor,
			Slots: &others}
	}
	m, err := slots.NewMap(slots.Topology{Self: scriptSelf, State: slots.OK, Migrating: migrating,
		Nodes: []slots.Node{{ID: scriptSelf, Slots: &own}, target, successor}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newScript(t *testing.T) *script {
	c := &script{t: t, now: time.Unix(1000, 0)}
	job := Job{ID: JobID{1}, Kind: KindMove, Slots: slots.NewSet(0), Target: scriptTarget}
	c.s = newSender(c.now, job, scriptMap(t, false, nil), func(slots.Slot) int { return 10 }, noPromises{}, usualLimits)
	c.connect()
	return c
}

// connect answers until the sender's connection stands.
func (c *script) connect() {
	c.t.Helper()
	c.now = c.now.Add(2 * time.Second)
	c.s.Tick(c.now)
	expect[Dial](c)
	c.s.Connected(c.now)
	c.s.Receive(c.now, Message{typ: msgWelcome})
}

// collected says that a batch has all keys of slot 0, so many bytes of them.
func (c *script) collected(batch uint64, keys int, size uint64) {
	p := &payload{keys: keys, size: size, slots: []slots.Slot{0}}
	c.s.collected(c.now, batch, p, position{index: 1}, keys, nil)
}

// open brings the window to moving.
func (c *script) open() {
	c.t.Helper()
	c.answer(msgPrepare)
	e := expect[SetSlots](c)
	c.s.Changed(c.now, e.N, nil)
}

// answer says that the target has done what a message asked.
func (c *script) answer(want msgType) {
	c.t.Helper()
	for {
		if m := expect[Send](c).Message; m.typ == want {
			c.s.Receive(c.now, Message{typ: msgDone, n: m.n})
			return
		}
	}
}

// next returns the next effect of a kind, and passes others over.
func next[E Effect](c *script) (e E, ok bool) {
	c.todo = append(c.todo, c.s.output()...)
	for i := range c.todo {
		if e, ok := c.todo[i].(E); ok {
			c.todo = c.todo[i+1:]
			return e, true
		}
	}
	return e, false
}

func expect[E Effect](c *script) E {
	c.t.Helper()
	e, ok := next[E](c)
	if !ok {
		c.t.Fatalf("no %T came", e)
	}
	return e
}

// TestNoPassBeginsWhileABatchIsUndecided: keys of a batch that is refused stay here, so
// that a pass that began before, and met none but them, would end the move without them.
func TestNoPassBeginsWhileABatchIsUndecided(t *testing.T) {
	c := newScript(t)
	c.open()
	if slices.ContainsFunc(c.s.out, func(e Effect) bool { _, ok := e.(ForgetDeletions); return ok }) {
		t.Error("a Move forgets what was deleted here")
	}
	first := expect[collect](c)
	c.collected(first.batch, 10, 1000)
	expect[sendPart](c)
	c.s.Tick(c.now)
	if e, ok := next[collect](c); ok {
		t.Fatalf("batch %d is taken while batch %d is undecided", e.batch, first.batch)
	}
	c.s.Receive(c.now, Message{typ: msgRefuse, n: first.batch, text: "no room"})
	if e := expect[commit](c); e.acked {
		t.Fatal("a refused batch counts as acknowledged")
	}
	// The target is asked again whether it is ready; the slot is open already.
	c.now = c.now.Add(retryAfter)
	c.s.Tick(c.now)
	c.answer(msgPrepare)
	second := expect[collect](c)
	if second.from != (position{}) {
		t.Fatalf("the next pass begins at %+v", second.from)
	}
	c.collected(second.batch, 10, 1000)
	part := expect[sendPart](c)
	c.s.Receive(c.now, Message{typ: msgAck, n: part.batch, size: 1000})
	if e := expect[commit](c); !e.acked {
		t.Fatal("an acknowledged batch counts as refused")
	}
	last := expect[collect](c) // the pass met keys: another one must find none
	c.collected(last.batch, 0, 0)
	expect[sweep](c)
	c.answer(msgFinalise)
	if e := expect[SetSlots](c); e.Action != Assign || e.Peer != scriptTarget {
		t.Fatalf("at last %v %v", e.Action, e.Peer)
	}
}

// TestRetargetWhileOpening: the target is replaced while the slot is being marked as
// migrating to it: the mark has to point to the new target before a key moves, and that
// has to import first.
func TestRetargetWhileOpening(t *testing.T) {
	c := newScript(t)
	c.answer(msgPrepare)
	old := expect[SetSlots](c)
	if old.Action != Migrating || old.Peer != scriptTarget {
		t.Fatalf("opening is %v %v", old.Action, old.Peer)
	}
	open := map[slots.Slot]slots.NodeID{0: scriptTarget}
	c.s.MapChanged(c.now, scriptMap(t, true, nil))
	c.s.Changed(c.now, old.N, nil)
	c.s.MapChanged(c.now, scriptMap(t, true, open))
	c.now = c.now.Add(2 * time.Second)
	c.s.Tick(c.now)
	if e := expect[Dial](c); e.Target != scriptSuccessor {
		t.Fatalf("it goes on with %v", e.Target)
	}
	c.s.Connected(c.now)
	c.s.Receive(c.now, Message{typ: msgWelcome})
	c.answer(msgPrepare)
	e := expect[SetSlots](c)
	if e.Action != Migrating || e.Peer != scriptSuccessor {
		t.Fatalf("the slot is %v to %v", e.Action, e.Peer)
	}
	if e, ok := next[collect](c); ok {
		t.Fatalf("keys are taken before the slot points to the new target: %+v", e)
	}
	c.s.Changed(c.now, e.N, nil)
	expect[collect](c)
}

// TestRetargetBeforeOpening: the same while the mark waits for its turn, here because the
// disk failed: the new target has to be prepared first.
func TestRetargetBeforeOpening(t *testing.T) {
	c := newScript(t)
	c.answer(msgPrepare)
	c.s.Changed(c.now, expect[SetSlots](c).N, errFault)
	c.s.MapChanged(c.now, scriptMap(t, true, nil))
	c.now = c.now.Add(2 * time.Second)
	c.s.Tick(c.now)
	if e, ok := next[SetSlots](c); ok {
		t.Fatalf("the slot is %v to %v, who is not prepared", e.Action, e.Peer)
	}
}

// TestKeysThatCameBackMoveAgain: a target that had lost this node for a while has
// returned keys, to a window that was empty already. When it is prepared anew the window
// is looked through once more.
func TestKeysThatCameBackMoveAgain(t *testing.T) {
	c := newScript(t)
	c.open()
	first := expect[collect](c)
	c.collected(first.batch, 0, 0)
	finalise := expect[Send](c)
	if finalise.Message.typ != msgFinalise {
		t.Fatalf("message %d", finalise.Message.typ)
	}
	c.s.Receive(c.now, Message{typ: msgRefuse, n: finalise.Message.n, text: "slot 0 is not being imported here any more"})
	c.now = c.now.Add(retryAfter)
	c.s.Tick(c.now)
	c.answer(msgPrepare)
	expect[collect](c)
}

// TestAReturnEndsWhenItsOwnerIsReplaced: an owner that dies with a batch of a Return
// undecided does not answer any more. Its successor is another Return's business; writes
// to the batch's keys must not wait for ever.
func TestAReturnEndsWhenItsOwnerIsReplaced(t *testing.T) {
	c := &script{t: t, now: time.Unix(1000, 0)}
	owned := func(by slots.NodeID) *slots.Map {
		target, successor, set := slots.Node{ID: scriptTarget}, slots.Node{ID: scriptSuccessor}, slots.NewSet(0)
		if by == scriptTarget {
			target.Slots = &set
		} else {
			successor.Slots = &set
		}
		own := slots.NewSet(1)
		m, err := slots.NewMap(slots.Topology{Self: scriptSelf, State: slots.OK,
			Nodes: []slots.Node{{ID: scriptSelf, Slots: &own}, target, successor}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	job := Job{ID: JobID{2}, Kind: KindReturn, Slots: slots.NewSet(0), Target: scriptTarget}
	c.s = newSender(c.now, job, owned(scriptTarget), func(slots.Slot) int { return 10 }, noPromises{}, usualLimits)
	c.connect()
	if e := expect[ForgetDeletions](c); !slices.Equal(e.Slots, []slots.Slot{0}) {
		t.Errorf("deletions are forgotten in %v", e.Slots)
	}
	batch := expect[collect](c)
	c.collected(batch.batch, 10, 1000)
	expect[sendPart](c)
	c.s.Disconnected(c.now, "connection lost")
	c.s.MapChanged(c.now, owned(scriptSuccessor))
	if e := expect[commit](c); e.acked {
		t.Error("the batch counts as acknowledged")
	}
	expect[Finish](c)
}
