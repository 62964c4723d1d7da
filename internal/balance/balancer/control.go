package balancer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/balance"
	"github.com/slotmesh/slotmesh/slots"
)

// Status says how balancing stands, as one node knows it.
type Status struct {
	// Off says that this node takes no part but to vote, report and obey.
	Off bool
	// Paused says that Pause was called, at whichever node, and Resume was not.
	Paused bool
	// Coordinator is the node that has the lease; zero if none has, as in balance.
	Coordinator slots.NodeID
	// Term is that of the coordinator.
	Term uint64
	// Waiting says why nothing, or not all, is planned now; "" if nothing stands in the way.
	Waiting string
	// Excluded are the nodes that Exclude was called for.
	Excluded []slots.NodeID
}

// String has lines "field:value", as CLUSTER INFO.
func (s Status) String() string {
	coordinator := "none"
	if !s.Coordinator.IsZero() {
		coordinator = s.Coordinator.String()
	}
	var excluded []string
	for _, id := range s.Excluded {
		excluded = append(excluded, id.String())
	}
	word := map[bool]string{true: "yes", false: "no"}
	return fmt.Sprintf("balances:%s\r\npaused:%s\r\ncoordinator:%s\r\nterm:%d\r\nwaiting:%s\r\nexcluded:%s\r\n",
		word[!s.Off], word[s.Paused], coordinator, s.Term, s.Waiting, strings.Join(excluded, ","))
}

// Plan is what would be done next, in order.
type Plan struct {
	Steps   []balance.Step
	Waiting string // why a part of it cannot be planned now
}

// String has a line for each step.
func (p Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintln(&b, s)
	}
	switch {
	case p.Waiting != "":
		fmt.Fprintln(&b, "waiting:", p.Waiting)
	case len(p.Steps) == 0:
		fmt.Fprintln(&b, "nothing to do")
	}
	return b.String()
}

// Status returns how balancing stands.
func (b *Balancer) Status() Status {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{Off: b.cfg.Off, Paused: b.core.Pause().On, Coordinator: b.core.Holder(now)}
	if !s.Coordinator.IsZero() {
		s.Term = b.core.GrantedTerm()
	}
	_, s.Waiting = b.core.Planned()
	for i := range b.cfg.Map().Nodes() {
		id, pause := b.cfg.Map().Nodes()[i].ID, b.core.Pause()
		if pause.Excludes(id) {
			s.Excluded = append(s.Excluded, id)
		}
	}
	return s
}

// Plan asks the members for what they move and hold, and returns what there is to do. It
// changes nothing, and works while balancing is paused. The error says which master does
// not answer.
func (b *Balancer) Plan(ctx context.Context) (Plan, error) {
	m := b.cfg.Map()
	ask := balance.Ask{From: m.Self().ID, Load: b.cfg.Balance.Load, EachSlot: true}
	answers := b.ask(ctx, m, &ask)
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if _, ok := answers[n.ID]; !ok && balance.Votes(n) && n.Health == slots.Online {
			return Plan{}, fmt.Errorf("balance: master %s at %s has not said which slots it moves", n.ID, n.Addr)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	steps, waiting := b.core.PlanOf(m, answers)
	return Plan{steps, waiting}, nil
}

// Pause makes the whole cluster begin no step more, until Resume; moves that are on their
// way end, which takes about a second. It outlives restarts. When it returns nil, most of
// the masters with slots have it on their disks, and no coordinator can miss it; after an
// error some nodes may have it.
func (b *Balancer) Pause(ctx context.Context) error {
	return b.setPause(ctx, func(p balance.Pause) balance.Pause { p.On = true; return p })
}

// Resume ends a Pause, at whichever node it was called.
func (b *Balancer) Resume(ctx context.Context) error {
	return b.setPause(ctx, func(p balance.Pause) balance.Pause { p.On = false; return p })
}

// Exclude makes the coordinator give a member neither slots nor a master until Include is
// called at any node; it keeps what it has. It is as durable as a Pause.
func (b *Balancer) Exclude(ctx context.Context, id slots.NodeID) error {
	return b.exclude(ctx, id, true)
}

// Include ends an Exclude.
func (b *Balancer) Include(ctx context.Context, id slots.NodeID) error {
	return b.exclude(ctx, id, false)
}

func (b *Balancer) exclude(ctx context.Context, id slots.NodeID, excluded bool) error {
	m := b.cfg.Map()
	if m.Node(id) == nil {
		return fmt.Errorf("balance: node %s is no member", id)
	}
	return b.setPause(ctx, func(p balance.Pause) balance.Pause { return p.Exclude(id, excluded, m) })
}

// setPause changes the pause that most masters know.
func (b *Balancer) setPause(ctx context.Context, change func(balance.Pause) balance.Pause) error {
	m := b.cfg.Map()
	latest := balance.Pause{}
	find := func(answers map[slots.NodeID]balance.Answer) {
		for _, a := range answers {
			if a.Pause.Version > latest.Version {
				latest = a.Pause
			}
		}
	}
	ask := balance.Ask{From: m.Self().ID}
	answers := b.ask(ctx, m, &ask)
	if err := enough(m, answers, "were asked"); err != nil {
		return err
	}
	find(answers)
	ask.Pause = change(latest)
	ask.Pause.Version, ask.Pause.By = latest.Version+1, m.Self().ID
	answers = b.ask(ctx, m, &ask)
	if err := enough(m, answers, "were told"); err != nil {
		return err
	}
	latest = ask.Pause
	if find(answers); latest != ask.Pause && change(latest) != latest {
		return fmt.Errorf("balance: node %s was told otherwise at the same time", latest.By)
	}
	return nil
}

// enough returns an error unless most of the masters with slots have answered; all members
// in a cluster without slots.
func enough(m *slots.Map, answers map[slots.NodeID]balance.Answer, what string) error {
	_, voters := balance.Electorate(m)
	count := 0
	for id := range answers {
		if n := m.Node(id); n != nil && balance.Votes(n) {
			count++
		}
	}
	if voters > 0 && count <= voters/2 || len(answers) == 0 {
		return fmt.Errorf("balance: %d of %d masters with slots %s: most of them have to be", count, voters, what)
	}
	return nil
}
