package admin

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// Reshard says which slots to move.
type Reshard struct {
	Slots int      // how many
	To    string   // the master that gets them: id or host:port
	From  []string // the masters that give them, likewise; none means all others
}

// PlanReshard plans to move a number of slots to a master, chosen as redis-cli does. If
// the same was asked for before and interrupted, the plan is what is left of it. The
// error matches ErrBroken if the cluster has problems, ErrUnknownNode if a node is not in
// it.
func (c *Client) PlanReshard(v *View, r Reshard) (*MovePlan, error) {
	to, err := v.findMaster(r.To)
	if err != nil {
		return nil, err
	}
	var from []slots.NodeID
	for _, text := range r.From {
		n, err := v.findMaster(text)
		if err != nil {
			return nil, err
		}
		from = append(from, n.ID)
	}
	p, err := newMovePlan(v, "reshard")
	if err != nil {
		return nil, err
	}
	p.journal = reshardEntry(r.Slots, to.ID, from)
	var kept reshardJournal
	if p.Resumed, err = c.recall(p.journal, &kept); err != nil {
		return nil, err
	}
	if p.Resumed {
		p.Moves, err = kept.remaining(v)
		p.Finish = migrate.Plan{Moves: without(p.Finish, p.Moves)}
		return p, err
	}
	p.Moves, err = migrate.Reshard(p.planned(v), r.Slots, to.ID, from...)
	return p, err
}

func (v *View) findMaster(text string) (*Node, error) {
	n, err := v.Find(text)
	if err == nil && !n.IsMaster() {
		err = fmt.Errorf("admin: %s is a replica of %s; name a master", n.Name(), v.name(n.Master))
	}
	return n, err
}

func reshardEntry(n int, to slots.NodeID, from []slots.NodeID) string {
	args := []string{strconv.Itoa(n), to.String()}
	for _, id := range from {
		args = append(args, id.String())
	}
	slices.Sort(args[2:])
	return entryName("reshard", args...)
}

// reshardJournal is the plan of a reshard that has begun.
type reshardJournal struct {
	Moves []journalMove `json:"moves"`
}

type journalMove struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Slots string `json:"slots"`
}

func (p *MovePlan) entry() reshardJournal { return reshardJournal{journalMoves(p.Moves)} }

func journalMoves(p migrate.Plan) []journalMove {
	list := []journalMove{}
	for i := range p.Moves {
		m := &p.Moves[i]
		list = append(list, journalMove{m.From.String(), m.To.String(), m.Slots.String()})
	}
	return list
}

// remaining returns what the cluster lacks of the journalled plan: the slots that are
// still where they were, or open. Slots that went elsewhere meanwhile are left alone.
func (j *reshardJournal) remaining(v *View) (migrate.Plan, error) {
	var p migrate.Plan
	for _, m := range j.Moves {
		from, err := slots.ParseNodeID(m.From)
		if err != nil {
			return p, err
		}
		to, err := slots.ParseNodeID(m.To)
		if err != nil {
			return p, err
		}
		set, err := slots.ParseSet(m.Slots)
		if err != nil {
			return p, err
		}
		source := v.Node(from)
		if source == nil {
			continue // it was removed meanwhile, so it has no slots to give
		}
		var left slots.Set
		for slot := range set.All() {
			if owner := v.Owner(slot); owner == source || source.IsOpen(slot, false, to) {
				left.Add(slot)
			}
		}
		if !left.Empty() {
			p.Moves = append(p.Moves, migrate.Move{Slots: left, From: from, To: to})
		}
	}
	return p, nil
}

// without returns the moves of a less the slots that b moves.
func without(a, b migrate.Plan) []migrate.Move {
	var list []migrate.Move
	for _, m := range a.Moves {
		for i := range b.Moves {
			m.Slots.Subtract(&b.Moves[i].Slots)
		}
		if !m.Slots.Empty() {
			list = append(list, m)
		}
	}
	return list
}
