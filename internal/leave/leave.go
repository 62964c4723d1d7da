package leave

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrNoOtherMaster is matched by the error of Run at a node with slots that no other
// master can take.
var ErrNoOtherMaster = errors.New("no other master can take the slots of this node")

// Stage is what a leaving node is doing.
type Stage string

const (
	HandingOver Stage = "handing-over" // the role of the master, to a replica
	Draining    Stage = "draining"     // slots, to the other masters
	Waiting     Stage = "waiting"      // for what Progress.Reason says
	Departing   Stage = "departing"    // all others are to forget the node
	Left        Stage = "left"         // they have, and it owns nothing
	Staying     Stage = "staying"      // it goes on as a member, for the Reason given
)

// Progress says what a node that leaves its cluster is doing from now on.
type Progress struct {
	Stage  Stage
	To     slots.NodeID // the node that takes slots now, with Draining
	Left   int          // slots that it still owns
	Reason string       // of Waiting and Staying, in plain English
}

// Node is the node that leaves, as this package needs it.
type Node struct {
	Map     func() *slots.Map
	Changed func() <-chan struct{} // closed with the next change of the map
	Do      func(ctx context.Context, cmd gossip.Command) error
	// HandOver lets a replica in step take the node's place, and returns when it has, or ok
	// is false: there is none, or it did not.
	HandOver func(ctx context.Context) (to slots.NodeID, ok bool)
	// The moves of slots, as those of slotmesh.Node.
	Move   func(ctx context.Context, set slots.Set, to slots.NodeID) (migrate.JobID, error)
	Cancel func(id migrate.JobID) error
	Moves  func() []migrate.Status
	// Balances reports whether the cluster keeps replicas by itself: a coordinator moves the
	// slots away from a master whose last replica leaves.
	Balances func() bool
	// OnProgress is called when something else is done than before.
	OnProgress func(Progress)
	Logger     hclog.Logger
}

const (
	// lookEvery is how often to look at what no map tells: jobs, and replicas in step.
	lookEvery = 100 * time.Millisecond
	// handOverTries is how often a replica is asked before the slots move instead.
	handOverTries = 3
	// moveTries is how many moves may fail one after the other.
	moveTries = 5
	// drainLimit is for how long the last replica waits for its master to get rid of the next
	// slots.
	drainLimit = time.Minute
	// farewell is for how long clients are told where to go, before the node is alone.
	farewell = 50 * time.Millisecond
	// repeatAfter is when peers that have not answered are told again.
	repeatAfter = time.Second
)

// Run returns when all others have forgotten the node, which is alone then and owns
// nothing. If that cannot be, or ctx ends before the last step, the node stays a member
// that works, with the slots that it has still.
func (n *Node) Run(ctx context.Context) error {
	if err := n.Do(ctx, gossip.Leave{}); err != nil {
		return err
	}
	l := leaving{Node: n}
	err := l.run(ctx)
	if err != nil {
		l.stay()
	}
	return err
}

// leaving is a Run under way.
type leaving struct {
	*Node
	told      Progress
	handOvers int // that failed
	job       migrate.JobID
	target    slots.NodeID // of job; zero: none is on
	failed    int          // jobs, one after the other

	// What the master of a last replica had when, see lastReplica.
	mastersSlots int
	fewerSince   time.Time
}

func (l *leaving) run(ctx context.Context) error {
	for {
		changed := l.Changed()
		if done, err := l.step(ctx); done || err != nil {
			return err
		}
		if err := pause(ctx, changed, lookEvery); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, changed <-chan struct{}, limit time.Duration) error {
	look := time.NewTimer(limit)
	defer look.Stop()
	select {
	case <-changed:
	case <-look.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// step does what is next.
func (l *leaving) step(ctx context.Context) (done bool, err error) {
	m := l.Map()
	self := m.Self()
	master := m.Node(self.Master)
	switch {
	case !l.target.IsZero():
		return false, l.watch(m)
	case self.HasSlots():
		return false, l.giveAway(ctx, m)
	case len(m.Nodes()) == 1:
		return true, nil
	case m.Open().Len() > 0 || l.busy():
		l.wait("slots that were on the move when the node began to leave, or keys that belong to others, have to arrive")
	case !self.IsMaster() && master != nil && master.HasSlots() && master.Health != slots.Online:
		l.wait("its master does not answer: this node may hold the only copy of the keys")
	case !self.IsMaster() && master != nil && l.lastReplica(m, master):
		l.wait("it is the last replica of its master, whose slots have to move to shards with replicas first")
	case len(m.Replicas(self.ID)) > 0:
		l.wait("its replicas have to follow another master")
	default:
		return true, l.depart(ctx)
	}
	return false, nil
}

// lastReplica reports whether the node should stay for a while: its master would have slots
// and no replica, so that writes that need one fail, and gets rid of its slots soon.
func (l *leaving) lastReplica(m *slots.Map, master *slots.Node) bool {
	if !master.HasSlots() || stays(m, master.ID, m.Self().ID) || !master.Leaving && !l.Balances() {
		return false
	}
	others := slices.ContainsFunc(m.Nodes(), func(n slots.Node) bool {
		return n.HasSlots() && n.Health == slots.Online && !n.Leaving && n.ID != master.ID && stays(m, n.ID, n.ID)
	})
	if !others {
		return false
	}
	if count := master.Slots.Len(); l.fewerSince.IsZero() || count < l.mastersSlots {
		l.fewerSince, l.mastersSlots = time.Now(), count
	}
	return time.Since(l.fewerSince) < drainLimit
}

// stays reports whether a replica of the master besides one node is there and does not leave.
func stays(m *slots.Map, master, besides slots.NodeID) bool {
	return slices.ContainsFunc(m.Nodes(), func(n slots.Node) bool {
		return n.Master == master && n.ID != besides && n.Health == slots.Online && !n.Leaving
	})
}

// giveAway hands the role over, or begins to move slots.
func (l *leaving) giveAway(ctx context.Context, m *slots.Map) error {
	if stays(m, m.Self().ID, m.Self().ID) && l.handOvers < handOverTries {
		l.tell(Progress{Stage: HandingOver, Left: m.Self().Slots.Len()})
		to, ok := l.HandOver(ctx)
		if ok {
			l.Logger.Info("leaving: handed over", "to", to.Short())
			return nil
		}
		l.handOvers++
	}
	return l.move(ctx, m)
}

// move begins to move slots to the master that has the fewest; the plan is made anew when
// that is done, for what the cluster is then.
func (l *leaving) move(ctx context.Context, m *slots.Map) error {
	self := m.Self().ID
	plan, err := migrate.Drain(takers(m), self)
	if err != nil {
		return fmt.Errorf("%w: it owns %d, and each other master has failed or is leaving too", ErrNoOtherMaster,
			m.Self().Slots.Len())
	}
	next := plan.Moves[0]
	l.tell(Progress{Stage: Draining, To: next.To, Left: m.Self().Slots.Len()})
	if l.job, err = l.Move(ctx, next.Slots, next.To); err != nil {
		return l.retry(err)
	}
	l.target = next.To
	return nil
}

// takers returns this node and the masters that can take slots.
func takers(m *slots.Map) []migrate.Master {
	var list []migrate.Master
	for _, master := range migrate.Masters(m) {
		n := m.Node(master.ID)
		if n.ID == m.Self().ID || n.Health == slots.Online && !n.Leaving {
			list = append(list, master)
		}
	}
	return list
}

// watch looks how the job stands. One to a node that takes nothing more is cancelled: what
// is open is finished, the rest goes elsewhere.
func (l *leaving) watch(m *slots.Map) error {
	for _, s := range l.Moves() {
		if s.Import || s.Job.ID != l.job {
			continue
		}
		if s.Over() {
			break
		}
		if to := m.Node(l.target); to == nil || to.Leaving || to.Health == slots.Failed {
			return l.Cancel(l.job)
		}
		return nil
	}
	l.target = slots.NodeID{}
	for _, s := range l.Moves() {
		if !s.Import && s.Job.ID == l.job && s.State == migrate.Failed {
			return l.retry(s.Err)
		}
	}
	l.failed = 0
	return nil
}

// retry passes an error on when moves have failed too often.
func (l *leaving) retry(err error) error {
	if l.failed++; l.failed < moveTries {
		l.Logger.Warn("leaving: slots could not be moved, trying again", "error", err)
		return nil
	}
	return fmt.Errorf("moving slots away failed %d times: %w", l.failed, err)
}

// busy reports whether keys are on their way to or from this node.
func (l *leaving) busy() bool {
	for _, s := range l.Moves() {
		if !s.Over() && (!s.Import || s.Progress.Waiting == "") {
			return true
		}
	}
	return false
}

func (l *leaving) wait(reason string) { l.tell(Progress{Stage: Waiting, Reason: reason}) }

func (l *leaving) tell(p Progress) {
	if p != l.told {
		l.told = p
		l.OnProgress(p)
	}
}

// depart has all others forget the node. From the first word on there is no way back.
func (l *leaving) depart(ctx context.Context) error {
	if err := pause(ctx, nil, farewell); err != nil {
		return err
	}
	l.tell(Progress{Stage: Departing})
	for {
		switch err := l.Do(ctx, gossip.Depart{}); {
		case errors.Is(err, gossip.ErrNotLeaving) && len(l.Map().Nodes()) == 1:
			return nil // forgotten since the last look
		case err != nil:
			return err
		}
		again := time.Now().Add(repeatAfter)
		for time.Now().Before(again) {
			changed := l.Changed()
			if len(l.Map().Nodes()) == 1 {
				return nil
			}
			if err := pause(ctx, changed, time.Until(again)); err != nil {
				return err
			}
		}
	}
}

// stay takes back that the node leaves.
func (l *leaving) stay() {
	if !l.target.IsZero() {
		if err := l.Cancel(l.job); err != nil {
			l.Logger.Warn("leaving was called off, but slots go on moving", "error", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), repeatAfter)
	defer cancel()
	if err := l.Do(ctx, gossip.Leave{Stay: true}); err != nil {
		l.Logger.Warn("leaving was called off, but the cluster was not told", "error", err)
	}
}
