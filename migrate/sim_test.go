package migrate

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestSimulation runs seeded schedules of a job with clients, lost connections,
// partitions, crashes of source and target, failovers of either, a third node that claims
// slots, and cancellation; then lets everything come to rest and checks that no slot is
// open, all nodes agree on one owner, and every key is there exactly once, with the value
// that its client was told. SLOTMESH_SEEDS sets how many, here and in the next.
func TestSimulation(t *testing.T) {
	if seed, err := strconv.ParseUint(os.Getenv("SLOTMESH_SEED"), 10, 64); err == nil {
		simulate(t, seed) // replay one, with everything that is said
		return
	}
	for seed := range simSeeds(t) {
		simulate(t, seed)
	}
}

func simSeeds(t *testing.T) uint64 {
	text := os.Getenv("SLOTMESH_SEEDS")
	if text == "" {
		return 300
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("SLOTMESH_SEEDS=%q is not a number", text)
	}
	return n
}

// TestSimulationOfOldSnapshots is the same with a source that, when it comes back, has
// again what had left it: what the target, which does not crash here, deleted meanwhile
// must not come back with it.
func TestSimulationOfOldSnapshots(t *testing.T) {
	for seed := range simSeeds(t) {
		w := newWorld(seed)
		w.left = make(map[string]slots.Slot)
		w.simulate(t, seed)
	}
}

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	newWorld(seed).simulate(t, seed)
}

func (w *world) simulate(t *testing.T, seed uint64) {
	t.Helper()
	w.verbose = os.Getenv("SLOTMESH_SEED") != ""
	w.run()
	if w.trouble != "" {
		t.Fatalf("seed %d: %s\n%s", seed, w.trouble, strings.Join(w.log, "\n"))
	}
}

// run is one schedule, to its end.
func (w *world) run() {
	w.fill()
	src := w.nodes[simSource]
	var set slots.Set
	for slot := range slots.Slot(simSlots) {
		if w.r.IntN(5) > 0 {
			set.Add(slot)
		}
	}
	w.moving = set
	src.start(Job{ID: JobID{1}, Kind: KindMove, Slots: set, Target: w.nodes[simTarget].id})
	faults := w.r.IntN(4) // how rough a schedule is: 0 has none
	for range 150 + w.r.IntN(400) {
		w.step(faults)
		if w.left != nil && w.r.IntN(40) == 0 && !w.nodes[simSource].dead {
			w.toggle(w.nodes[simSource])
		}
		if w.trouble != "" {
			break
		}
	}
	w.drain()
}

func key(slot slots.Slot, i int) string { return fmt.Sprintf("%d:%d", slot, i) }

func (w *world) fill() {
	for slot := range slots.Slot(simSlots) {
		for i := range w.r.IntN(simKeys + 1) {
			w.put(w.nodes[simSource], slot, key(slot, i))
		}
	}
}

func (w *world) put(n *simNode, slot slots.Slot, k string) {
	var v string
	if err := n.store.Update(slot, func(tx *keyspace.Tx) (err error) { v, err = w.write(tx, k); return err }); err != nil {
		w.fail("%v", err)
	}
	w.want[k] = v
	w.acks.wrote(w, n, slot, k, v)
}

// step lets one thing happen.
func (w *world) step(faults int) {
	n := w.nodes[w.r.IntN(simNodes)]
	if w.acks != nil {
		w.acks.step(w)
	}
	w.lie()
	switch dice := w.r.IntN(1000); {
	case dice < 350:
		w.deliver()
	case dice < 600:
		w.client()
	case dice < 700:
		n.finishChange(w.r.IntN(20) == 0 && faults > 0)
	case dice < 780:
		w.gossip()
	case dice < 900:
		w.now = w.now.Add(time.Duration(w.r.IntN(400)) * time.Millisecond)
		for _, n := range w.nodes {
			if n.alive {
				n.tick()
			}
		}
	case faults == 0:
	case dice < 930:
		w.breakLink()
	case dice < 945:
		w.cut[w.r.IntN(simNodes)][w.r.IntN(simNodes)] = true
	case dice < 955:
		w.cut = [simNodes][simNodes]bool{}
	case dice < 970 && faults > 1 && (w.acks == nil || !w.acks.kills):
		w.toggle(n)
	case dice < 972 && faults > 2 && w.acks == nil:
		w.race()
	case dice < 974 && faults > 2 && w.acks == nil:
		w.failover(w.r.IntN(2))
	case dice < 976:
		for _, j := range w.nodes[simSource].jobs {
			if w.nodes[simSource].alive && !j.over {
				w.logf("cancel")
				j.s.Cancel(w.now)
				w.nodes[simSource].run(j)
			}
		}
	}
}

func (w *world) deliver() {
	if len(w.links) == 0 {
		return
	}
	l := w.links[w.r.IntN(len(w.links))]
	switch {
	case l.gone:
		w.tell(l)
	case l.ready() && w.r.IntN(2) == 0:
		l.deliverThere(w)
	case len(l.back) > 0:
		w.deliverBack(l)
	}
}

func (w *world) deliverBack(l *simLink) {
	b := l.back[0]
	l.back = l.back[1:]
	m, err := DecodeMessage(b)
	if err != nil {
		panic(err)
	}
	w.tracef("%d<-%d job %d: %d n=%d %v %s", l.from.index, l.to.index, l.job.s.job.ID[0], m.typ, m.n, m.slots, m.text)
	if l.job.link == l && l.from.alive && !l.job.over {
		l.job.s.Receive(w.now, m)
		l.from.run(l.job)
	}
}

// tell lets the source notice that a connection is lost.
func (w *world) tell(l *simLink) {
	if l.told {
		return
	}
	w.tracef("%d: lost the link to %d of job %d", l.from.index, l.to.index, l.job.s.job.ID[0])
	l.told = true
	if l.job.link == l && l.from.alive && !l.job.over {
		l.job.s.Disconnected(w.now, "connection lost")
		l.from.run(l.job)
	}
}

// breakLink loses a connection: for both ends, or so that only the source knows, and what
// it sent is still to arrive.
func (w *world) breakLink() {
	if len(w.links) == 0 {
		return
	}
	l := w.links[w.r.IntN(len(w.links))]
	if w.r.IntN(2) == 0 {
		l.break_(w)
		return
	}
	w.tell(l)
	l.silentAt = w.now
}

func (n *simNode) finishChange(fault bool) {
	if !n.alive || len(n.changes) == 0 {
		return
	}
	c := n.changes[0]
	n.changes = n.changes[1:]
	if fault {
		c.answer(fmt.Errorf("no space left on device"))
		return
	}
	n.w.tracef("%d: %v %v", n.index, c.e.Action, c.e.Set)
	c.answer(n.apply(c.e))
}

func (w *world) gossip() {
	a, b := w.nodes[w.r.IntN(simNodes)], w.nodes[w.r.IntN(simNodes)]
	if a != b && a.alive && b.alive && (w.calm || !w.cut[a.index][b.index]) {
		b.learn(a)
	}
}

// toggle crashes a node or brings it back.
func (w *world) toggle(n *simNode) {
	switch {
	case n.dead || n.index >= simThird || w.left != nil && n.index == simTarget:
	case n.alive:
		w.logf("node %d crashes %s", n.index, n.phases())
		n.crash()
	default:
		w.restart(n)
	}
}

const oldValue = "old"

// restart brings a node back; the source with what a snapshot from before it left has kept.
func (w *world) restart(n *simNode) {
	w.logf("node %d restarts", n.index)
	defer n.boot()
	if n.index != simSource {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(w.left)) {
		slot := w.left[k]
		if _, open := n.migrating[slot]; open && n.get(slot, k) == "" {
			w.logf("node %d has %s again", n.index, k)
			n.store.Apply(keyspace.Op{Kind: keyspace.OpPut, Slot: slot, Key: []byte(k), Value: []byte(oldValue), Version: 1})
		}
	}
}

func (n *simNode) phases() string {
	var b strings.Builder
	for _, j := range n.jobs {
		for _, w := range j.s.windows {
			fmt.Fprintf(&b, "[%s %v]", w.phase, w.set)
		}
	}
	return b.String()
}

// race lets the third node claim a slot of the job, without its keys.
func (w *world) race() {
	n := w.nodes[simThird]
	slot := slots.Slot(w.r.IntN(simSlots))
	if w.raced.Has(slot) || !w.moving.Has(slot) {
		return // a slot that no job knows loses its keys with its owner, as in Redis
	}
	w.logf("node %d claims slot %d", n.index, slot)
	w.raced.Add(slot)
	old := n.view()
	e := uint64(0)
	for _, o := range w.nodes {
		e = max(e, o.epoch())
	}
	n.claims[slot] = claim{n.index, after(e, n)}
	n.changed(old)
}

// failover lets a replica take its master's place for good. Replication is taken to be
// instantaneous: that asynchronous replication loses writes is not this package's matter.
func (w *world) failover(i int) {
	old, n := w.nodes[i], w.nodes[i+simSourceReplica]
	if old.dead || w.left != nil && i == simTarget {
		return
	}
	w.logf("node %d takes the place of node %d %s", n.index, old.index, old.phases())
	if old.alive {
		old.crash()
	}
	old.dead = true
	if w.acks != nil {
		w.acks.succeed(w, old, n)
		return
	}
	before := n.view()
	for slot := range slots.Slot(simSlots + 2) {
		n.store.Drop(slot)
		n.store.ApplyAll(dumped(old.store, slot))
	}
	e := uint64(0)
	for _, o := range w.nodes {
		e = max(e, o.epoch())
	}
	for slot, c := range old.claims {
		if c.owner == old.index && n.claims[slot].epoch <= c.epoch {
			n.claims[slot] = claim{n.index, after(e, n)}
		}
	}
	n.migrating, n.importing, n.journal, n.trust = old.migrating, old.importing, old.journal, old.trust
	n.master[n.index] = -1
	for _, o := range w.nodes {
		o.failed[old.index] = o.failed[old.index] || o == n
	}
	n.boot()
	n.changed(before)
}

// client reads, writes or deletes a key as a cluster client does.
func (w *world) client() {
	slot := slots.Slot(w.r.IntN(simSlots))
	k := key(slot, w.r.IntN(simKeys))
	write := w.r.IntN(2) == 0
	n, asking := w.nodes[w.r.IntN(simNodes)], false
	for range 6 {
		if !n.alive {
			return
		}
		present := false
		n.store.View(slot, func(tx *keyspace.Tx) error {
			_, present = tx.Peek([]byte(k))
			return nil
		})
		if write && inFlight(n.engine, slot, k) {
			return // it would wait, or be told to try again
		}
		req := slots.Request{Slot: slot, Keys: 1, Write: write, Asking: asking}
		if !present {
			req.Missing = 1
		}
		switch err := slots.Route(n.view(), req).(type) {
		case nil:
			w.execute(n, slot, k, write)
			return
		case *slots.MovedError:
			n, asking = w.node(err.Node), false
		case *slots.AskError:
			n, asking = w.node(err.Node), true
		default:
			return
		}
	}
}

func (w *world) execute(n *simNode, slot slots.Slot, k string, write bool) {
	w.clients = true
	defer func() { w.clients = false }()
	switch {
	case write && w.r.IntN(4) == 0 && !w.raced.Has(slot):
		var present bool
		n.store.Update(slot, func(tx *keyspace.Tx) error {
			_, present = tx.Peek([]byte(k))
			tx.Delete([]byte(k))
			return nil
		})
		delete(w.want, k)
		if present { // else it writes nothing: what it saw, another's deletion, may not be acknowledged yet
			w.acks.wrote(w, n, slot, k, "")
		}
	case write:
		w.put(n, slot, k)
	default:
		got := n.get(slot, k)
		if (got == oldValue || w.acks != nil) && inFlight(n.engine, slot, k) {
			return // it may read what it had, until the target has said what it has
		}
		if !w.mayBe(k, got) && !w.raced.Has(slot) {
			w.fail("node %d reads %s as %q, clients were told %q", n.index, k, got, w.want[k])
		}
	}
}

func (n *simNode) get(slot slots.Slot, k string) (value string) {
	n.store.View(slot, func(tx *keyspace.Tx) error {
		value = render(tx, []byte(k))
		return nil
	})
	return value
}

// TestFoundBugs replays schedules that once went wrong.
func TestFoundBugs(t *testing.T) {
	for _, seed := range []uint64{247, 304, 305, 413, 2007, 7508, 21893, 22766} {
		simulate(t, seed)
	}
}
