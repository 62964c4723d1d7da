package admin

import (
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// Rebalance says how to distribute slots. The zero value gives every master that
// owns slots an equal share.
type Rebalance struct {
	// Weights are the masters' relative shares by id or host:port, 1 if absent; 0 drains.
	Weights map[string]float64
	// Threshold is by how many percent a master may be off its share before anything is
	// moved; 0 = 2 %.
	Threshold float64
	// UseEmptyMasters gives slots to masters that own none, too.
	UseEmptyMasters bool
}

// PlanRebalance plans the least number of moves that give each master its share. The error
// matches ErrBroken if the cluster has problems.
func PlanRebalance(v *View, r Rebalance) (*MovePlan, error) {
	b := migrate.Balance{Threshold: r.Threshold, UseEmpty: r.UseEmptyMasters, Weights: make(map[slots.NodeID]float64)}
	for text, weight := range r.Weights {
		n, err := v.findMaster(text)
		if err != nil {
			return nil, err
		}
		b.Weights[n.ID] = weight
	}
	p, err := newMovePlan(v, "rebalance")
	if err != nil {
		return nil, err
	}
	p.Moves, err = migrate.Rebalance(p.planned(v), b)
	return p, err
}

// PlanDrain plans to empty a master: its slots go where the fewest are. Then it can be
// removed. A cluster that balances by itself gives it no slots again: see BalanceInclude.
func PlanDrain(v *View, node string) (*MovePlan, error) {
	n, err := v.Find(node)
	if err != nil {
		return nil, err
	}
	p, err := newMovePlan(v, "drain")
	if err != nil || !n.IsMaster() { // Redis makes a master that gave its last slot a replica
		return p, err
	}
	p.drained = n.ID
	p.Moves, err = migrate.Drain(p.planned(v), n.ID)
	return p, err
}
