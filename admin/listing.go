package admin

import (
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// String lists all nodes as redis-cli --cluster check does, masters first: role, id and
// address, slots, and the master of each replica.
func (v *View) String() string {
	var b strings.Builder
	for _, n := range v.Nodes {
		if !n.IsMaster() {
			continue
		}
		owned := n.Slots()
		fmt.Fprintf(&b, "M: %s %s%s\n   slots:%s (%s) master\n", n.ID, n.Address, n.mark(), bracketed(owned),
			plural(owned.Len(), "slot"))
		if r := len(v.Replicas(n.ID)); r > 0 {
			fmt.Fprintf(&b, "   %d additional replica(s)\n", r)
		}
	}
	for _, n := range v.Nodes {
		if !n.IsMaster() {
			fmt.Fprintf(&b, "S: %s %s%s\n   slots: (0 slots) slave\n   replicates %s\n", n.ID, n.Address, n.mark(), n.Master)
		}
	}
	return b.String()
}

// mark tells of a node that was not asked itself.
func (n *Node) mark() string {
	if n.Alive() {
		return ""
	}
	return " (does not answer)"
}

// bracketed prints all of a set, "[0-5460],[7]".
func bracketed(set slots.Set) string {
	var parts []string
	for r := range set.Ranges() {
		parts = append(parts, "["+r.String()+"]")
	}
	return strings.Join(parts, ",")
}
