package explain

import (
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// agreedVoters reports whether the cluster has agreed on who votes: others than the
// masters with slots do (docs/spec.md §6.9).
func (v View) agreedVoters() bool {
	for i := range v.Map.Nodes() {
		if n := &v.Map.Nodes()[i]; n.Voter && !n.HasSlots() {
			return true
		}
	}
	return false
}

// missedVoters says that too few voters are in reach, if they are.
func (v View) missedVoters(silent []string) []string {
	voters, reachable := 0, 0
	for i := range v.Map.Nodes() {
		n := &v.Map.Nodes()[i]
		if !n.Voter {
			continue
		}
		voters++
		if n.Health == slots.Online {
			reachable++
		}
	}
	if reachable > voters/2 {
		return nil
	}
	return []string{fmt.Sprintf("only %d of %d voters are in reach: %s", reachable, voters, some(silent))}
}

// replicated reports whether a master with slots has a replica.
func (v View) replicated() bool {
	for i := range v.Map.Nodes() {
		if m := v.Map.Node(v.Map.Nodes()[i].Master); m != nil && m.HasSlots() {
			return true
		}
	}
	return false
}
