package balance

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// Plan returns what there is to do, in order; nothing if the cluster is as it should be.
// waiting says why a part of it cannot be planned now, "" if nothing stands in the way.
func Plan(v *View) (steps []Step, waiting string) {
	p := newPlanner(v)
	if p.assigned.Empty() {
		return nil, "no slot has an owner yet"
	}
	p.followers()
	p.shardsEnd()
	for i := range p.nodes {
		if n := &p.nodes[i]; n.isMaster() && !n.Online && !n.Slots.Empty() {
			return p.steps, "node " + n.ID.Short() + ", which owns " + count(&n.Slots) + ", does not answer"
		}
	}
	if p.claims(); !p.claimed {
		p.moves()
	}
	return p.steps, ""
}

func count(set *slots.Set) string {
	if set.Len() == 1 {
		return "1 slot"
	}
	return strconv.Itoa(set.Len()) + " slots"
}

type planner struct {
	view     *View
	nodes    []Node // as they will be when the jobs are over
	moving   map[slots.NodeID]bool
	assigned slots.Set
	ends     map[slots.NodeID]bool // masters whose shards end: see shardsEnd
	steps    []Step
	claimed  bool
}

func newPlanner(v *View) *planner {
	p := &planner{view: v, moving: make(map[slots.NodeID]bool)}
	p.settleJobs()
	return p
}

// settleJobs gives the slots of jobs to their targets.
func (p *planner) settleJobs() {
	p.nodes = slices.Clone(p.view.Nodes)
	find := func(id slots.NodeID) *Node {
		for i := range p.nodes {
			if p.nodes[i].ID == id {
				return &p.nodes[i]
			}
		}
		return nil
	}
	for i := range p.view.Jobs {
		job := &p.view.Jobs[i]
		from, to := find(job.From), find(job.To)
		p.moving[job.From], p.moving[job.To] = true, true
		if from == nil || to == nil {
			continue
		}
		set := job.Slots
		set.Intersect(&from.Slots)
		from.Slots.Subtract(&set)
		to.Slots.Union(&set)
	}
	for i := range p.nodes {
		p.assigned.Union(&p.nodes[i].Slots)
	}
}

// shard is a master that has slots, or replicas, with what it is made of.
type shard struct {
	master   *Node
	replicas []*Node // online, and stay
}

// missing is how many replicas the shard wants.
func (s *shard) missing(want int) int { return max(0, want-len(s.replicas)) }

func (p *planner) replicasOf(master slots.NodeID) (online []*Node, any bool) {
	for i := range p.nodes {
		if n := &p.nodes[i]; n.Master == master && !n.isMaster() {
			any = true
			if n.Online && !n.Leaving {
				online = append(online, n)
			}
		}
	}
	return online, any
}

// followers gives spares to the shards that want replicas, then makes new shards of them.
func (p *planner) followers() {
	want := p.view.Replicas
	if want <= 0 {
		return
	}
	var needy []*shard
	var spares []*Node
	for i := range p.nodes {
		n := &p.nodes[i]
		if !n.isMaster() || !n.Online || n.Leaving || n.Excluded {
			continue
		}
		replicas, any := p.replicasOf(n.ID)
		switch {
		case n.Slots.Empty() && !any && !p.moving[n.ID]:
			spares = append(spares, n)
		case len(replicas) < want:
			needy = append(needy, &shard{n, replicas})
		}
	}
	for len(spares) > 0 && len(needy) > 0 {
		s, n := p.match(needy, spares)
		p.follow(s, n)
		spares = slices.DeleteFunc(spares, func(o *Node) bool { return o == n })
		needy = slices.DeleteFunc(needy, func(o *shard) bool { return o.missing(want) == 0 })
	}
	for len(spares) > want {
		s := &shard{master: spares[0]}
		spares = spares[1:]
		for s.missing(want) > 0 {
			_, n := p.match([]*shard{s}, spares)
			p.follow(s, n)
			spares = slices.DeleteFunc(spares, func(o *Node) bool { return o == n })
		}
	}
}

// match returns the shard that needs a replica most, and the spare that suits it best: of
// those that serve, and then those that have the fewest replicas, the pair that shares
// domains least.
func (p *planner) match(needy []*shard, spares []*Node) (neediest *shard, suits *Node) {
	urgency := func(s *shard) int {
		if s.master.Slots.Empty() {
			return math.MaxInt32 + len(s.replicas)
		}
		return len(s.replicas)
	}
	least := math.MaxInt
	for _, s := range needy {
		for _, n := range spares {
			shared := s.shared(n.Domain)
			if neediest != nil && cmp.Or(cmp.Compare(urgency(s), urgency(neediest)), cmp.Compare(shared, least)) >= 0 {
				continue
			}
			neediest, suits, least = s, n, shared
		}
	}
	return neediest, suits
}

func (p *planner) follow(s *shard, n *Node) {
	s.replicas = append(s.replicas, n)
	p.steps = append(p.steps, Step{Kind: Follow, Node: n.ID, Peer: s.master.ID})
}

// shared says how bad a domain is for one more replica of the shard.
func (s *shard) shared(domain string) (bad int) {
	if s.master.Domain == domain {
		bad = len(s.replicas) + 1 // worse than any number of siblings
	}
	for _, r := range s.replicas {
		if r.Domain == domain {
			bad++
		}
	}
	return bad
}

// shardsEnd finds the masters whose last replicas leave, where other shards keep theirs and no
// spare is left: their slots go to those, so that a write finds a replica at any time. The
// replicas wait for that (package leave).
func (p *planner) shardsEnd() {
	p.ends = make(map[slots.NodeID]bool)
	var alone []slots.NodeID
	others := false
	for i := range p.nodes {
		n := &p.nodes[i]
		if !n.isMaster() || !n.Online || n.Leaving || n.Slots.Empty() {
			continue
		}
		replicas, any := p.replicasOf(n.ID)
		switch {
		case len(replicas) > 0:
			others = true
		case any && p.leavesOne(n.ID) && !p.gainsOne(n.ID):
			alone = append(alone, n.ID)
		}
	}
	if others && p.view.Replicas > 0 {
		for _, id := range alone {
			p.ends[id] = true
		}
	}
}

// leavesOne reports whether a replica of the master is there still, but leaves.
func (p *planner) leavesOne(master slots.NodeID) bool {
	return slices.ContainsFunc(p.nodes, func(n Node) bool { return n.Master == master && n.Online && n.Leaving })
}

// gainsOne reports whether a spare is to follow the master.
func (p *planner) gainsOne(master slots.NodeID) bool {
	return slices.ContainsFunc(p.steps, func(s Step) bool { return s.Kind == Follow && s.Peer == master })
}

// targets returns the masters that are to have equal shares. One without slots is one when
// it has its replicas.
func (p *planner) targets() (list []migrate.Master) {
	for i := range p.nodes {
		n := &p.nodes[i]
		if !n.isMaster() || !n.Online || n.Leaving || n.Excluded {
			continue
		}
		replicas, _ := p.replicasOf(n.ID)
		if n.Slots.Empty() && len(replicas) < p.view.Replicas || p.ends[n.ID] {
			continue
		}
		list = append(list, migrate.Master{ID: n.ID, Slots: n.Slots})
	}
	return list
}

// claims gives slots that nobody owns to those that have the fewest.
func (p *planner) claims() {
	unowned := slots.Full()
	unowned.Subtract(&p.assigned)
	targets := p.targets()
	if unowned.Empty() || len(targets) == 0 {
		return
	}
	p.claimed = true
	var nobody slots.NodeID
	plan, err := migrate.Drain(append(targets, migrate.Master{ID: nobody, Slots: unowned}), nobody)
	if err != nil {
		return
	}
	for _, m := range plan.Moves {
		p.steps = append(p.steps, Step{Kind: Claim, Node: m.To, Slots: m.Slots})
	}
}

// moves brings each master within the threshold of its share.
func (p *planner) moves() {
	targets := p.targets()
	if p.endShards(targets); len(targets) < 2 || p.view.Unweighed || len(p.ends) > 0 {
		return
	}
	for _, m := range level(targets, p.view.Loads, p.threshold()) {
		p.steps = append(p.steps, Step{Kind: Move, Node: m.From, Peer: m.To, Slots: m.Slots})
	}
}

// endShards moves the slots away from the masters whose shards end.
func (p *planner) endShards(targets []migrate.Master) {
	for i := range p.nodes {
		n := &p.nodes[i]
		if !p.ends[n.ID] || len(targets) == 0 {
			continue
		}
		plan, err := migrate.Drain(append(slices.Clone(targets), migrate.Master{ID: n.ID, Slots: n.Slots}), n.ID)
		if err != nil {
			continue
		}
		for _, m := range plan.Moves {
			p.steps = append(p.steps, Step{Kind: Move, Node: m.From, Peer: m.To, Slots: m.Slots})
		}
	}
}

func (p *planner) threshold() float64 {
	if p.view.Threshold > 0 {
		return p.view.Threshold
	}
	return migrate.DefaultThreshold
}
