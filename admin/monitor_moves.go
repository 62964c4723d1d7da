package admin

import "github.com/slotmesh/slotmesh/slots"

// MoveSample is a move of slots that is under way.
type MoveSample struct {
	From  string `json:"from"` // "host:port", or an id that no node of the sample has
	To    string `json:"to"`
	Slots int    `json:"slots"`
	Keys  Figure `json:"keys"`  // moved so far
	Bytes Figure `json:"bytes"` // moved so far
}

// ends are the nodes that slots move between.
type ends struct{ from, to slots.NodeID }

// moves gathers what the masters tell of moves: jobs, then slots that are open without one.
func moves(list []*monitored) []MoveSample {
	found, inJobs := jobMoves(list)
	var opened []ends
	counts := make(map[ends]int)
	for _, n := range list {
		for _, o := range n.open {
			if o.Importing || inJobs.Has(o.Slot) {
				continue
			}
			e := ends{n.id, o.Peer}
			if counts[e] == 0 {
				opened = append(opened, e)
			}
			counts[e]++
		}
	}
	for _, e := range opened {
		found = append(found, MoveSample{From: addressOf(list, e.from), To: addressOf(list, e.to), Slots: counts[e],
			Keys: Unknown, Bytes: Unknown})
	}
	return found
}

// jobMoves returns each job once, as its source tells it, or its target if the source does
// not; and the slots of all.
func jobMoves(list []*monitored) (found []MoveSample, all slots.Set) {
	at := make(map[string]int) // by name
	for _, n := range list {
		for i := range n.jobs {
			j := &n.jobs[i]
			if j.Ended() {
				continue
			}
			all.Union(&j.Slots)
			move := MoveSample{From: addressOf(list, j.Source), To: addressOf(list, j.Target), Slots: j.Slots.Len(),
				Keys: Figure(j.Keys), Bytes: Figure(j.Bytes)}
			if k, ok := at[j.Name]; !ok {
				at[j.Name] = len(found)
				found = append(found, move)
			} else if j.Export {
				found[k] = move
			}
		}
	}
	return found, all
}

// addressOf returns the address of the node with that id, or the id.
func addressOf(list []*monitored, id slots.NodeID) string {
	for _, n := range list {
		if n.id == id {
			return n.Address
		}
	}
	return id.String()
}
