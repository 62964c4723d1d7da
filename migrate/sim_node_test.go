package migrate

import (
	"fmt"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// simNode is one node: what a crash takes away, and what it does not.
type simNode struct {
	w     *world
	index int
	id    slots.NodeID
	alive bool
	dead  bool // for good: replaced by its replica

	// durable
	store     *keyspace.Store
	claims    [simSlots + 2]claim
	migrating map[slots.Slot]slots.NodeID
	importing map[slots.Slot]slots.NodeID
	journal   map[JobID]Job // own jobs
	trust     map[JobID]Job // jobs of others that bring slots here
	master    [simNodes]int // whom each node replicates, as this node sees it; -1 for a master
	failed    [simNodes]bool
	told      [simSlots + 2]int // see Promises
	replica   bool              // a replica is in step
	image     *simImage         // what it has, if it was lost

	// lost in a crash
	engine    *StoreEngine
	jobs      []*simJob
	changes   []simChange
	registry  *Registry
	deletions *Deletions
	staging   *Staging
	m         *slots.Map // nil when it has to be made anew
	left      [simSlots + 2]simLeft
	leaves    uint64
	life      int
}

type simJob struct {
	s    *Sender
	link *simLink
	over bool
}

type simChange struct {
	e      SetSlots
	answer func(error)
}

// boot brings a node up from what is durable.
func (n *simNode) boot() {
	n.alive, n.engine, n.jobs, n.changes, n.m = true, NewEngine(n.store), nil, nil, nil
	n.registry, n.deletions, n.staging = NewRegistry(), new(Deletions), new(Staging)
	n.left, n.leaves, n.life = [simSlots + 2]simLeft{}, 0, n.life+1
	for _, job := range n.trust {
		n.registry.Add(job, n.w.now)
	}
	for _, id := range sortedJobs(n.journal) {
		n.start(n.journal[id])
	}
}

func (n *simNode) crash() {
	n.alive = false
	for _, l := range n.w.links {
		if l.from == n || l.to == n {
			l.break_(n.w)
			l.told = l.told || l.from == n
		}
	}
}

// view builds the map that the node would publish.
func (n *simNode) view() *slots.Map {
	if n.m != nil {
		return n.m
	}
	top := slots.Topology{Self: n.id, State: slots.OK, Migrating: clone(n.migrating), Importing: clone(n.importing)}
	for i, o := range n.w.nodes {
		id := slots.NodeID{byte('A' + i)}
		if o != nil {
			id = o.id
		}
		set := new(slots.Set)
		for slot, c := range n.claims {
			if c.owner == i {
				set.Add(slots.Slot(slot))
			}
		}
		member := slots.Node{ID: id, Slots: set}
		if n.master[i] >= 0 {
			member.Master = slots.NodeID{byte('A' + n.master[i])}
		}
		if n.failed[i] {
			member.Health = slots.Failed
		}
		top.Nodes = append(top.Nodes, member)
	}
	m, err := slots.NewMap(top)
	if err != nil {
		panic(err)
	}
	n.m = m
	return m
}

// changed publishes a new map to all cores of the node and drops the keys of slots that it
// lost and does not look after.
func (n *simNode) changed(old *slots.Map) {
	n.m = nil
	m := n.view()
	minded := n.registry.Slots()
	n.deletions.End(func(slot slots.Slot) bool { _, open := m.Importing(slot); return !open })
	for slot := range slots.Slot(simSlots + 2) {
		if old.IsMine(slot) && !m.IsMine(slot) && !minded.Has(slot) {
			if n.store.Drop(slot) > 0 {
				n.w.forfeit.Add(slot)
				if !n.w.raced.Has(slot) {
					n.w.fail("node %d drops the keys of slot %d", n.index, slot)
				}
			}
		}
	}
	for _, j := range n.jobs {
		if !j.over {
			j.s.MapChanged(n.w.now, m)
			n.run(j)
		}
	}
}

// learn takes another node's claims.
func (n *simNode) learn(o *simNode) {
	old, news := n.view(), false
	for slot := range n.claims {
		if c := o.claims[slot]; c.epoch > n.claims[slot].epoch {
			n.claims[slot], news = c, true
		}
	}
	for i := range n.master {
		if o.failed[i] && !n.failed[i] {
			n.failed[i], news = true, true
		}
		if o.master[i] == -1 && n.master[i] != -1 {
			n.master[i], news = -1, true
		}
	}
	if news {
		n.changed(old)
	}
}

func (n *simNode) epoch() uint64 {
	e := uint64(0)
	for _, o := range n.claims {
		e = max(e, o.epoch)
	}
	return e
}

// apply carries out a setSlots, all or nothing.
func (n *simNode) apply(e SetSlots) error {
	old := n.view()
	for slot := range e.Set.All() {
		mine := n.claims[slot].owner == n.index
		switch {
		case e.Action == Importing && mine:
			return fmt.Errorf("I'm already the owner of hash slot %d", slot)
		case e.Action == Migrating && !mine:
			return fmt.Errorf("I'm not the owner of hash slot %d", slot)
		case e.Action == Migrating && n.Of(slot) > 0 && !n.replica && !n.w.acks.secret:
			return fmt.Errorf("no replica would know")
		case e.Action == Assign && e.Peer != n.id && mine && n.live(slot):
			n.w.fail("node %d gives slot %d away with keys in it", n.index, slot)
			return fmt.Errorf("still hold keys")
		}
	}
	next := after(n.epoch(), n)
	for slot := range e.Set.All() {
		switch e.Action {
		case Importing:
			n.importing[slot] = e.Peer
		case Migrating:
			n.opened(slot)
			n.migrating[slot] = e.Peer
		case Stable:
			delete(n.importing, slot)
			delete(n.migrating, slot)
		case Assign:
			delete(n.importing, slot)
			delete(n.migrating, slot)
			if e.Peer == n.id {
				n.claims[slot] = claim{n.index, next}
			} else if n.claims[slot].owner == n.index {
				n.claims[slot].owner = int(e.Peer[0] - 'A')
			}
		}
	}
	n.changed(old)
	return nil
}

func (n *simNode) live(slot slots.Slot) bool { return n.store.Count(slot) > 0 }

// start runs a job.
func (n *simNode) start(job Job) *simJob {
	if job.Kind == KindMove {
		n.registry.Add(job, n.w.now)
		n.registry.SetLive(job.ID, true, n.w.now)
	}
	lim := limits{windowSlots: 2, windowKeys: 8, windows: 4, ahead: 2, batch: 60, part: 40, unacked: 150,
		last: 30 * (n.w.value % 3)}
	j := &simJob{s: NewSender(n.w.now, SenderConfig{Job: job, Map: n.view(), Engine: n.engine, Promises: n, limits: lim})}
	n.jobs = append(n.jobs, j)
	n.run(j)
	return j
}

// run carries out the effects of a job.
func (n *simNode) run(j *simJob) {
	for e, ok := j.s.Next(n.w.now); ok; e, ok = j.s.Next(n.w.now) {
		switch e := e.(type) {
		case SaveJob:
			if e.Job.Kind == KindMove {
				n.journal[e.Job.ID] = e.Job
			}
		case ForgetJob:
			delete(n.journal, j.s.job.ID)
			if j.s.job.Kind == KindMove {
				n.registry.Over(j.s.job.ID, n.w.now, n.view())
				n.trust[j.s.job.ID] = j.s.job
			}
		case Finish:
			j.over = true
			j.s.Close()
			n.w.logf("node %d: job %d over: %v", n.index, j.s.job.ID[0], j.s.err)
		case Dial:
			n.dial(j, n.w.node(e.Target))
		case HangUp:
			if j.link != nil {
				j.link.break_(n.w)
				j.link.told = true
			}
		case Send:
			j.link.push(e.Message)
		case SetSlots:
			n.changes = append(n.changes, simChange{e, func(err error) {
				j.s.Changed(n.w.now, e.N, err)
				n.run(j)
			}})
		case ForgetDeletions:
			n.deletions.End(func(slot slots.Slot) bool { return slices.Contains(e.Slots, slot) })
		default:
			panic(fmt.Sprintf("effect %#v", e))
		}
	}
}

func (n *simNode) dial(j *simJob, to *simNode) {
	if !to.alive || n.w.cut[n.index][to.index] {
		j.s.Disconnected(n.w.now, "no answer")
		return
	}
	l := &simLink{job: j, from: n, to: to}
	l.r = NewReceiver(ReceiverConfig{Map: to.view, From: n.id, Known: to.registry.Job, Returning: to.returning,
		Leaving: to.leaving, Standing: to.Standing, Staging: to.staging})
	j.link = l
	n.w.links = append(n.w.links, l)
	j.s.Connected(n.w.now)
}

func (n *simNode) returning(slot slots.Slot) bool {
	for _, j := range n.jobs {
		if !j.over && j.s.job.Kind == KindReturn && j.s.job.Slots.Has(slot) {
			return true
		}
	}
	return false
}

func (n *simNode) leaving(to slots.NodeID, set *slots.Set) slots.Set {
	var keep slots.Set
	for slot := range set.All() {
		if peer, ok := n.view().Migrating(slot); ok && peer == to {
			keep.Add(slot)
		}
	}
	for _, j := range n.jobs {
		if !j.over && j.s.job.Kind == KindMove && j.s.job.Target == to {
			left := j.s.Remaining()
			keep.Union(&left)
		}
	}
	keep.Intersect(set)
	return keep
}

// tick does what the driver does now and then.
func (n *simNode) tick() {
	now := n.w.now
	for _, l := range n.w.links {
		if l.to == n && !l.silentAt.IsZero() && now.Sub(l.silentAt) > 15*time.Second {
			l.break_(n.w)
		}
	}
	for _, l := range n.w.links {
		if l.to == n {
			l.held(n.w)
		}
	}
	for _, j := range n.jobs {
		if !j.over {
			j.s.Tick(now)
			n.run(j)
		}
	}
	stray := func(slot slots.Slot) bool { return n.live(slot) }
	var busy slots.Set
	for _, j := range n.jobs {
		if !j.over {
			left := j.s.Remaining()
			busy.Union(&left)
		}
	}
	found := n.registry.Strays(now, n.view(), &busy, stray)
	for i := range n.w.nodes { // in order: a map's would make runs differ
		if set, ok := found[slots.NodeID{byte('A' + i)}]; ok {
			n.w.logf("node %d returns %v to %d", n.index, set, i)
			n.start(Job{ID: JobID{200, byte(n.index)}, Kind: KindReturn, Slots: set, Target: slots.NodeID{byte('A' + i)}})
		}
	}
	n.registry.Tidy(now, n.view(), stray)
	all := slots.Full()
	n.staging.DropAbandoned(n.engine, &all, nil)
}
