package migrate

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/slotmesh/slotmesh/slots"
)

// Master is a master of a cluster, as much of it as a plan needs. The order of
// masters decides ties.
type Master struct {
	ID    slots.NodeID
	Slots slots.Set
}

// Masters returns the masters of a map, in ascending order of their ids.
func Masters(m *slots.Map) []Master {
	var list []Master
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if !n.IsMaster() {
			continue
		}
		master := Master{ID: n.ID}
		if n.Slots != nil {
			master.Slots = *n.Slots
		}
		list = append(list, master)
	}
	return list
}

// Move is a set of slots that goes from one master to another.
type Move struct {
	Slots    slots.Set
	From, To slots.NodeID
}

// Plan is what to move, in order: no slot is in two moves. Printing it is the dry
// run.
type Plan struct {
	Moves []Move
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Moves) == 0 }

// Len returns the number of slots that move.
func (p Plan) Len() int {
	n := 0
	for i := range p.Moves {
		n += p.Moves[i].Slots.Len()
	}
	return n
}

// String prints a table with a line per move.
func (p Plan) String() string {
	if p.Empty() {
		return "nothing to move\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FROM\tTO\tCOUNT\tSLOTS")
	for i := range p.Moves {
		m := &p.Moves[i]
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", m.From.Short(), m.To.Short(), m.Slots.Len(), m.Slots)
	}
	w.Flush()
	fmt.Fprintf(&b, "%d slots in %d moves\n", p.Len(), len(p.Moves))
	return b.String()
}

// add appends a move unless it is empty.
func (p *Plan) add(set slots.Set, from, to slots.NodeID) {
	if !set.Empty() {
		p.Moves = append(p.Moves, Move{Slots: set, From: from, To: to})
	}
}

// cut removes the n lowest slots from set and returns them.
func cut(set *slots.Set, n int) slots.Set {
	var collected slots.Set
	for slot := range set.All() {
		if n <= 0 {
			break
		}
		collected.Add(slot)
		n--
	}
	set.Subtract(&collected)
	return collected
}

// find returns the master with that id.
func find(masters []Master, id slots.NodeID) (*Master, error) {
	for i := range masters {
		if masters[i].ID == id {
			return &masters[i], nil
		}
	}
	return nil, fmt.Errorf("migrate: node %s is not a master of this cluster; name one of its %d masters", id,
		len(masters))
}
