package balance

import (
	"bytes"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// Config says how a Coordinator works. The zero value is usable.
type Config struct {
	Replicas  int           // that each shard wants
	Threshold float64       // in percent; 0 means 2
	HoldOff   time.Duration // nothing is ordered before members and their health are the same for so long; 0 means 10 s
	Jobs      int           // moves on their way at one time; 0 means 2
	Load      Load          // what masters have equal shares of
}

const (
	defaultHoldOff = 10 * time.Second
	defaultJobs    = 2
	// rankDelay is what a candidate waits for each other one with a smaller id.
	rankDelay = 2 * time.Second
	// retryAfter is how long a node that asked for the lease in vain, or found nothing to do
	// with it, waits.
	retryAfter = 10 * time.Second
	// surveyEvery is how often masters are asked for their loads, which no map shows: each
	// says one number. Only if these are uneven, each is asked for those of its slots; while
	// slots move, weighEvery, and not again for weighAgain if no slot is light enough to move.
	surveyEvery = time.Minute
	weighEvery  = 10 * time.Second
	weighAgain  = 10 * time.Minute
	// maxQuiet bounds how long a node does not look at a map that stays the same.
	maxQuiet = time.Minute
	// moveTime is about what one move should take: a pause takes effect after it, and what it
	// does to clients ends.
	moveTime = time.Second
	// A move has firstSlots slots at first, then more or fewer as moves are shorter or longer
	// than that.
	firstSlots = 256
	minSlots   = 16
	maxSlots   = 1024
)

// Coordinator decides for one node when it asks for the lease, and what it orders while it
// has it. Its driver calls Observe, then Wants; if that is true it sends what Request
// returns to all members, passes on their answers to OnAnswer, and orders what Steps
// returns; if it is false, and Releases is true, it sends what Release returns.
type Coordinator struct {
	Lease
	cfg Config

	members  uint64 // what must not change during the hold-off
	stable   time.Time
	version  uint64 // of the map that the plan was made of
	excluded string // by the pause that it was made of
	planned  bool   // the map alone gives reason to ask for the lease
	work     time.Time
	notAgain time.Time
	surveyed time.Time // loads were asked for, by this node or the coordinator
	weigh    bool      // it asks for the loads of each slot
	weighed  time.Time // and has last done so
	tooHeavy time.Time // and then had none that could be moved

	held    bool // at the last look
	idle    bool // it has the lease, and nothing to do
	waiting string
	plan    []Step
	reports map[slots.NodeID]Report
	loads   *slotLoads            // since it has asked for the lease
	moves   map[slots.NodeID]move // by source
	rests   map[slots.NodeID]time.Time
	pace    int // slots of the next move
}

type move struct {
	since time.Time
	to    slots.NodeID
	slots int
}

// NewCoordinator begins with the pause that was saved.
func NewCoordinator(cfg Config, pause Pause, now time.Time) *Coordinator {
	if cfg.HoldOff == 0 {
		cfg.HoldOff = defaultHoldOff
	}
	if cfg.Jobs == 0 {
		cfg.Jobs = defaultJobs
	}
	return &Coordinator{Lease: *NewLease(pause, now), cfg: cfg, stable: now, pace: firstSlots,
		moves: make(map[slots.NodeID]move), rests: make(map[slots.NodeID]time.Time)}
}

// Observe looks at the map.
func (c *Coordinator) Observe(m *slots.Map, now time.Time) {
	if hash := membership(m); hash != c.members {
		c.members, c.stable = hash, now
	}
}

// replan sees to it that the plan is one of the map, if no reports say more.
func (c *Coordinator) replan(m *slots.Map) {
	if c.version == m.Version() && c.version != 0 && c.excluded == c.pause.Excluded {
		return
	}
	c.version, c.excluded = m.Version(), c.pause.Excluded
	v := c.view(m, nil, nil)
	c.plan, c.waiting = Plan(v)
	if v.Unweighed && v.newcomer() {
		c.surveyed = time.Time{} // it has none of the load
	}
	if c.planned = len(c.plan) > 0; !c.planned {
		c.work = time.Time{}
	}
}

// membership is a hash of the members, their health and how many slots have an owner: who
// moves slots by hand leaves them without one for a moment.
func membership(m *slots.Map) (sum uint64) {
	sum = uint64(m.Assigned())
	var b [21]byte
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		copy(b[:], n.ID[:])
		b[20] = byte(n.Health)
		sum ^= xxhash.Sum64(b[:])
	}
	return sum
}

// view is what this node knows: the map, and the members' reports if it has any.
func (c *Coordinator) view(m *slots.Map, reports map[slots.NodeID]Report, loads *slotLoads) *View {
	v := ViewOf(m)
	v.Replicas, v.Threshold = c.cfg.Replicas, c.cfg.Threshold
	var assigned slots.Set
	for i := range v.Nodes {
		v.Nodes[i].Excluded = c.pause.Excludes(v.Nodes[i].ID)
		v.Jobs = append(v.Jobs, reports[v.Nodes[i].ID].Jobs...)
		assigned.Union(&v.Nodes[i].Slots)
	}
	v.Loads = loads.of(assigned)
	v.Unweighed = c.cfg.Load != BySlots && v.Loads == nil
	return v
}

// balanceable reports whether the cluster serves, or only does not because slots have no
// owner: these are given one.
func balanceable(m *slots.Map) bool { return m.State() == slots.OK || m.Assigned() < slots.Count }

// Wants reports whether this node should ask for the lease now, or renew it.
func (c *Coordinator) Wants(m *slots.Map, now time.Time) bool {
	c.held = c.Held(m, now)
	switch {
	case c.pause.On, !balanceable(m), !Votes(m.Self()), now.Sub(c.stable) < c.cfg.HoldOff:
		c.work = time.Time{}
		return false
	case c.held:
		return !c.idle
	}
	if now.Before(c.notAgain) || c.grantedTo != m.Self().ID && now.Before(c.until) {
		c.work = time.Time{}
		return false
	}
	c.replan(m)
	if survey := c.cfg.Load != BySlots && now.Sub(c.surveyed) >= surveyEvery; !c.planned && !survey {
		c.work = time.Time{}
		return false
	}
	if c.work.IsZero() {
		c.work = now
	}
	return now.Sub(c.work) >= time.Duration(rank(m))*rankDelay
}

// Quiet returns for how long there is nothing to look at unless the map or the pause changes, 0
// if there may be something at any time.
func (c *Coordinator) Quiet(m *slots.Map, now time.Time) time.Duration {
	switch {
	case c.term != 0 || c.planned || c.version != m.Version() || c.excluded != c.pause.Excluded ||
		now.Sub(c.stable) < c.cfg.HoldOff:
		return 0
	case c.cfg.Load != BySlots:
		return max(0, surveyEvery-now.Sub(c.surveyed))
	}
	return maxQuiet
}

// rank is the number of voters with smaller ids that answer.
func rank(m *slots.Map) (before int) {
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if Votes(n) && n.Health == slots.Online && bytes.Compare(n.ID[:], m.Self().ID[:]) < 0 {
			before++
		}
	}
	return before
}

// OnAsk is Lease.OnAsk. One node at a time asks for loads.
func (c *Coordinator) OnAsk(a *Ask, m *slots.Map, now time.Time) (answer Answer, news bool) {
	if answer, news = c.Lease.OnAsk(a, m, now); answer.Granted && a.Load != BySlots {
		c.surveyed = now
	}
	return answer, news
}

// Request is Lease.Request, and begins a new round of reports.
func (c *Coordinator) Request(m *slots.Map, now time.Time) Ask {
	a := c.Lease.Request(m, now)
	if !c.held {
		c.reports, c.loads, c.weigh = make(map[slots.NodeID]Report), newSlotLoads(c.cfg.Load), false
		clear(c.moves)
	}
	if a.Load = c.cfg.Load; a.Load != BySlots {
		c.surveyed = now
	}
	if c.weigh && now.Sub(c.weighed) >= weighEvery {
		a.EachSlot, c.weighed = true, now
	}
	return a
}

// OnAnswer is Lease.OnAnswer, and keeps the report. m is the map at the time of the request.
func (c *Coordinator) OnAnswer(m *slots.Map, from slots.NodeID, a *Ask, answer *Answer, asked time.Time) (news bool) {
	news = c.Lease.OnAnswer(from, a, answer, asked)
	if a.Term == 0 || a.Term != c.term {
		return news
	}
	c.reports[from] = answer.Report
	c.loads.tell(ownedBy(m, from), answer.Report.Loads)
	return news
}

func ownedBy(m *slots.Map, id slots.NodeID) *slots.Set {
	if n := m.Node(id); n != nil {
		return n.Slots
	}
	return nil
}

// PlanOf plans by what the members have answered to this node, which needs no lease to ask.
func (c *Coordinator) PlanOf(m *slots.Map, answers map[slots.NodeID]Answer) (steps []Step, waiting string) {
	reports, loads := make(map[slots.NodeID]Report, len(answers)), newSlotLoads(c.cfg.Load)
	for id, answer := range answers {
		reports[id] = answer.Report
		loads.tell(ownedBy(m, id), answer.Report.Loads)
	}
	return Plan(c.view(m, reports, loads))
}

// Steps returns what to order now, after a round of answers; nothing if this node has no
// lease. Orders go out under Term.
func (c *Coordinator) Steps(m *slots.Map, now time.Time) []Step {
	if c.held = c.Held(m, now); !c.held {
		c.notAgain = now.Add(retryAfter)
		return nil
	}
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if _, told := c.reports[n.ID]; !told && n.Health == slots.Online && n.IsMaster() {
			c.waiting = "node " + n.ID.Short() + " has not said which slots it moves"
			return nil
		}
	}
	v := c.view(m, c.reports, c.loads)
	c.plan, c.waiting = Plan(v)
	c.version = 0
	c.endMoves(v.Jobs, now)
	c.idle = len(c.plan) == 0 && len(v.Jobs) == 0 && len(c.moves) == 0
	if c.idle && c.cfg.Load != BySlots {
		c.idle = !c.shouldWeigh(v, now)
	}
	if c.idle {
		c.notAgain = now.Add(retryAfter)
		return nil
	}
	steps := Next(c.plan, v.Jobs, Pace{c.cfg.Jobs, c.pace}, func(id slots.NodeID) bool { return now.Before(c.rests[id]) })
	for _, s := range steps {
		if s.Kind == Move {
			c.moves[s.Node] = move{since: now, to: s.Peer, slots: s.Slots.Len()}
		}
	}
	return steps
}

// shouldWeigh reports whether the masters' loads are uneven, and their slots not weighed yet.
func (c *Coordinator) shouldWeigh(v *View, now time.Time) bool {
	if !v.Unweighed {
		if c.uneven(v) {
			c.tooHeavy = now
		}
		return false
	}
	if again := !c.tooHeavy.IsZero() && now.Sub(c.tooHeavy) < weighAgain; again && !v.newcomer() || !c.uneven(v) {
		return false
	}
	if !c.weigh {
		c.weigh, c.weighed = true, time.Time{}
	}
	return true // if they have not all been told, then again after weighEvery
}

// uneven reports whether the loads that the masters have said are further apart than the
// threshold.
func (c *Coordinator) uneven(v *View) bool {
	p := newPlanner(v)
	var loads []int64
	for _, t := range p.targets() {
		loads = append(loads, c.reports[t.ID].Total+int64(t.Slots.Len()))
	}
	return len(loads) > 1 && apart(loads, p.threshold())
}

// endMoves finds the moves that are over. Their nodes rest for as long as they took, so
// that clients have at least half of the time for themselves.
func (c *Coordinator) endMoves(jobs []Job, now time.Time) {
	for from, mv := range c.moves {
		running := false
		for i := range jobs {
			running = running || jobs[i].From == from
		}
		if running {
			continue
		}
		took := max(now.Sub(mv.since), 10*time.Millisecond)
		delete(c.moves, from)
		c.rests[from], c.rests[mv.to] = now.Add(took), now.Add(took)
		switch {
		case took <= moveTime/2:
			c.pace = min(2*c.pace, maxSlots)
		case took > 2*moveTime:
			c.pace = max(c.pace/2, minSlots)
		}
	}
}

// Refused tells that a member did not carry out a step.
func (c *Coordinator) Refused(s *Step, now time.Time) {
	if s.Kind == Move {
		delete(c.moves, s.Node)
	}
	c.rests[s.Node] = now.Add(moveTime)
}

// Releases reports whether this node has asked for a lease that it does not need now.
func (c *Coordinator) Releases() bool { return c.term != 0 }

// Release is Lease.Release.
func (c *Coordinator) Release(m *slots.Map) Ask {
	c.held, c.idle = false, false
	return c.Lease.Release(m)
}

// Holder returns the coordinator as far as this node knows, zero if there is none.
func (c *Coordinator) Holder(now time.Time) slots.NodeID {
	if c.granted != 0 && now.Before(c.until) {
		return c.grantedTo
	}
	return slots.NodeID{}
}

// Planned returns the present plan, and why a part of it has to wait.
func (c *Coordinator) Planned() ([]Step, string) { return c.plan, c.waiting }

// GrantedTerm returns the latest term that this node has granted.
func (c *Coordinator) GrantedTerm() uint64 { return c.granted }
