package migrate

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Promises are the acknowledgements that writers of this node were given: how many
// replicas hold their writes. A sender calls Leave and then Of; an implementation that
// answers a writer makes the promise first and then checks what has left. So whichever is
// later sees the other.
type Promises interface {
	// Of returns how many replicas must hold the keys of a slot wherever they go.
	Of(slot slots.Slot) int
	// Raise makes that number at least k, for slots that come here from a node that promised
	// it. Replicas that hold this node's stream up to now know of it.
	Raise(set *slots.Set, k int) error
	// Leave notes that keys of some slots are about to be deleted here, and how many of the
	// target's replicas hold them.
	Leave(list []slots.Slot, held int)
}

// noPromises are those of a node that promises its writers nothing.
type noPromises struct{}

func (noPromises) Of(slots.Slot) int           { return 0 }
func (noPromises) Raise(*slots.Set, int) error { return nil }
func (noPromises) Leave([]slots.Slot, int)     {}

// promise is a number of replicas that writers in some slots were told.
type promise struct {
	replicas int
	slots    slots.Set
}

// promisesOf groups slots by what was promised in them; those without a promise are in
// none.
func promisesOf(p Promises, set *slots.Set) (list []promise) {
	for slot := range set.All() {
		if k := p.Of(slot); k > 0 {
			list = addPromise(list, promise{k, slots.NewSet(slot)})
		}
	}
	return list
}

// addPromise keeps one entry for each number.
func addPromise(list []promise, p promise) []promise {
	for i := range list {
		if list[i].replicas == p.replicas {
			list[i].slots.Union(&p.slots)
			return list
		}
	}
	return append(list, p)
}

// promisedTo returns the greatest promise among the slots of a batch.
func promisedTo(list []promise, ops []keyspace.Op) (most int) {
	for i := range list {
		p := &list[i]
		for j := 0; j < len(ops) && p.replicas > most; j++ {
			if p.slots.Has(ops[j].Slot) {
				most = p.replicas
			}
		}
	}
	return most
}

// mostPromised returns the greatest of some promises.
func mostPromised(list []promise) (most int) {
	for i := range list {
		most = max(most, list[i].replicas)
	}
	return most
}

// lacking says that a node has too few replicas for what comes to it.
func lacking(node slots.NodeID, want, good int) error {
	return fmt.Errorf("writes that come with the slots have to be held by %d of node %s's replicas, and %d are in "+
		"good standing: "+
		"the move waits until it has them; bring them back, or add some (CLUSTER REPLICATE)", want, node.Short(), good)
}

// leastPromised returns the smallest promise among the slots that are to do.
func (s *Sender) leastPromised() int {
	least := maxPromise
	for slot := range s.todo.All() {
		if least = min(least, s.told.Of(slot)); least == 0 {
			break
		}
	}
	return least
}

// leave notes that held of the target's replicas have a batch, which is what writers of
// its keys are told from now on. It returns how many must have it before it is deleted
// here.
func (s *Sender) leave(b *batch, held int) (want int) {
	s.told.Leave(b.slots, held)
	for _, slot := range b.slots {
		want = max(want, s.told.Of(slot))
	}
	return want
}

// tooFew keeps a batch here that the target has stored and too few of its replicas hold:
// more was promised since the target was asked. The source tells the new number and sends
// the batch again; the target acknowledges it when enough replicas have it. Writes to its
// keys are rejected meanwhile, since a replica may have them already.
func (s *Sender) tooFew(now time.Time, b *batch, want, held int) {
	s.progress.Waiting = fmt.Sprintf("%d of the target's replicas hold a batch, but its writers were promised %d", held,
		want)
	b.sent, b.acked = 0, 0
	s.put(reject{b.id, true})
	if s.job.Kind == KindReturn { // the hello says what was promised
		s.put(HangUp{})
		s.Disconnected(now, s.progress.Waiting)
		return
	}
	s.again(now, b.window)
}

// delay notes that a batch, and all behind it, wait for the target's replicas. It is
// unknown for how long, so writes to their keys are rejected.
func (s *Sender) delay(m Message) {
	if s.batch(m.n) == nil {
		return
	}
	s.progress.Waiting, s.delayed = m.text, true
	for _, w := range s.windows {
		if w.copy != nil && w.copy.frozen {
			s.dropCopy(w)
		}
	}
	for _, b := range s.batches {
		s.put(reject{b.id, true})
	}
}

// onTime undoes delay.
func (s *Sender) onTime() {
	if !s.delayed {
		return
	}
	s.delayed = false
	for _, w := range s.windows {
		if w.phase == moving {
			s.reject(w, false)
		}
	}
}

// reject makes writes to those keys of a window that are in flight fail instead of
// waiting, or wait again.
func (s *Sender) reject(w *window, rejecting bool) {
	for _, b := range s.batches {
		if b.window == w {
			s.put(reject{b.id, rejecting})
		}
	}
}

// targetIsBare reports whether the target has no slot yet, while writers in those that
// are to come were promised replicas. No replica succeeds a master without slots
// (docs/spec.md §6.2), so that its replicas could not save what they hold.
func (s *Sender) targetIsBare() bool {
	if n := s.m.Node(s.job.Target); s.job.Kind != KindMove || n == nil || n.HasSlots() {
		return false
	}
	for slot := range s.todo.All() {
		if s.told.Of(slot) > 0 {
			return true
		}
	}
	return false
}

// beginFirst moves the slot with the fewest keys by itself, if possible one without keys.
// When the target owns it, a replica can succeed the target, and the other slots follow.
func (s *Sender) beginFirst() {
	var first slots.Slot
	fewest := -1
	for slot := range s.todo.All() {
		if k := s.keys(slot); fewest < 0 || k < fewest {
			first, fewest = slot, k
		}
	}
	set := slots.NewSet(first)
	s.todo.Subtract(&set)
	s.newWindow(set).estimate = fewest
}
