package migrate

import (
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestSimulationWithALiar is the simulation with a third master that, between other things,
// takes part in sessions that are none of its business: it opens, fills, claims, lists and
// closes slots of the others at source and target, in the name of jobs of its own or of the
// job that runs.
func TestSimulationWithALiar(t *testing.T) {
	for seed := range simSeeds(t) / 3 {
		w := newWorld(seed)
		w.liar = w.nodes[simThird]
		w.simulate(t, seed)
	}
}

// lie is one session of the liar, of a few messages.
func (w *world) lie() {
	if w.liar == nil {
		return
	}
	// The driver lets a job's earlier session end, with the changes that it has begun, before
	// the next one is heard.
	to := w.nodes[w.r.IntN(simNodes)]
	if !to.alive || to == w.liar || len(to.changes) > 0 || w.r.IntN(4) > 0 {
		return
	}
	l := &simLink{from: w.liar, to: to, r: NewReceiver(ReceiverConfig{Map: to.view, From: w.liar.id,
		Known: to.registry.Job, Returning: to.returning, Leaving: to.leaving, Standing: to.Standing, Staging: to.staging})}
	all := w.someSlots()
	id := JobID{byte(2 + w.r.IntN(9))}
	if _, known := to.registry.Job(JobID{1}); known && w.r.IntN(4) == 0 {
		id = JobID{1} // before, nobody can guess it
	}
	hello := Message{typ: msgHello, job: id, kind: KindMove, source: w.liar.id, target: to.id,
		slots: &all}
	if w.r.IntN(4) == 0 {
		hello.source = w.nodes[simSource].id // not what the connection says
	}
	if w.r.IntN(4) == 0 {
		hello.kind = KindReturn
	}
	w.logf("node %d lies to node %d about %v, job %d of kind %v", w.liar.index, to.index, all, hello.job[0], hello.kind)
	for n, m := uint64(1), hello; n < 2+w.r.Uint64N(6); n++ {
		if l.r.Receive(w.now, m) != nil {
			break
		}
		l.run(w)
		set := w.someSlots()
		m = Message{typ: []msgType{msgPrepare, msgFinalise, msgAbandon, msgList, msgPart, msgPart, msgBye}[w.r.IntN(7)], n: n,
			slots: &set}
		if m.typ == msgPart && hello.kind == KindMove { // a return may bring a key that is not there
			slot := slots.Slot(w.r.IntN(simSlots))
			m.data = keyspace.AppendOp(nil, &keyspace.Op{Kind: keyspace.OpPut, Slot: slot, Type: keyspace.String,
				Key: []byte(key(slot, w.r.IntN(simKeys))), Value: []byte("lie"), Version: 1 << 60})
			m.size = uint64(len(m.data))
		}
	}
	l.break_(w)
}

// someSlots returns some of the slots that move, and of those that do not.
func (w *world) someSlots() (set slots.Set) {
	for slot := range slots.Slot(simSlots + 2) {
		if w.r.IntN(2) == 0 && !w.raced.Has(slot) {
			set.Add(slot)
		}
	}
	return set
}
