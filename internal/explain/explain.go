package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// View is what a node knows of the cluster at one moment.
type View struct {
	Map   *slots.Map
	Peers func() []gossip.Peer // what gossip knows of the other nodes
	Now   time.Time
}

// Slot says what becomes of a request for a key of slot at this node, and why.
func (v View) Slot(slot slots.Slot) string {
	m := v.Map
	owner := m.Owner(slot)
	switch {
	case owner == nil:
		return fmt.Sprintf("slot %d belongs to nobody: give it to a node with CLUSTER ADDSLOTS, or repair the cluster", slot)
	case m.State() != slots.OK:
		return fmt.Sprintf("slot %d belongs to %s (%s), but the cluster is down: %s", slot, owner.Addr, owner.Health,
			v.Down())
	}
	if to, ok := m.Migrating(slot); ok {
		return fmt.Sprintf("slot %d is mine and on its way to %s: keys that are still here are served, for others I "+
			"answer ASK", slot, nameOf(m, to))
	}
	if from, ok := m.Importing(slot); ok && !m.IsMine(slot) {
		return fmt.Sprintf("slot %d is on its way to me from %s: I serve it after ASKING, otherwise I answer MOVED to %s",
			slot, nameOf(m, from), owner.Addr)
	}
	switch {
	case m.IsMine(slot):
		return fmt.Sprintf("slot %d is mine: served", slot)
	case m.Self().Master == owner.ID:
		return fmt.Sprintf("slot %d belongs to my master %s: I serve reads after READONLY, otherwise I answer MOVED", slot,
			owner.Addr)
	}
	return fmt.Sprintf("slot %d belongs to %s (%s): I answer MOVED", slot, owner.Addr, owner.Health)
}

func nameOf(m *slots.Map, id slots.NodeID) string {
	if n := m.Node(id); n != nil {
		return n.Addr.String()
	}
	return id.String()
}

// Down says why the cluster does not serve.
func (v View) Down() string {
	m, ages := v.Map, v.ages()
	unowned := slots.Full()
	var orphaned slots.Set
	var failed, silent []string
	reachable, masters := 0, 0
	voters := v.agreedVoters()
	for i := range m.Nodes() {
		o := &m.Nodes()[i]
		if voters && o.Voter && o.Health != slots.Online && (!o.IsMaster() || !o.HasSlots()) {
			silent = append(silent, ages.describe(o))
		}
		if !o.IsMaster() || !o.HasSlots() {
			continue
		}
		unowned.Subtract(o.Slots)
		masters++
		switch o.Health {
		case slots.Failed:
			orphaned.Union(o.Slots)
			failed = append(failed, ages.describe(o))
			fallthrough
		case slots.Suspected:
			silent = append(silent, ages.describe(o))
		default:
			reachable++
		}
	}
	var reasons []string
	if !unowned.Empty() {
		reasons = append(reasons, fmt.Sprintf("slots %s belong to nobody", firstRanges(&unowned)))
	}
	if len(failed) > 0 {
		reasons = append(reasons, fmt.Sprintf("slots %s have no working owner: %s", firstRanges(&orphaned), some(failed)))
	}
	if voters {
		reasons = append(reasons, v.missedVoters(silent)...)
	} else if reachable <= masters/2 {
		reasons = append(reasons, fmt.Sprintf("only %d of %d masters are in reach: %s", reachable, masters, some(silent)))
	}
	if len(silent) > 0 && !voters && masters < 3 && v.replicated() {
		reasons = append(reasons, gossip.Undecidable)
	}
	if len(reasons) == 0 {
		return "this node came back a moment ago and waits to hear what has changed (" + rejoinWait.String() + ")"
	}
	return strings.Join(reasons, "; ")
}

// rejoinWait is about how long a master waits before it serves again (docs/spec.md §5.2).
const rejoinWait = 2 * time.Second

// Unserved says why a request for a key of slot cannot be served, as far as the map tells;
// "" if it does not.
func (v View) Unserved(slot slots.Slot) string {
	owner := v.Map.Owner(slot)
	switch {
	case owner == nil:
		return fmt.Sprintf("slot %d belongs to nobody", slot)
	case owner.Health != slots.Online:
		return fmt.Sprintf("slot %d has no working owner: %s", slot, v.ages().describe(owner))
	case v.Map.State() != slots.OK:
		return v.Down()
	}
	return ""
}

// Stable reports whether nothing is on its way to change: the cluster serves, no node is
// suspected, and no slot is open at this node.
func Stable(m *slots.Map) bool { return m.State() == slots.OK && m.Open().Empty() && suspect(m) == nil }

// Unstable says what keeps the map from being stable.
func (v View) Unstable() string {
	switch o := suspect(v.Map); {
	case v.Map.State() != slots.OK:
		return v.Down()
	case o != nil:
		return v.ages().describe(o)
	case !v.Map.Open().Empty():
		return fmt.Sprintf("slots %s are being moved", firstRanges(v.Map.Open()))
	}
	return ""
}

// suspect returns a node that is suspected, nil if there is none.
func suspect(m *slots.Map) *slots.Node {
	for i := range m.Nodes() {
		if n := &m.Nodes()[i]; n.Health == slots.Suspected {
			return n
		}
	}
	return nil
}

// some joins the first few of a list.
func some(list []string) string {
	const few = 3
	if len(list) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:few], ", "), len(list)-few)
	}
	return strings.Join(list, ", ")
}

// firstRanges shows the beginning of a set that may have many ranges.
func firstRanges(set *slots.Set) string {
	const few = 4
	var list []string
	for r := range set.Ranges() {
		if len(list) == few {
			return fmt.Sprintf("%s … (%d)", strings.Join(list, " "), set.Len())
		}
		list = append(list, r.String())
	}
	return strings.Join(list, " ")
}
