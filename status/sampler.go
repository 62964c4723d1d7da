package status

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	// samplePeriod is how long a report is given to all who ask.
	samplePeriod = 900 * time.Millisecond
	// maxRateSpan is the age of a sample beyond which no rate is told since then.
	maxRateSpan = 10 * time.Second
)

// sampler asks the cluster for all who look, at most once a samplePeriod.
type sampler struct {
	node *slotmesh.Node
	turn chan struct{} // holds a token while nobody uses what follows

	report *Report
	taken  time.Time
	before map[slots.NodeID]counted
}

const (
	slotsPerCell = 64
	cells        = slots.Count / slotsPerCell
)

// counted is how far a node's counters of operations were.
type counted [cells]uint64

// speeds are a node's operations per second.
type speeds *[cells]float64

func newSampler(node *slotmesh.Node) *sampler {
	s := &sampler{node: node, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// sample returns a report that is at most a samplePeriod old; it must not be changed.
func (s *sampler) sample(ctx context.Context) (*Report, error) {
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.report != nil && time.Since(s.taken) < samplePeriod {
		return s.report, nil
	}
	// Others wait for the report, too: it does not end with the request of the first.
	members, err := s.node.ClusterStats(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	span := now.Sub(s.taken)
	known := s.report != nil && span <= maxRateSpan
	rates := make(map[slots.NodeID]speeds)
	after := make(map[slots.NodeID]counted)
	for i := range members {
		m := &members[i]
		if m.Err != nil {
			continue
		}
		after[m.ID] = counted(m.Ops)
		if was, ok := s.before[m.ID]; ok && known {
			rates[m.ID] = was.rates(m.Ops, span)
		}
	}
	s.report = build(s.node, members, rates)
	s.report.Time = now.UTC()
	if known {
		s.report.Heat.Ops = make([]float64, cells)
		for _, r := range rates {
			for i, n := range r {
				s.report.Heat.Ops[i] += n
			}
		}
	}
	s.taken, s.before = now, after
	return s.report, nil
}

// rates returns the operations per second between two samples. A counter that has fallen,
// because slots have left the node or it was started again, tells none.
func (was *counted) rates(now counted, span time.Duration) speeds {
	var r [cells]float64
	for i, n := range now {
		if n > was[i] {
			r[i] = float64(n-was[i]) / span.Seconds()
		}
	}
	return &r
}

// build makes a report of what the members say and what the node sees.
func build(node *slotmesh.Node, members []slotmesh.MemberStats, rates map[slots.NodeID]speeds) *Report {
	r := &Report{Node: node.ID(), Shards: []Shard{}, Moves: []Move{}, Heat: Heat{SlotsPerCell: slotsPerCell}}
	m := node.Map()
	r.Cluster = clusterOf(node, m)
	r.Balance = balanceOf(node)
	at := make(map[slots.NodeID]*Node)
	r.Nodes = make([]Node, len(members))
	for i := range members {
		said := &members[i]
		n := &r.Nodes[i]
		at[said.ID] = n
		n.fill(said)
		n.fillFromMap(m, node)
		if rate := rates[said.ID]; rate != nil {
			var sum float64
			for _, one := range rate {
				sum += one
			}
			n.Ops = &sum
		}
		for j := range said.Moves {
			r.Moves = append(r.Moves, moveOf(&said.Moves[j], m))
		}
	}
	slices.SortFunc(r.Moves, func(a, b Move) int { return cmp.Compare(a.ID, b.ID) })
	if m != nil {
		r.Shards = shardsOf(m, at)
	}
	return r
}

func clusterOf(node *slotmesh.Node, m *slots.Map) Cluster {
	if m == nil {
		return Cluster{State: string(slotmesh.RoleStandalone), Assigned: slots.Count}
	}
	c := Cluster{State: m.State().String(), Epoch: m.CurrentEpoch(), Assigned: m.Assigned()}
	if m.State() != slots.OK {
		over, cancel := context.WithCancel(context.Background())
		cancel() // Ready says at once what is missing
		if err := node.Ready(over); err != nil {
			c.Reason = err.Error()
		}
	}
	return c
}

func balanceOf(node *slotmesh.Node) *Balance {
	st, err := node.BalanceStatus()
	if err != nil {
		return nil
	}
	return &Balance{On: !st.Off, Paused: st.Paused, Coordinator: st.Coordinator, Term: st.Term, Waiting: st.Waiting,
		Excluded: append([]slots.NodeID{}, st.Excluded...)}
}

// fill takes over what a node says of itself.
func (n *Node) fill(said *slotmesh.MemberStats) {
	n.ID, n.Answers = said.ID, said.Err == nil
	if said.Err != nil {
		n.Error = said.Err.Error()
		return
	}
	n.Version, n.Uptime, n.Clients, n.Commands = said.Version, said.Uptime.Seconds(), said.Clients, said.Commands
	n.Keys, n.Memory, n.MaxMemory = said.Keys, said.Memory, said.MaxMemory
	n.Expired, n.Evicted = said.Expired, said.Evicted
	n.Link, n.Lag, n.Silence = said.Link, said.Lag, said.Silence.Seconds()
}

func (n *Node) fillFromMap(m *slots.Map, self *slotmesh.Node) {
	if m == nil {
		n.Addr, n.Role, n.Health = self.Addr().Client(), string(slotmesh.RoleStandalone), slots.Online.String()
		return
	}
	info := m.Node(n.ID)
	if info == nil { // it was forgotten meanwhile
		n.Health = slots.Failed.String()
		return
	}
	n.Addr, n.Zone, n.Health, n.Leaving = info.Addr.Client(), info.Zone, info.Health.String(), info.Leaving
	n.Role, n.Master = string(slotmesh.RoleMaster), info.Master
	switch {
	case info.Witness:
		n.Role = "witness"
	case !info.IsMaster():
		n.Role = string(slotmesh.RoleReplica)
	}
}

func shardsOf(m *slots.Map, at map[slots.NodeID]*Node) []Shard {
	list := []Shard{}
	var firsts = make(map[slots.NodeID]slots.Slot)
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if !n.IsMaster() || !n.HasSlots() {
			continue
		}
		s := Shard{Master: n.ID, Replicas: []slots.NodeID{}, Slots: ranges(n.Slots), Count: n.Slots.Len()}
		for first := range n.Slots.All() {
			firsts[n.ID] = first
			break
		}
		if master := at[n.ID]; master != nil {
			s.Keys, s.Memory, s.Ops = master.Keys, master.Memory, master.Ops
		}
		for _, replica := range m.Replicas(n.ID) {
			s.Replicas = append(s.Replicas, replica.ID)
			if r := at[replica.ID]; r != nil {
				s.Lag = max(s.Lag, r.Lag)
			}
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Shard) int { return cmp.Compare(firsts[a.Master], firsts[b.Master]) })
	return list
}

// moveOf leaves out the slots that have arrived, as the map tells.
func moveOf(v *slotmesh.MemberMove, m *slots.Map) Move {
	left := slots.NewSet()
	for slot := range v.Slots.All() {
		if owner := m.Owner(slot); owner == nil || owner.ID != v.Target {
			left.Add(slot)
		}
	}
	return Move{ID: v.ID, Source: v.Source, Target: v.Target, State: v.State, Doing: v.Doing, Waiting: v.Waiting,
		Slots: ranges(&left), Done: v.Done, Total: v.Total, Keys: v.Keys, Bytes: v.Bytes,
		Elapsed: v.Elapsed.Seconds(), ETA: v.ETA.Seconds()}
}
