package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// restTime is how long the cluster has to come to rest when the faults end: longer than
// keepFor.
const restTime = 3 * time.Minute

// drain ends all faults, lets everything come to its end, and checks the result.
func (w *world) drain() {
	if w.trouble != "" {
		return
	}
	w.logf("rest")
	w.calm, w.cut = true, [simNodes][simNodes]bool{}
	for _, n := range w.nodes {
		if !n.alive && !n.dead {
			w.restart(n)
		}
		n.replica, n.image = true, nil
	}
	for end := w.now.Add(restTime); w.now.Before(end) && w.trouble == ""; w.now = w.now.Add(500 * time.Millisecond) {
		for range 3 {
			w.quiesce()
		}
		for _, n := range w.nodes {
			if n.alive {
				n.tick()
			}
		}
		if w.idle() {
			break
		}
	}
	if w.trouble == "" {
		w.check()
	}
}

// quiesce delivers everything that is on its way.
func (w *world) quiesce() {
	for progress := true; progress; {
		progress = false
		for i := 0; i < len(w.links); i++ {
			l := w.links[i]
			switch {
			case l.gone:
				w.tell(l)
				w.links = append(w.links[:i:i], w.links[i+1:]...)
				i--
			case l.held(w):
				progress = true
			case l.ready():
				l.deliverThere(w)
				progress = true
			case len(l.back) > 0:
				w.deliverBack(l)
				progress = true
			}
		}
		for _, n := range w.nodes {
			progress = progress || n.alive && len(n.changes) > 0
			n.finishChange(false)
		}
		for range 3 {
			w.gossip()
		}
		w.client()
	}
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a != b && a.alive && b.alive {
				a.learn(b)
			}
		}
	}
}

// idle reports whether nothing is left to be done.
func (w *world) idle() bool {
	for _, n := range w.nodes {
		if !n.alive {
			continue
		}
		for _, j := range n.jobs {
			if !j.over {
				return false
			}
		}
		if len(n.migrating)+len(n.importing)+len(n.changes) > 0 {
			return false
		}
		if staged := n.store.Staged(); !staged.Empty() {
			return false
		}
		for slot := range slots.Slot(simSlots) {
			if n.view().Self().IsMaster() && !n.view().IsMine(slot) && n.live(slot) {
				return false
			}
		}
	}
	return true
}

func (w *world) check() {
	owners := [simSlots]int{}
	for slot := range owners {
		owners[slot] = -1
		for _, n := range w.nodes {
			if !n.alive {
				continue
			}
			if o := n.claims[slot].owner; owners[slot] == -1 {
				owners[slot] = o
			} else if o != owners[slot] {
				w.fail("nodes disagree on the owner of slot %d: %d and %d", slot, owners[slot], o)
			}
		}
	}
	for _, n := range w.nodes {
		if !n.alive {
			continue
		}
		if len(n.migrating)+len(n.importing) > 0 {
			w.fail("node %d has open slots: migrating %v, importing %v", n.index, n.migrating, n.importing)
		}
		for _, j := range n.jobs {
			if !j.over {
				w.fail("node %d: job %d is not over: %s, %+v", n.index, j.s.job.ID[0], j.s.describe(), j.s.progress)
			}
		}
		if staged := n.store.Staged(); !staged.Empty() {
			w.fail("node %d: something is staged in slots %v", n.index, staged)
		}
		for slot := range slots.Slot(simSlots + 2) {
			if n.engine.Any(slot) {
				w.fail("node %d: slot %d still has keys in flight", n.index, slot)
			}
		}
	}
	for slot := range slots.Slot(simSlots) {
		w.checkSlot(slot, owners[slot])
	}
}

func (w *world) checkSlot(slot slots.Slot, owner int) {
	for _, n := range w.nodes {
		if !n.alive || !n.view().Self().IsMaster() {
			continue
		}
		n.store.View(slot, func(tx *keyspace.Tx) error {
			for k := range tx.All() {
				want, ok := w.want[string(k)]
				got := render(tx, k)
				switch {
				case n.index != owner:
					w.fail("node %d holds %s, slot %d is node %d's", n.index, k, slot, owner)
				case w.acks != nil && w.mayBe(string(k), got):
				case !ok && !w.raced.Has(slot):
					w.fail("node %d: %s was deleted and is back", n.index, k)
				case got != want && !w.raced.Has(slot):
					w.fail("node %d: %s is %q, clients were told %q", n.index, k, got, want)
				}
			}
			return nil
		})
	}
	for i := range simKeys {
		k := key(slot, i)
		if w.acks != nil {
			if got := w.nodes[owner].get(slot, k); !w.mayBe(k, got) {
				w.fail("%s is %q: slot %d is node %d's", k, got, slot, owner)
			}
			continue
		}
		if _, ok := w.want[k]; ok && !w.forfeit.Has(slot) && w.nodes[owner].get(slot, k) == "" {
			w.fail("%s is lost: slot %d is node %d's", k, slot, owner)
		}
	}
}
