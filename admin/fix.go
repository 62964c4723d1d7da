package admin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// FixOptions say how far a fix may go.
type FixOptions struct {
	// WithUnreachableMasters takes the slots of masters that do not answer for lost, and
	// gives them to others, without their keys. If a replica of such a master answers, it
	// has to take over instead.
	WithUnreachableMasters bool
	// Replace settles keys that two nodes hold with different values: the one that is moved
	// to the owner wins. Without it such keys stop the fix.
	Replace bool
	// Timeout of a MIGRATE. Default 60 s, as in redis-cli.
	Timeout time.Duration
}

// FixPlan says how to repair a cluster, step by step.
type FixPlan struct {
	Steps []FixStep
	// Left is what cannot be repaired from here; its texts say what to do.
	Left  Report
	names map[slots.NodeID]string
}

// FixStep repairs one thing.
type FixStep struct {
	Reason  string
	Actions []Action
}

// Op is a kind of Action.
type Op string

// What actions do, at Node; Peer is the other node involved.
const (
	OpTake   Op = "take"   // own Slots
	OpYield  Op = "yield"  // no longer own Slots
	OpImport Op = "import" // open Slots as coming from Peer, so that their keys can be moved
	OpClose  Op = "close"  // end the open state of Slots
	OpTell   Op = "tell"   // take note that Slots are Peer's
	OpKeys   Op = "keys"   // move the keys of Slots to Peer
	OpFinish Op = "finish" // finish the move of Slots to Peer
	OpBump   Op = "bump"   // take the greatest config epoch, so that its claims win
	OpMeet   Op = "meet"   // get to know Peer
	OpFollow Op = "follow" // replicate Peer
)

// Action is one thing to do at one node.
type Action struct {
	Op    Op
	Node  slots.NodeID
	Peer  slots.NodeID
	Slots slots.Set
}

// Empty reports whether there is nothing to do.
func (p *FixPlan) Empty() bool { return len(p.Steps) == 0 }

// String prints each step with its reason and its actions.
func (p *FixPlan) String() string {
	var b strings.Builder
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, s.Reason)
		for _, a := range s.Actions {
			fmt.Fprintf(&b, "   - %s\n", p.describe(a))
		}
	}
	if p.Empty() {
		b.WriteString("Nothing to fix.\n")
	}
	for _, f := range p.Left {
		fmt.Fprintf(&b, "Not fixed from here: %s\n", f.Text)
	}
	return b.String()
}

// MarshalJSON writes each step's reason and its actions as text.
func (p *FixPlan) MarshalJSON() ([]byte, error) {
	type step struct {
		Reason  string   `json:"why"`
		Actions []string `json:"actions"`
	}
	steps := []step{}
	for _, s := range p.Steps {
		out := step{Reason: s.Reason}
		for _, a := range s.Actions {
			out.Actions = append(out.Actions, p.describe(a))
		}
		steps = append(steps, out)
	}
	return json.Marshal(struct {
		Steps []step `json:"steps"`
		Left  Report `json:"left,omitempty"`
	}{steps, p.Left})
}

func (p *FixPlan) describe(a Action) string {
	node, peer, set := p.names[a.Node], p.names[a.Peer], slotList(a.Slots)
	switch a.Op {
	case OpTake:
		return fmt.Sprintf("%s becomes the owner of %s", node, set)
	case OpYield:
		return fmt.Sprintf("%s gives up %s, keeping the keys for now", node, set)
	case OpImport:
		return fmt.Sprintf("%s opens %s as importing from %s, so that its keys can be moved", node, set, peer)
	case OpClose:
		return fmt.Sprintf("%s closes %s", node, set)
	case OpTell:
		return fmt.Sprintf("%s is told that %s are owned by %s", node, set, peer)
	case OpKeys:
		return fmt.Sprintf("the keys of %s move from %s to %s", set, node, peer)
	case OpFinish:
		return fmt.Sprintf("the move of %s from %s to %s is finished", set, node, peer)
	case OpBump:
		return fmt.Sprintf("%s takes the greatest config epoch, so that its claims win", node)
	case OpMeet:
		return fmt.Sprintf("%s is introduced to %s", node, peer)
	case OpFollow:
		return fmt.Sprintf("%s becomes a replica of %s", node, peer)
	}
	return string(a.Op)
}

// PlanFix turns what was found into steps. It is pure. An error says that fixing would be
// dangerous and what allows it.
func PlanFix(d *Diagnosis, o FixOptions) (*FixPlan, error) {
	f := &fixer{d: d, o: o, plan: &FixPlan{names: make(map[slots.NodeID]string)}}
	for _, n := range d.View.Nodes {
		f.plan.names[n.ID] = n.Address
	}
	if err := f.admit(); err != nil {
		return nil, err
	}
	f.members()
	f.slots()
	f.disagreements()
	f.epochs()
	f.leave()
	f.protect()
	return f.plan, nil
}

// protect puts giving up slots before everything else. A master that hears of a newer
// claim on a slot of its own deletes the keys (docs/spec.md §4.6), and a master that
// renews one claim renews all of its claims: also those on slots that another step takes
// from it.
func (f *fixer) protect() {
	if len(f.yields) > 0 {
		step := FixStep{"slots owned by several: who is not to keep them gives them up first, lest he deletes their " +
			"keys when he hears of a newer claim", f.yields}
		f.plan.Steps = slices.Insert(f.plan.Steps, 0, step)
	}
}

type fixer struct {
	d      *Diagnosis
	o      FixOptions
	plan   *FixPlan
	done   slots.Set // slots that a step is about
	yields []Action  // what comes before all steps
	took   map[slots.NodeID]int
}

func (f *fixer) add(why string, actions ...Action) {
	f.plan.Steps = append(f.plan.Steps, FixStep{why, actions})
}

// admit refuses to touch slots of which a master that does not answer may hold the keys,
// and in any case those of which a living replica of such a master does.
func (f *fixer) admit() error {
	v := f.d.View
	for _, n := range v.Masters() {
		if n.Alive() || !n.Serves() {
			continue
		}
		if i := slices.IndexFunc(v.Replicas(n.ID), (*Node).Alive); i >= 0 {
			return fmt.Errorf("%w: master %s owns %s and does not answer (%w), but its replica has a copy of the keys. "+
				"Let that take over: slotmesh failover %s --takeover",
				ErrBroken, n.Name(), slotList(n.Slots()), n.Err, v.Replicas(n.ID)[i].Address)
		}
		if !f.o.WithUnreachableMasters {
			return fmt.Errorf("%w: master %s owns %s and does not answer (%w), nor does a replica of it. Bring one back; "+
				"to give its slots to others, without their keys, use --cluster-fix-with-unreachable-masters",
				ErrBroken, n.Name(), slotList(n.Slots()), n.Err)
		}
	}
	return nil
}

// members introduces nodes that ought to know each other, and gives masters to replicas
// that follow none.
func (f *fixer) members() {
	v := f.d.View
	for _, x := range f.d.Report {
		switch x.Problem {
		case Stranger:
			if v.belongs(x.Other) && v.belongs(x.Node) {
				f.add(x.Text, Action{Op: OpMeet, Node: x.Node, Peer: x.Other})
			}
		case BadMaster:
			if m := v.masterFor(v.Node(x.Node)); m != nil {
				f.add(x.Text, Action{Op: OpFollow, Node: x.Node, Peer: m.ID})
			}
		}
	}
}

// belongs reports whether a node is a member rather than one that is being removed: it
// has slots, or most nodes know it.
func (v *View) belongs(id slots.NodeID) bool {
	if v.Node(id).Serves() {
		return true
	}
	known := 0
	for _, n := range v.Alive() {
		if n.member(id) != nil {
			known++
		}
	}
	return 2*known > len(v.Alive())
}

// masterFor returns whom a replica without a proper master should follow: the master of
// its master, or the one that has the fewest replicas.
func (v *View) masterFor(replica *Node) *Node {
	for n, hops := v.Node(replica.Master), 0; n != nil && hops < len(v.Nodes); n, hops = v.Node(n.Master), hops+1 {
		if n.Serves() && n.Alive() {
			return n
		}
	}
	return v.neediest(replica)
}

// neediest returns the living master with slots that has the fewest replicas not counting
// except; nil if there is none.
func (v *View) neediest(except *Node) *Node {
	var best *Node
	fewest := 0
	for _, n := range v.Masters() {
		if !n.Serves() || !n.Alive() || n == except {
			continue
		}
		replicas := v.Replicas(n.ID)
		count := len(replicas)
		if slices.Contains(replicas, except) {
			count--
		}
		if best == nil || count < fewest {
			best, fewest = n, count
		}
	}
	return best
}

// epochs settles epochs that two masters share: the one with the smaller id takes a new one
// (docs/spec.md §4.4).
func (f *fixer) epochs() {
	for _, x := range f.d.Report {
		if x.Problem == EpochClash {
			node := x.Node
			if slices.Compare(x.Other[:], node[:]) < 0 {
				node = x.Other
			}
			f.add(x.Text, Action{Op: OpBump, Node: node})
		}
	}
}

// leave lists what no step is about.
func (f *fixer) leave() {
	fixable := []Problem{Uncovered, SeveralOwners, Migrating, Importing, OrphanedKeys, Disagreement, EpochClash,
		EpochBehind, StateFail}
	for _, x := range f.d.Report {
		switch {
		case slices.Contains(fixable, x.Problem):
		case x.Problem == Stranger && f.d.View.belongs(x.Other) && f.d.View.belongs(x.Node):
		case x.Problem == BadMaster && f.d.View.masterFor(f.d.View.Node(x.Node)) != nil:
		default:
			f.plan.Left = append(f.plan.Left, x)
		}
	}
}
