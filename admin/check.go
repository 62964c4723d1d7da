package admin

import (
	"fmt"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// Check looks for everything in a View that is not as it should be. It is pure: the
// same view has the same findings, the worst kinds first.
//
//	view, err := client.View(ctx, "127.0.0.1:7001")
//	…
//	fmt.Print(admin.Check(view))
func Check(v *View) Report {
	var r Report
	for _, look := range []func(*View) Report{
		checkReachable, checkCoverage, checkOwners, checkOpen, checkJobs, checkMembers, checkAgreement, checkEpochs,
		checkState, checkReplicas,
	} {
		r = append(r, look(v)...)
	}
	return r
}

func checkReachable(v *View) (r Report) {
	for _, n := range v.Nodes {
		if !n.Alive() {
			text := fmt.Sprintf("Node %s cannot be asked: %v; %s", n.Name(), n.Err, v.remedy(n))
			// Without it the cluster may serve, but nobody can vouch for what it owns.
			r = append(r, Finding{Problem: Unreachable, Warning: !n.IsMaster(), Node: n.ID, Text: text})
			continue
		}
		if by := v.accusers(n.ID); len(by) > 0 {
			r = append(r, Finding{Problem: Failing, Warning: true, Node: n.ID,
				Text: fmt.Sprintf("Node %s answers, but %s hold it for failed", n.Name(), plural(len(by), "node"))})
		}
	}
	return r
}

// remedy says what to do about a node that does not answer.
func (v *View) remedy(n *Node) string {
	entry := v.Nodes[0].Address
	if !n.Serves() {
		return fmt.Sprintf("if it is gone for good: slotmesh del-node %s %s", entry, n.ID)
	}
	for _, r := range v.Replicas(n.ID) {
		if r.Alive() {
			return fmt.Sprintf("if its replica does not take over by itself: slotmesh failover %s --takeover", r.Address)
		}
	}
	return fmt.Sprintf("bring it back; if it is gone for good: slotmesh fix %s "+
		"--cluster-fix-with-unreachable-masters gives its slots to others, without their keys", entry)
}

// accusers returns the nodes that flag id as fail or fail?.
func (v *View) accusers(id slots.NodeID) (by []*Node) {
	for _, n := range v.Alive() {
		if m := n.member(id); m != nil && (m.Has("fail") || m.Has("fail?")) {
			by = append(by, n)
		}
	}
	return by
}

// member returns what the node says about another one, nil if nothing.
func (n *Node) member(id slots.NodeID) *Member {
	for i := range n.Members {
		if n.Members[i].ID == id {
			return &n.Members[i]
		}
	}
	return nil
}

func checkCoverage(v *View) (r Report) {
	free := slots.Full()
	for _, n := range v.Masters() {
		owned := n.Slots()
		free.Subtract(&owned)
	}
	if !free.Empty() {
		r = append(r, Finding{Problem: Uncovered, Slots: free,
			Text: fmt.Sprintf("Not all %d slots are covered by nodes: nobody owns %s (%s)", slots.Count,
				plural(free.Len(), "slot"), slotList(free))})
	}
	return r
}

func checkOwners(v *View) (r Report) {
	masters := v.Masters()
	for i, a := range masters {
		for _, b := range masters[i+1:] {
			both, other := a.Slots(), b.Slots()
			if both.Intersect(&other); !both.Empty() {
				r = append(r, Finding{Problem: SeveralOwners, Node: a.ID, Other: b.ID, Slots: both,
					Text: fmt.Sprintf("Nodes %s and %s both own %s", a.Name(), b.Name(), slotList(both))})
			}
		}
	}
	return r
}

func checkOpen(v *View) (r Report) {
	for _, n := range v.Alive() {
		type way struct {
			importing bool
			peer      slots.NodeID
		}
		sets := make(map[way]*slots.Set)
		var order []way
		for _, o := range n.Open {
			w := way{o.Importing, o.Peer}
			if sets[w] == nil {
				sets[w] = new(slots.Set)
				order = append(order, w)
			}
			sets[w].Add(o.Slot)
		}
		for _, w := range order {
			f := Finding{Problem: Migrating, Node: n.ID, Other: w.peer, Slots: *sets[w]}
			word, prep := "migrating", "to"
			if w.importing {
				f.Problem, word, prep = Importing, "importing", "from"
			}
			f.Text = fmt.Sprintf("Node %s has slots in %s state %s %s: %s", n.Name(), word, prep, v.name(w.peer),
				slotList(f.Slots))
			r = append(r, f)
		}
	}
	return r
}

// checkJobs finds moves that nodes make by themselves and that wait for a node that does
// not answer.
func checkJobs(v *View) (r Report) {
	for _, n := range v.Alive() {
		for i := range n.JobsNow {
			j := &n.JobsNow[i]
			if !v.stuck(j) {
				continue
			}
			f := Finding{Problem: StuckMove, Warning: true, Node: n.ID, Other: j.peer(), Slots: j.Slots}
			prep := "from"
			if j.Export {
				prep = "to"
			}
			f.Text = fmt.Sprintf("Node %s is moving %s %s %s, which does not answer: the move waits for it; %s",
				n.Name(), slotsText(j.Slots), prep, v.name(f.Other), v.remedy(v.Node(f.Other)))
			r = append(r, f)
		}
	}
	return r
}

// name is how messages call a node by its id, known or not.
func (v *View) name(id slots.NodeID) string {
	if n := v.Node(id); n != nil {
		return n.Name()
	}
	return "an unknown node (" + id.String() + ")"
}

func checkMembers(v *View) (r Report) {
	for _, n := range v.Alive() {
		for _, other := range v.Nodes {
			// Who is dead, or gone from everywhere but somebody's memory, need not be known.
			if !other.Alive() || n.member(other.ID) != nil {
				continue
			}
			r = append(r, Finding{Problem: Stranger, Node: n.ID, Other: other.ID,
				Text: fmt.Sprintf("Node %s does not know node %s", n.Name(), other.Name())})
		}
	}
	return r
}

// checkAgreement compares what each node says about each master with what that says itself.
func checkAgreement(v *View) (r Report) {
	for _, n := range v.Alive() {
		for _, other := range v.Masters() {
			if other == n || !other.Alive() {
				continue
			}
			said := n.member(other.ID)
			if said == nil || slices.Equal(said.Ranges, other.Ranges) {
				continue
			}
			a, b := said.Slots(), other.Slots()
			diff := difference(a, b)
			r = append(r, Finding{Problem: Disagreement, Node: n.ID, Other: other.ID, Slots: diff,
				Text: fmt.Sprintf("Nodes don't agree about configuration: %s and %s differ about whether %s owns %s",
					n.Name(), other.Name(), other.Name(), slotList(diff))})
		}
	}
	return r
}

// difference returns the slots that are in only one of the sets.
func difference(a, b slots.Set) slots.Set {
	onlyA := a
	onlyA.Subtract(&b)
	b.Subtract(&a)
	onlyA.Union(&b)
	return onlyA
}

func checkEpochs(v *View) (r Report) {
	masters := v.Masters()
	for i, a := range masters {
		for _, b := range masters[i+1:] {
			if a.Epoch == b.Epoch && a.Serves() && b.Serves() {
				r = append(r, Finding{Problem: EpochClash, Warning: true, Node: a.ID, Other: b.ID,
					Text: fmt.Sprintf("Nodes %s and %s have the same config epoch %d", a.Name(), b.Name(), a.Epoch)})
			}
		}
	}
	for _, n := range v.Alive() {
		for _, other := range masters {
			if said := n.member(other.ID); other.Alive() && said != nil && said.Epoch < other.Epoch {
				r = append(r, Finding{Problem: EpochBehind, Warning: true, Node: n.ID, Other: other.ID,
					Text: fmt.Sprintf("Node %s has not heard yet that the config epoch of %s is %d; it knows %d", n.Name(),
						other.Name(), other.Epoch, said.Epoch)})
			}
		}
	}
	return r
}

// checkState looks at cluster_state only where nothing else explains it.
func checkState(v *View) (r Report) {
	for _, n := range v.Alive() {
		if n.Cluster["cluster_state"] == "fail" {
			r = append(r, Finding{Problem: StateFail, Warning: true, Node: n.ID,
				Text: fmt.Sprintf("Node %s does not serve: its cluster_state is fail", n.Name())})
		}
	}
	return r
}

func checkReplicas(v *View) (r Report) {
	hosts := make(map[string]bool)
	replicated := false
	for _, n := range v.Nodes {
		hosts[n.Addr.Host] = true
		replicated = replicated || !n.IsMaster()
	}
	for _, n := range v.Nodes {
		switch {
		case n.Serves() && replicated:
			r = append(r, v.checkMaster(n, len(hosts) > 1)...)
		case !n.IsMaster() && n.Alive():
			r = append(r, v.checkReplica(n)...)
		}
	}
	return r
}

func (v *View) checkMaster(n *Node, manyHosts bool) (r Report) {
	replicas := v.Replicas(n.ID)
	elsewhere := slices.ContainsFunc(replicas, func(x *Node) bool { return x.Addr.Host != n.Addr.Host })
	switch {
	case len(replicas) == 0:
		r = append(r, Finding{Problem: NoReplica, Warning: true, Node: n.ID,
			Text: fmt.Sprintf("Master %s has no replica: slotmesh add-node NEW %s --cluster-slave --cluster-master-id %s",
				n.Name(), v.Nodes[0].Address, n.ID)})
	case manyHosts && !elsewhere:
		r = append(r, Finding{Problem: SameHost, Warning: true, Node: n.ID,
			Text: fmt.Sprintf("Master %s and all its replicas run on the same host", n.Name())})
	}
	return r
}

func (v *View) checkReplica(n *Node) (r Report) {
	if m := v.Node(n.Master); m == nil || !m.IsMaster() {
		return Report{{Problem: BadMaster, Node: n.ID, Other: n.Master,
			Text: fmt.Sprintf("Node %s replicates %s, which is no master", n.Name(), v.name(n.Master))}}
	}
	if n.Info["master_link_status"] == "down" {
		return Report{{Problem: ReplicaLag, Warning: true, Node: n.ID, Other: n.Master,
			Text: fmt.Sprintf("Replica %s has no link to its master %s", n.Name(), v.name(n.Master))}}
	}
	return nil
}
