package admin

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// Problem is a kind of Finding.
type Problem string

// What Check finds.
const (
	Unreachable   Problem = "unreachable"    // Node does not answer
	Failing       Problem = "failing"        // others hold Node for failed or suspect it
	StateFail     Problem = "state-fail"     // Node does not serve: its cluster_state is fail
	Uncovered     Problem = "uncovered"      // nobody owns Slots
	SeveralOwners Problem = "several-owners" // Node and Other both say that Slots are theirs
	Migrating     Problem = "migrating"      // Slots are open at Node, on their way to Other
	Importing     Problem = "importing"      // Slots are open at Node, on their way from Other
	StuckMove     Problem = "stuck-move"     // Node moves Slots to or from Other by itself, which does not answer
	// Node holds keys of Slots, which are Other's and not on their way: nobody reaches them
	OrphanedKeys Problem = "orphaned-keys"
	Disagreement Problem = "disagreement"    // Node does not know that Slots are Other's
	Stranger     Problem = "stranger"        // Node does not know Other
	NoReplica    Problem = "no-replica"      // Node is a master that nobody replicates, in a cluster with replicas
	SameHost     Problem = "same-host"       // all replicas of Node run on its own host, though there are others
	ReplicaLag   Problem = "replica-link"    // Node is a replica without a link to its master, Other
	BadMaster    Problem = "bad-master"      // Node replicates Other, which is no master
	EpochClash   Problem = "epoch-collision" // Node and Other have the same config epoch
	EpochBehind  Problem = "epoch-behind"    // Node knows an older config epoch of Other than Other has
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Problem Problem
	Warning bool // the cluster serves nevertheless
	Node    slots.NodeID
	Other   slots.NodeID
	Slots   slots.Set
	Text    string // for people: names addresses, says what to do where that is not Fix
}

// String prints "[ERR] text" or "[WARNING] text".
func (f Finding) String() string {
	if f.Warning {
		return "[WARNING] " + f.Text
	}
	return "[ERR] " + f.Text
}

// MarshalJSON writes ids as text and slots as ranges, and leaves out what is empty.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Problem Problem `json:"problem"`
		Warning bool    `json:"warning"`
		Node    string  `json:"node,omitempty"`
		Other   string  `json:"other,omitempty"`
		Slots   string  `json:"slots,omitempty"`
		Text    string  `json:"text"`
	}{f.Problem, f.Warning, idText(f.Node), idText(f.Other), f.Slots.String(), f.Text})
}

func idText(id slots.NodeID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// Report is what Check found; empty if all is well.
type Report []Finding

// OK reports whether there is nothing worse than warnings.
func (r Report) OK() bool {
	for i := range r {
		if !r[i].Warning {
			return false
		}
	}
	return true
}

// Has reports whether there is a finding of one of these kinds.
func (r Report) Has(kinds ...Problem) bool {
	for i := range r {
		for _, k := range kinds {
			if r[i].Problem == k {
				return true
			}
		}
	}
	return false
}

// Slots returns all slots in findings of that kind.
func (r Report) Slots(kind Problem) slots.Set {
	var set slots.Set
	for i := range r {
		if r[i].Problem == kind {
			set.Union(&r[i].Slots)
		}
	}
	return set
}

// String prints a line per finding, and the words of the stock tools where they hold.
func (r Report) String() string {
	var b strings.Builder
	for _, f := range r {
		fmt.Fprintln(&b, f)
	}
	if !r.Has(Disagreement, Stranger, SeveralOwners) {
		fmt.Fprintln(&b, "[OK] All nodes agree about slots configuration.")
	}
	if !r.Has(Migrating, Importing) {
		fmt.Fprintln(&b, "[OK] No open slots.")
	}
	if !r.Has(Uncovered) {
		fmt.Fprintf(&b, "[OK] All %d slots covered.\n", slots.Count)
	}
	return b.String()
}

// err returns an error that matches ErrBroken and tells what was found, nil if
// nothing but warnings.
func (r Report) err(entry string) error {
	if r.OK() {
		return nil
	}
	var list []string
	for _, f := range r {
		if !f.Warning {
			list = append(list, f.Text)
		}
	}
	const most = 3
	more := ""
	if len(list) > most {
		more = fmt.Sprintf("; and %d more", len(list)-most)
		list = list[:most]
	}
	return fmt.Errorf("%w: %s%s; \"slotmesh check %s\" lists them, \"slotmesh fix %s\" repairs most", ErrBroken,
		strings.Join(list, "; "), more, entry, entry)
}
