package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// minMasters is the least number of masters of which a majority survives the loss of one.
const minMasters = 3

// CreatePlan says what a new cluster will look like. It depends on the addresses
// and their order only, so that an interrupted Create can be planned again.
type CreatePlan struct {
	Masters []PlannedMaster
}

// PlannedMaster is one shard of a new cluster.
type PlannedMaster struct {
	Node     string // "host:port"
	Slots    slots.Range
	Replicas []string
}

// PlanCreate plans a cluster of the given nodes, "host:port", with that many replicas for
// each master: masters on different hosts where possible, slots in even contiguous ranges
// (docs/spec.md §1.4), replicas on other hosts than their masters where possible. Nodes
// that remain become additional replicas.
func PlanCreate(nodes []string, replicas int) (CreatePlan, error) {
	if replicas < 0 {
		return CreatePlan{}, fmt.Errorf("admin: %d replicas for each master: use 0 or more", replicas)
	}
	for i, n := range nodes {
		if _, err := splitAddr(n); err != nil {
			return CreatePlan{}, err
		}
		if slices.Contains(nodes[:i], n) {
			return CreatePlan{}, fmt.Errorf("admin: node %s is named twice", n)
		}
	}
	masters := len(nodes) / (replicas + 1)
	if masters < minMasters {
		return CreatePlan{}, fmt.Errorf("admin: %d nodes with %d replicas for each master make %d masters, but a "+
			"cluster needs at least %d, "+
			"so that a majority is left when one is lost: give at least %d nodes", len(nodes), replicas, masters, minMasters,
			minMasters*(replicas+1))
	}
	order := spread(nodes, hostOf)
	var p CreatePlan
	for i, r := range slots.Even(masters) {
		p.Masters = append(p.Masters, PlannedMaster{Node: order[i], Slots: r})
	}
	for _, s := range assign(order[:masters], order[masters:], hostOf) {
		m := &p.Masters[s.master]
		m.Replicas = append(m.Replicas, s.replica)
	}
	return p, nil
}

func hostOf(addr string) string { return addr[:strings.LastIndexByte(addr, ':')] }

// Nodes returns all nodes, masters first.
func (p CreatePlan) Nodes() []string {
	var list []string
	for _, m := range p.Masters {
		list = append(list, m.Node)
	}
	for _, m := range p.Masters {
		list = append(list, m.Replicas...)
	}
	return list
}

// SameHost returns the replicas that share their master's host.
func (p CreatePlan) SameHost() []string {
	var list []string
	for _, m := range p.Masters {
		for _, r := range m.Replicas {
			if hostOf(r) == hostOf(m.Node) {
				list = append(list, r)
			}
		}
	}
	return list
}

// String prints a line per node and a warning about replicas beside their masters.
func (p CreatePlan) String() string {
	var b strings.Builder
	for _, m := range p.Masters {
		fmt.Fprintf(&b, "M: %s slots:[%s] (%d slots)\n", m.Node, m.Slots, m.Slots.Len())
	}
	for _, m := range p.Masters {
		for _, r := range m.Replicas {
			fmt.Fprintf(&b, "S: %s replicates %s\n", r, m.Node)
		}
	}
	if same := p.SameHost(); len(same) > 0 {
		fmt.Fprintf(&b, "[WARNING] %s on the same host as the master: %s\n", plural(len(same), "replica"),
			strings.Join(same, " "))
	}
	return b.String()
}
